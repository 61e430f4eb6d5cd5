"""Our processes as an operator runs them: started, killed, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """Below the ephemeral range, so that no client of ours holds it when we listen again."""
    for port in range(20_000 + os.getpid() % 9_000, 32_000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no free port")


class Process:
    """`python -m NAME` with settings of its own; its words go to a file."""

    def __init__(self, name: str, port: int, env: dict[str, str], log: Path) -> None:
        self.name = name
        self.port = port
        self._env = {"PATH": os.environ["PATH"], **env, f"{name.upper()}_PORT": str(port)}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *, is_ready: bool = True) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.name, cwd=ROOT, env=self._env, stderr=log, stdout=log
            )
        if is_ready:
            await self.until_ready()

    async def until_ready(self) -> None:
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            while True:
                assert self._process is not None
                assert self._process.returncode is None, self._log.read_text()
                try:
                    url = f"http://127.0.0.1:{self.port}/health/ready"
                    async with http.get(url) as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)

    async def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(sign)
        return await self._process.wait()


@asynccontextmanager
async def process(
    name: str, tmp_path: Path, port: int | None = None, **env: str
) -> AsyncIterator[Process]:
    port = port or free_port()
    running = Process(name, port, env, tmp_path / f"{name}-{port}.log")
    await running.start()
    try:
        yield running
    finally:
        await running.end()

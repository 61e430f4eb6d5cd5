"""Programs of a measurement: started, waited for, ended, whatever happens to us."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from pathlib import Path

import aiohttp

from simulators.bench.errors import BenchError

ROOT = Path(__file__).parents[2]
#: The programs end when their standard input does, which the kernel closes however we end.
END_WITH_PARENT = "--end-with-parent"
_READY_S = 60.0
_STOP_S = 20.0
# Settings of whoever runs this are not those of the measurement.
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PG_BIN", "VIRTUAL_ENV")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(settings)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def program(
    *words: str,
    log: Path,
    settings: Mapping[str, str] | None = None,
    is_heard: bool = False,
    place: AbstractContextManager[None] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """
    `python ...` in the project's folder; what it writes goes to a file.

    Args:
        is_heard: its standard output is for the caller to read.
        place: is entered while it is started, to choose its core.
    """
    with log.open("ab") as file, place or nullcontext():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            cwd=ROOT,
            env=environment(settings or {}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if is_heard else file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is for us, who end them in order
        )
    try:
        yield process
    finally:
        # Shielded, so that a second Ctrl-C does not leave it running.
        await asyncio.shield(asyncio.ensure_future(_end(process)))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Its standard input ends, and so does it; if not, by force."""
    if process.stdin:
        process.stdin.close()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            with suppress(ProcessLookupError):
                process.send_signal(number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_S)
            return


async def said(*words: str, log: Path, settings: Mapping[str, str]) -> str:
    """What a program writes on standard output; it must end well."""
    async with program(*words, log=log, settings=settings, is_heard=True) as process:
        out, _ = await process.communicate()
    if process.returncode:
        raise BenchError(f"python {' '.join(words)} ended with {process.returncode}: {tail(log)}")
    return out.decode().strip()


async def until_ready(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    """A page answers: with 426 when there are only WebSockets, else with 200."""
    try:
        async with asyncio.timeout(_READY_S), aiohttp.ClientSession() as http:
            while process.returncode is None:
                with suppress(aiohttp.ClientError, OSError):
                    async with http.get(url) as response:
                        if response.status in (200, 426):
                            return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise BenchError(f"{url} is not ready after {_READY_S:.0f} s: {tail(log)}") from None
    raise BenchError(f"The server of {url} ended: {tail(log)}")


def tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return " / ".join(lines[-3:])

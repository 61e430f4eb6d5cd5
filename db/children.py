"""Processes that `make run` starts: kept up, ended with it, and none outlives it."""

import asyncio
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from db.parent import END_WITH_PARENT
from db.settings import ConfigError

DEATHS, READY_S, STOP_S = 3, 60.0, 20.0
_LONGEST_PAUSE_S = 60.0


class Child:
    """A process that is started again whenever it ends, ever later if it ends at once."""

    def __init__(self, name: str, command: Sequence[str], *, is_quiet: bool = False) -> None:
        """`is_quiet`: of what it writes only the errors are shown, and the same ones once."""
        self.name, self.command, self.is_quiet = name, command, is_quiet
        self.process: asyncio.subprocess.Process | None = None

    async def keep_up(self) -> None:
        """Never gives up: for a process that the others do without."""
        pause_s, told = 1.0, None
        while True:
            began = time.monotonic()
            status = await self._live(is_silent=self.is_quiet and told is not None)
            if time.monotonic() - began > _LONGEST_PAUSE_S:
                pause_s, told = 1.0, None
            if status != told:
                say(f"{self.name} ended with status {status} and is started again.")
            told = status
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _live(self, *, is_silent: bool = False) -> int:
        """One life of the process, and how it ended."""
        pipe = asyncio.subprocess.PIPE  # its other end goes with us, which the process notices
        self.process = process = await asyncio.create_subprocess_exec(
            *self.command,
            END_WITH_PARENT,
            stdin=pipe,
            stdout=asyncio.subprocess.DEVNULL if self.is_quiet else None,
            stderr=asyncio.subprocess.DEVNULL if is_silent else None,
            start_new_session=True,
        )
        try:
            return await process.wait()
        finally:
            self.send(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_S)
            self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        # Not Process.send_signal, which may take the exit status away from asyncio.
        if self.process and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


class Server(Child):
    """A process that listens, and says at /health/ready when it can serve."""

    def __init__(self, name: str, command: Sequence[str], host: str, port: int) -> None:
        super().__init__(name, command)
        self.host, self.port = host, port
        self.was_ready = asyncio.Event()

    def refuse_a_taken_port(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            socket.create_server((self.host, self.port), family=family).close()
        except OSError as error:
            known = error.errno is not None and error.errno > 0  # a host name has none
            why = os.strerror(error.errno or 0) if known else error.strerror
            raise ConfigError(
                f"{self.name} cannot listen on {self.host} port {self.port}: {why}. "
                f"End what uses it, or set {self.name.upper()}_PORT."
            ) from None

    async def keep_up(self) -> None:
        """Gives up after so many deaths in a row without having become ready."""
        deaths, status = 0, 0
        while deaths < DEATHS and not (status == 2 and not self.was_ready.is_set()):
            if deaths or status:
                say(f"{self.name} ended with status {status} and is started again.")
            await asyncio.sleep(0.5 * (2**deaths - 1))
            readiness = asyncio.create_task(self._become_ready())
            try:
                status = await self._live()
            finally:
                readiness.cancel()
            deaths = 0 if readiness.done() else deaths + 1
        raise ConfigError(f"{self.name} does not start (status {status}); it says why above.")

    async def first_readiness(self) -> None:
        try:
            await asyncio.wait_for(self.was_ready.wait(), READY_S)
        except TimeoutError:
            raise ConfigError(f"{self.name} runs but is not ready after {READY_S:.0f} s.") from None

    async def _become_ready(self) -> None:
        while not await asyncio.to_thread(self._answers):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)
        self.was_ready.set()
        say(f"{self.name} is ready.")

    def _answers(self) -> bool:
        near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        link = http.client.HTTPConnection(near, self.port, timeout=2)
        try:
            link.request("GET", "/health/ready")
            return link.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()


def end_when_told(children: Sequence[Child], *, is_end_with_parent: bool) -> None:
    """
    Ctrl-C and SIGTERM cancel the current task, a second one ends everything at once.

    So does, when asked to, the end of whoever started us.
    """
    task, loop, parent = asyncio.current_task(), asyncio.get_running_loop(), os.getppid()
    assert task

    def stop() -> None:
        if task.cancelling():
            for child in children:
                child.send(signal.SIGKILL)
            os._exit(1)
        task.cancel()

    def look_for_parent() -> None:
        stop() if os.getppid() != parent else loop.call_later(0.5, look_for_parent)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if is_end_with_parent:
        look_for_parent()


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()

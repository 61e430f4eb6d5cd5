"""`make run`: PostgreSQL, csms and portal, kept up until Ctrl-C; nothing outlives it."""

import asyncio
import http.client
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from db import embedded, settings
from db.config import ConfigError, DatabaseConfig
from db.migrate import migrate
from db.parent import END_WITH_PARENT

WITH_MAKE = "--end-with-make"
COMMANDS = {name: (sys.executable, "-m", name) for name in ("csms", "portal")}
DEATHS, READY_S, STOP_S = 3, 60.0, 20.0
UP = """
Polaris Express is up. Ctrl-C ends it; the data stays in {data_dir}.

  API        http://{portal}/api/v1
  Chargers   ws://{csms}/ocpp/IDENTITY

Next, in another terminal: make a token, add a charger and start a simulated one.

  TOKEN=$(.venv/bin/python -m portal token create --name me --scope admin)
  curl -s http://{portal}/api/v1/stations -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' \\
    -d '{{"identity": "CP-1", "password": "a-password-for-CP-1"}}'
  .venv/bin/python -m simulators station CP-1 --version 2.0.1 --password a-password-for-CP-1 \\
    --url ws://{csms}/ocpp

README goes on from there: a card, a session, and what the database has of it.
"""


class Child:
    """One of our processes: started, and started again when it ends."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.name, self.command = name, command
        self.host = settings.text(env, f"{name.upper()}_HOST")
        self.port = settings.port(env, f"{name.upper()}_PORT")
        self.near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        self.address = (
            f"[{self.near}]:{self.port}" if ":" in self.near else f"{self.near}:{self.port}"
        )
        self.was_ready = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None

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
        deaths, status = 0, 0
        while deaths < DEATHS and not (status == 2 and not self.was_ready.is_set()):
            if deaths or status:
                say(f"{self.name} ended with status {status} and is started again.")
            await asyncio.sleep(0.5 * (2**deaths - 1))
            ready, status = await self._live()
            deaths = 0 if ready else deaths + 1
        raise ConfigError(f"{self.name} does not start (status {status}); it says why above.")

    async def _live(self) -> tuple[bool, int]:
        """One life of the process: whether it became ready, and how it ended."""
        pipe = asyncio.subprocess.PIPE  # its other end goes with us, which the process notices
        self.process = process = await asyncio.create_subprocess_exec(
            *self.command, END_WITH_PARENT, stdin=pipe, start_new_session=True
        )
        readiness = asyncio.create_task(self._become_ready())
        try:
            status = await process.wait()
            return readiness.done(), status
        finally:
            readiness.cancel()
            self.send(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_S)
            self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        # Not Process.send_signal, which may take the exit status away from asyncio.
        if self.process and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

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
        link = http.client.HTTPConnection(self.near, self.port, timeout=2)
        try:
            link.request("GET", "/health/ready")
            return link.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()


async def run(commands: Mapping[str, Sequence[str]]) -> None:
    config = DatabaseConfig.from_env(os.environ)
    children = [Child(name, command, os.environ) for name, command in commands.items()]
    end_when_told(children)
    for child in children:
        child.refuse_a_taken_port()
    async with embedded.database(config, see_it_stop=True) as url:
        for name in await migrate(url):
            say(f"Migrated the database: {name}")
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(child.keep_up())
            for child in children:
                await child.first_readiness()
            say(UP.format(data_dir=config.data_dir, **{c.name: c.address for c in children}))


def end_when_told(children: Sequence[Child]) -> None:
    """Ctrl-C and SIGTERM end us in order, a second one at once; so does the end of make."""
    task, loop, parent = asyncio.current_task(), asyncio.get_running_loop(), os.getppid()
    assert task

    def stop() -> None:
        if task.cancelling():
            for child in children:
                child.send(signal.SIGKILL)
            os._exit(1)
        task.cancel()

    def look_for_make() -> None:
        stop() if os.getppid() != parent else loop.call_later(0.5, look_for_make)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if WITH_MAKE in sys.argv:
        look_for_make()


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(commands: Mapping[str, Sequence[str]] = COMMANDS) -> int:
    status = 0
    try:
        asyncio.run(run(commands))
    except* asyncio.CancelledError:
        pass  # we were told to end
    except* ConfigError as group:
        status = 2
        sys.stderr.writelines(f"{error}\n" for error in group.exceptions)
    return status


if __name__ == "__main__":
    sys.exit(main())

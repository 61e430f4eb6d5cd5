"""
PostgreSQL when DATABASE_URL is not set: started by the first process that needs it, joined by
the others, stopped after the last.

    a user (csms, portal, make run)      holds a shared lock on users.lock
    the holder (`db.holder`)             is PostgreSQL's parent; ends when it can have that lock
    a start or join                      holds start.lock, so that there is one at a time

Every lock goes with its process, so a kill -9 needs no clean-up. A killed holder leaves
PostgreSQL running; the users notice and start another, which watches the one that runs.
"""

import asyncio
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from db.config import DatabaseConfig, own_directory
from db.embedded_options import HOLDER_LOCK, LOG, START_LOCK, USERS_LOCK, Options
from db.embedded_process import is_running, ready_url
from db.embedded_server import environment, tail
from db.file_lock import FileLock
from db.settings import ConfigError

log = logging.getLogger(__name__)

_START_S = 120.0
_WATCH_S = 1.0
_STOP_S = 10.0
_DEFAULT = Options()


@asynccontextmanager
async def database(
    config: DatabaseConfig, *, options: Options = _DEFAULT, see_it_stop: bool = False
) -> AsyncIterator[str]:
    """The database to use, as an address for asyncpg; the embedded one lives until we leave."""
    if config.database_url:
        yield config.database_url
        return
    user = _User(config.data_dir, options)
    joining = asyncio.ensure_future(asyncio.to_thread(user.join))
    try:
        url = await asyncio.shield(joining)
    except asyncio.CancelledError:
        user.leaving.set()
        with suppress(ConfigError):
            await joining
        user.leave()
        raise
    try:
        yield url
    finally:
        await asyncio.to_thread(user.leave, see_it_stop=see_it_stop)


@contextmanager
def server(
    data_dir: Path, *, options: Options = _DEFAULT, see_it_stop: bool = False
) -> Iterator[str]:
    """The embedded PostgreSQL of a folder, for code without an event loop."""
    user = _User(data_dir, options)
    url = user.join()
    try:
        yield url
    finally:
        user.leave(see_it_stop=see_it_stop)


class _User:
    """This process's part in the PostgreSQL of one DATA_DIR."""

    def __init__(self, data_dir: Path, options: Options) -> None:
        self.data_dir = data_dir.absolute()
        self.options = options
        self.leaving = threading.Event()
        self._users = FileLock(self.data_dir / USERS_LOCK)
        self._holder = FileLock(self.data_dir / HOLDER_LOCK)
        self._watcher = threading.Thread(target=self._watch, name="embedded", daemon=True)

    def join(self) -> str:
        own_directory(self.data_dir)
        deadline = time.monotonic() + _START_S
        try:
            with self._one_start(deadline):
                # A holder that is stopping has this lock until it ended.
                if not self._users.take(shared=True, timeout_s=deadline - time.monotonic()):
                    raise ConfigError(f"The PostgreSQL in {self.data_dir} does not stop.")
                url = self._held(deadline)
        except BaseException:
            self._users.release()
            raise
        self._watcher.start()
        return url

    def leave(self, *, see_it_stop: bool = False) -> None:
        self.leaving.set()
        if self._watcher.is_alive():
            self._watcher.join()
        if not self._users.held:
            return
        try:
            self._leave_no_orphan()
        except (ConfigError, OSError) as error:
            log.warning("PostgreSQL may be left running: %s", error)
        finally:
            self._users.release()
        if see_it_stop and self.data_dir.exists():
            self._see_it_stop()

    def _leave_no_orphan(self) -> None:
        """Replace a holder that was killed a moment ago: nobody else would stop PostgreSQL."""
        if self.data_dir.exists() and self._holder.is_free() and is_running(self.data_dir):
            self.leaving.clear()
            deadline = time.monotonic() + _STOP_S
            with self._one_start(deadline):
                self._held(deadline)

    def _see_it_stop(self) -> None:
        """Have the holder stop at once when we were the last, and wait for it."""
        if not self._users.take(timeout_s=0.05):
            return
        self._users.release()
        if self._holder.is_free():
            return  # its number may be another process's by now
        with suppress(ValueError, ProcessLookupError):
            os.kill(int(self._holder.read()), signal.SIGUSR1)
        deadline = time.monotonic() + _STOP_S
        while not self._holder.is_free() and time.monotonic() < deadline:
            time.sleep(0.02)

    @contextmanager
    def _one_start(self, deadline: float) -> Iterator[None]:
        lock = FileLock(self.data_dir / START_LOCK)
        while not lock.take(timeout_s=0.2):
            self._go_on(deadline)
        try:
            yield
        finally:
            lock.release()

    def _held(self, deadline: float) -> str:
        """Wait until PostgreSQL is ready, with a holder; make one when there is none."""
        while True:
            if self._holder.is_free():
                self._spawn(deadline)
            if url := ready_url(self.data_dir):
                return url
            self._go_on(deadline)
            time.sleep(0.01)

    def _spawn(self, deadline: float) -> None:
        with (self.data_dir / LOG).open("ab") as log_file:
            holder = subprocess.Popen(
                [sys.executable, "-m", "db.holder", self.data_dir, self.options.to_json()],
                cwd=Path(__file__).parents[1],
                env=environment() | {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log_file,
                start_new_session=True,
            )
        _reaped(holder)
        assert holder.stdout
        with holder.stdout as pipe:
            while not select.select([pipe], [], [], 0.1)[0]:
                self._go_on(deadline)
            said = pipe.readline().decode().strip()
        if said.startswith("error "):
            raise ConfigError(said.removeprefix("error "))
        if said != "ready":
            raise ConfigError(f"The embedded PostgreSQL did not start: {self._log_tail()}")

    def _go_on(self, deadline: float) -> None:
        if self.leaving.is_set():
            raise ConfigError("The start was interrupted.")
        if time.monotonic() > deadline:
            raise ConfigError(
                f"The PostgreSQL in {self.data_dir} is not ready after {_START_S:.0f} s: "
                f"{self._log_tail()}"
            )

    def _log_tail(self) -> str:
        return tail(self.data_dir / LOG)

    def _watch(self) -> None:
        """Give PostgreSQL another holder when its own was killed."""
        while not self.leaving.wait(_WATCH_S):
            try:
                if self._holder.is_free():
                    deadline = time.monotonic() + _START_S
                    with self._one_start(deadline):
                        self._held(deadline)
                    log.warning("the holder of PostgreSQL was gone; there is another")
            except (ConfigError, OSError) as error:
                if not self.leaving.is_set():
                    log.warning("PostgreSQL has no holder: %s", error)


def _reaped(holder: "subprocess.Popen[bytes]") -> None:
    """Take note of its end, so that it is no zombie of ours; our own end does not wait for it."""
    threading.Thread(target=holder.wait, name="holder", daemon=True).start()

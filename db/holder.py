"""
The parent of the embedded PostgreSQL, which `db.embedded` starts.

It outlives who started it, restarts a PostgreSQL that dies, and ends, with PostgreSQL, when for
two seconds nobody has held the lock that every user of the database holds. To whom started it,
it says one line: `ready`, or `error` and a sentence.
"""

import os
import select
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from db import embedded_account, embedded_binaries, embedded_server
from db.embedded_options import HOLDER_LOCK, LOG, USERS_LOCK, Options
from db.file_lock import FileLock
from db.settings import ConfigError

LINGER_S = 2.0
_TICK_S = 0.2
_STARTING_TICK_S = 0.01
_LOG_BYTES = 20_000_000
_BACK_OFF_MOST_S = 10.0
_STEADY_S = 60.0  # a PostgreSQL that lived so long starts its back-off anew
_OBSTACLE_S = 10.0
# What the last processes of a killed PostgreSQL leave behind for a moment.
_PASSING = ("shared memory block", "lock file")


class Holder:
    def __init__(self, data_dir: Path, options: Options) -> None:
        self.data_dir = data_dir
        self.options = options
        self.lock = FileLock(data_dir / HOLDER_LOCK)
        self.users = FileLock(data_dir / USERS_LOCK)
        self.log = data_dir / LOG
        self._wake, self._waker = os.pipe()
        self._stop = False
        self._hurry = False
        self._alone_since: float | None = None

    def run(self) -> None:
        self._listen()
        if not self.lock.take(timeout_s=10.0):
            raise ConfigError(f"Another process is PostgreSQL's parent in {self.data_dir}.")
        self.lock.write(str(os.getpid()))
        binaries = embedded_binaries.choose(self.data_dir, self.options.source)
        place = embedded_account.settle(self.data_dir, binaries, namespaces=self.options.namespaces)
        folder = embedded_binaries.data_folder(self.data_dir, binaries.major)
        if not folder.exists():
            durable = self.options.settings.get("fsync") != "off"
            embedded_server.make(self.data_dir, place, sync=durable)
        server = embedded_server.Server(place, folder, self.log, self.options.settings)
        try:
            self._hold(server)
        finally:
            server.stop()
            self.lock.release()
            self.users.release()

    def _hold(self, server: embedded_server.Server) -> None:
        announced, failures = False, 0
        began = started = time.monotonic()
        due: float | None = None  # when a PostgreSQL that ended is started again
        server.start()
        while not self._stop and not self._is_alone():
            now = time.monotonic()
            if server.alive:
                if not announced and server.ready:
                    announced = True
                    announce("ready")
            elif due is None:
                if not (announced or server.was_found or self._passing(began)):
                    raise ConfigError(
                        f"PostgreSQL does not start in {server.folder}: "
                        f"{embedded_server.tail(self.log)}"
                    )
                failures = 0 if now - started > _STEADY_S else failures + 1
                due = now + min(0.05 * 2**failures, _BACK_OFF_MOST_S)
                self._note("PostgreSQL ended and is started again")
            elif now >= due:
                self._shorten_log()
                started, due = now, None
                server.start()
            self._sleep(_TICK_S if announced and due is None else _STARTING_TICK_S)

    def _is_alone(self) -> bool:
        """Whether no user is left; then the users' lock stays ours, so that none comes in."""
        if not self.lock.is_current():
            return True  # DATA_DIR was removed or replaced under us
        if not self.users.take():
            self._alone_since, self._hurry = None, False
            return False
        self._alone_since = self._alone_since or time.monotonic()
        if self._hurry or time.monotonic() - self._alone_since >= LINGER_S:
            return True
        self.users.release()
        return False

    def _passing(self, began: float) -> bool:
        said = embedded_server.tail(self.log, lines=6)
        return time.monotonic() - began < _OBSTACLE_S and any(word in said for word in _PASSING)

    def _listen(self) -> None:
        os.set_blocking(self._waker, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop = True
        elif number == signal.SIGUSR1:
            self._hurry = True

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wake], [], [], seconds)[0]:
            os.read(self._wake, 1000)

    def _note(self, words: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S UTC} [holder] {words}\n")

    def _shorten_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.rename(self.log.with_name(f"{LOG}.1"))


def announce(line: str) -> None:
    """Tell whom started us, who may be gone, and let go of the pipe."""
    with os.fdopen(os.dup(1), "w") as pipe:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        try:
            pipe.write(line + "\n")
            pipe.flush()
        except BrokenPipeError:
            return


def main() -> int:
    data_dir, options = Path(sys.argv[1]), Options.from_json(sys.argv[2])
    os.chdir("/")
    try:
        Holder(data_dir, options).run()
    except ConfigError as error:
        announce(f"error {error}".replace("\n", " "))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

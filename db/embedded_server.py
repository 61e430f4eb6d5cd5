"""One PostgreSQL over one data folder: made, started, watched, stopped."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from db import embedded_process
from db.embedded_account import Place, command
from db.embedded_binaries import data_folder
from db.embedded_process import PORT, PidFile, answers, lives_in, running
from db.settings import ConfigError

# For a small machine with many short transactions; everything durable.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": PORT,
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_locks_per_transaction": "256",  # partitions: a query locks each that it touches
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
_SOCKET_DIR_BYTES = 85  # 103 for the whole path on macOS, 107 on Linux
_FAST_STOP_S = 30.0


def make(data_dir: Path, place: Place, *, sync: bool = True) -> None:
    """initdb, complete or not at all: the data folder gets its name at the end."""
    folder = data_folder(data_dir, place.binaries.major)
    for left in place.home.glob(f"new-{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f"new-{folder.name}-", dir=place.home))
    os.chown(draft, place.account.uid, place.account.gid)
    words = ["-U", "app", "--auth=trust", "-E", "UTF8", "--no-instructions", "--data-checksums"]
    said = ""
    for locale in ("C.UTF-8", "en_US.UTF-8", "C"):  # macOS may lack the first
        done = subprocess.run(
            command(
                place,
                "initdb",
                "-D",
                draft,
                *words,
                f"--locale={locale}",
                *([] if sync else ["-N"]),
            ),
            **place.account.popen(),
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode == 0:
            break
        said = " / ".join(done.stderr.strip().splitlines()[-3:])
    else:
        shutil.rmtree(draft, ignore_errors=True)
        raise ConfigError(f"PostgreSQL could not make its data in {place.home}: {said}")
    draft.rename(place.home / folder.name)
    if not folder.exists():
        folder.symlink_to(place.home / folder.name)


def environment() -> dict[str, str]:
    """Nothing of ours: a libpq variable or a locale would change what the programs do."""
    kept = ("PATH", "TMPDIR", "HOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def tail(log: Path, *, lines: int = 3) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4000))
            said = file.read().decode(errors="replace").strip().splitlines()
            said = [line for line in said if "[holder]" not in line]
    except FileNotFoundError:
        return ""
    return " / ".join(said[-lines:])


class Server:
    """PostgreSQL's first process, started by us or found running."""

    def __init__(self, place: Place, folder: Path, log: Path, settings: Mapping[str, str]) -> None:
        self.place = place
        self.folder = folder.resolve()
        self.log = log
        self.settings = {**SETTINGS, **settings}
        self._child: subprocess.Popen[bytes] | None = None
        self._found: int | None = None

    def start(self) -> None:
        """Start it, or watch the one that runs already; does not wait until it is ready."""
        self._child = None
        if found := running(self.folder):
            self._found = found.pid
            return
        self._found = None
        embedded_process.forget_a_stale_number(self.folder)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command(
                    self.place,
                    "postgres",
                    *("-D", self.folder),
                    *("-k", '"' + str(socket_dir(self.place)).replace('"', '""') + '"'),
                    *(word for name in self.settings for word in ("-c", self._setting(name))),
                ),
                **self.place.account.popen(),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    @property
    def was_found(self) -> bool:
        return self._found is not None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else self._found

    @property
    def alive(self) -> bool:
        if self._child:
            return self._child.poll() is None
        return self._found is not None and lives_in(self._found, self.folder)

    @property
    def ready(self) -> bool:
        said = PidFile.read(self.folder)
        return (
            said is not None
            and said.ready
            and said.pid == self.pid
            and self.alive
            and answers(said.socket_dir)
        )

    def stop(self) -> None:
        """Fast: sessions are cut, what is committed is kept; by force when that takes too long."""
        for number, patience_s in (
            (signal.SIGINT, _FAST_STOP_S),
            (signal.SIGQUIT, 10.0),
            (signal.SIGKILL, 5.0),
        ):
            pid = self.pid
            if pid is None or not self.alive:
                return
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + patience_s
            while self.alive and time.monotonic() < deadline:
                time.sleep(0.01)

    def _setting(self, name: str) -> str:
        return f"{name}={self.settings[name]}"


def socket_dir(place: Place) -> Path:
    """A private folder with a path that can be a socket's, made when it is not there."""
    account, folder = place.account, place.home / "socket"
    # A comma in an address separates two hosts.
    if len(os.fsencode(folder)) > _SOCKET_DIR_BYTES or "," in str(folder):
        named = hashlib.sha256(os.fsencode(place.home)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"polaris-{account.uid}-{named}"
        if len(os.fsencode(folder)) > _SOCKET_DIR_BYTES:
            folder = Path("/tmp") / folder.name  # noqa: S108 - its owner is verified below
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    seen = folder.lstat()
    if folder.is_symlink() or seen.st_uid != account.uid or seen.st_mode & 0o077:
        raise ConfigError(f"{folder} is not private to PostgreSQL's account: remove it.")
    return folder

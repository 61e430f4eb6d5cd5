"""What runs over a data folder: PostgreSQL's own word in postmaster.pid, verified."""

import os
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from db.embedded_binaries import data_folder, newest_major

PORT = "5432"  # part of the socket's name; nothing listens on a network
_HAS_PROC = Path("/proc/self/cwd").exists()


@dataclass(frozen=True)
class PidFile:
    """What a running PostgreSQL says of itself in postmaster.pid."""

    pid: int
    socket_dir: str
    ready: bool

    @classmethod
    def read(cls, folder: Path) -> "PidFile | None":
        try:
            lines = (folder / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (OSError, ValueError, IndexError):
            return None
        lines += [""] * 8
        return cls(pid, lines[4].strip(), lines[7].strip() == "ready")


def folder_of(pid: int) -> str | None:
    """The current folder of a process, which for PostgreSQL's is the data folder."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except PermissionError:
        return None
    except OSError:
        return ""  # it ended


def lives_in(pid: int, folder: Path) -> bool:
    """Whether this process is a PostgreSQL of this folder, and no later one with its number."""
    if _HAS_PROC:
        # Of another account: who may not look may not judge.
        return folder_of(pid) in (None, str(folder.resolve()))
    shown = ["ps", "-o", "comm=", "-p", str(pid)]
    return "postgres" in subprocess.run(shown, capture_output=True, text=True).stdout


def running(folder: Path) -> PidFile | None:
    found = PidFile.read(folder)
    return found if found and lives_in(found.pid, folder) else None


def answers(socket_dir: str) -> bool:
    """Whether PostgreSQL takes connections: one that was killed has left its word behind."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(2)
        try:
            link.connect(f"{socket_dir}/.s.PGSQL.{PORT}")
            link.sendall(struct.pack("!ii", 8, 80877103))  # may we speak TLS? S or N
            return link.recv(1) in (b"S", b"N")
        except OSError:
            return False


def is_running(data_dir: Path) -> bool:
    major = newest_major(data_dir)
    return major is not None and running(data_folder(data_dir, major)) is not None


def ready_url(data_dir: Path) -> str | None:
    """How to reach the PostgreSQL of a DATA_DIR, once it takes connections."""
    major = newest_major(data_dir)
    found = running(data_folder(data_dir, major)) if major else None
    if found is None or not found.ready or not answers(found.socket_dir):
        return None
    return f"postgresql://app@/postgres?host={quote(found.socket_dir)}"


def forget_a_stale_number(folder: Path) -> None:
    """
    Remove postmaster.pid when its number went to an unrelated process, as after a reboot
    or in a new container: PostgreSQL would take that one for itself and refuse for ever.
    """
    said = PidFile.read(folder)
    if said is None or not _HAS_PROC or not Path(f"/proc/{said.pid}").exists():
        return
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    # A backend that outlived its parent still writes; then PostgreSQL must refuse.
    if not any(folder_of(pid) == str(folder) for pid in pids):
        (folder / "postmaster.pid").unlink(missing_ok=True)

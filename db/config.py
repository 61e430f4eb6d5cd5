"""Which database, and where our own files are: the settings that csms and portal share."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from db import settings
from db.settings import SETTINGS, ConfigError, Setting, refuse_unknown

__all__ = ["SETTINGS", "ConfigError", "DatabaseConfig", "Setting", "refuse_unknown", "secret_key"]

_SECRET_CHARACTERS = 16
_OURS = ("secret_key", "users.lock")


@dataclass(frozen=True)
class DatabaseConfig:
    data_dir: Path  # absolute
    database_url: str | None = field(default=None, repr=False)  # None: the embedded PostgreSQL
    changes_url: str | None = field(default=None, repr=False)  # None: the database's own

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "DatabaseConfig":
        """Read the settings, after refusing any that nothing reads."""
        refuse_unknown(env)
        changes_url = settings.text(env, "CHANGES_URL") or None
        if changes_url and not changes_url.startswith(("postgresql://", "postgres://")):
            raise ConfigError(
                "CHANGES_URL must begin with postgresql://: "
                "PostgreSQL is what tells changes in this version."
            )
        return cls(
            data_dir=Path(settings.text(env, "DATA_DIR")).expanduser().absolute(),
            database_url=settings.text(env, "DATABASE_URL") or None,
            changes_url=changes_url,
        )


def own_directory(path: Path) -> None:
    """Make DATA_DIR, readable by nobody else: the embedded PostgreSQL trusts who can enter."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            # Never close a folder that others use, such as /tmp or a home.
            if any(path.iterdir()) and not any((path / name).exists() for name in _OURS):
                raise ConfigError(f"DATA_DIR {path} holds other files: name a folder of its own.")
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"DATA_DIR {path} cannot be used: {error.strerror}.") from None


def secret_key(config: DatabaseConfig, env: Mapping[str, str]) -> bytes:
    """The key that signs cookies and the like: SECRET_KEY, else one made once in DATA_DIR."""
    given = settings.text(env, "SECRET_KEY")
    if given:
        if len(given) < _SECRET_CHARACTERS:
            raise ConfigError(f"SECRET_KEY must have at least {_SECRET_CHARACTERS} characters.")
        return given.encode()
    own_directory(config.data_dir)
    path = config.data_dir / "secret_key"
    try:
        return path.read_bytes() if path.exists() else _made_once(path)
    except OSError as error:
        raise ConfigError(f"The secret key {path} cannot be used: {error.strerror}.") from None


def _made_once(path: Path) -> bytes:
    """Write a key; of two processes that do so at once both get the first one's, and whole."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    try:
        draft.write_text(secrets.token_hex(32))
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()

"""
Bring a database to this code's schema: `python -m db.migrate`.

Migrations are `db/migrations/NNNN_name.sql`, forward only, each in one transaction. One process
at a time; the others wait and then find nothing to do.
"""

import asyncio
import hashlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from db import connect, embedded
from db.config import ConfigError, DatabaseConfig
from db.rows import Conn

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x504F4C41  # any number that nobody else takes
_LOCK_S = 600
_OLDEST_MAJOR = 15


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    sql: str
    checksum: str


def read(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of this code, numbered from 1 without a gap."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        name = re.fullmatch(r"(\d{4})_[a-z0-9_]+", path.stem)
        if name is None:
            raise ConfigError(f"{path.name} is not named like a migration, 0001_what_it_does.sql.")
        # A checkout with other line ends is the same migration.
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(name[1]), path.stem, text, checksum))
    for expected, migration in enumerate(found, start=1):
        if migration.number < expected:
            raise ConfigError(f"Two migrations have number {migration.number:04}: renumber one.")
        if migration.number > expected:
            raise ConfigError(f"Migration {expected:04} is missing before {migration.name}.")
    return found


async def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing; returns the names of what was applied."""
    migrations = read(folder)
    conn = await connect.connect(url)
    try:
        await _suits(conn, url)
        await conn.execute(f"set lock_timeout = '{_LOCK_S}s'")
        try:
            await conn.execute("select pg_advisory_lock($1)", _LOCK)
        except asyncpg.LockNotAvailableError:
            raise ConfigError(f"Another process has been migrating for {_LOCK_S} s.") from None
        missing = _missing(migrations, await _applied(conn))
        for migration in missing:
            await _apply(conn, migration)
        return [migration.name for migration in missing]
    finally:
        await conn.close()  # and with it goes the lock


async def _suits(conn: Conn, url: str) -> None:
    version = conn.get_server_version()
    if version.major < _OLDEST_MAJOR:
        raise ConfigError(
            f"The database {connect.where(url)} is PostgreSQL {version.major}; "
            f"{_OLDEST_MAJOR} or newer is needed."
        )
    encoding = await conn.fetchval("show server_encoding")
    if encoding != "UTF8":
        raise ConfigError(
            f"The database {connect.where(url)} has the encoding {encoding}: "
            "create it with encoding UTF8."
        )


async def _applied(conn: Conn) -> dict[int, tuple[str, str]]:
    await conn.execute(
        """
        create table if not exists schema_migration (
            number      integer primary key,
            name        text not null,
            checksum    text not null,
            applied_at  timestamptz not null default now()
        )
        """
    )
    rows = await conn.fetch("select number, name, checksum from schema_migration")
    return {row["number"]: (row["name"], row["checksum"]) for row in rows}


def _missing(
    migrations: Sequence[Migration], applied: dict[int, tuple[str, str]]
) -> list[Migration]:
    newest = max(applied, default=0)
    if newest > len(migrations):
        raise ConfigError(
            f"The database is newer than this program: it has {applied[newest][0]}, we know "
            f"{len(migrations)} migrations. Install the newer version."
        )
    for migration in migrations:
        name, checksum = applied.get(migration.number, ("", migration.checksum))
        if checksum != migration.checksum:
            raise ConfigError(
                f"Migration {migration.name} is not what the database was given as {name}: "
                "restore the file, and write the change as a new migration."
            )
    return [migration for migration in migrations if migration.number not in applied]


async def _apply(conn: Conn, migration: Migration) -> None:
    try:
        async with conn.transaction():
            await conn.execute(migration.sql)
            await conn.execute(
                "insert into schema_migration (number, name, checksum) values ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
    except asyncpg.PostgresError as error:
        place = getattr(error, "position", None)
        line = f" at line {migration.sql[: int(place) - 1].count(chr(10)) + 1}" if place else ""
        raise ConfigError(f"Migration {migration.name} failed{line}: {error}.") from error


async def _main() -> None:
    async with embedded.database(DatabaseConfig.from_env(os.environ)) as url:
        applied = await migrate(url)
    for name in applied:
        sys.stdout.write(f"{name}\n")
    if not applied:
        sys.stdout.write("Nothing to apply.\n")


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)

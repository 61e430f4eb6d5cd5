"""
For developers: `python -m db.tools psql` opens the database, `schema` writes db/schema.sql, `dsn`
prints the database's address and keeps it up until standard input ends.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from db import embedded, embedded_binaries
from db.config import ConfigError, DatabaseConfig
from db.migrate import migrate
from db.parent import parent_gone

SCHEMA = Path(__file__).parent / "schema.sql"
_NOISE = r"--|SET |\\|SELECT "


def program(name: str, data_dir: Path) -> str:
    """A client program that fits the embedded PostgreSQL, else the one on the path."""
    found = embedded_binaries.choose(data_dir).bin_dir / name
    if found.exists():
        return str(found)
    if on_path := shutil.which(name):
        return on_path
    raise ConfigError(f"{name} is not on this machine: install PostgreSQL's client programs.")


async def psql() -> int:
    config = DatabaseConfig.from_env(os.environ)
    async with embedded.database(config) as url:
        return subprocess.run([program("psql", config.data_dir), url]).returncode  # noqa: ASYNC221


async def dsn() -> None:
    async with embedded.database(DatabaseConfig.from_env(os.environ), see_it_stop=True) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await parent_gone()


async def schema_text(url: str, data_dir: Path) -> str:
    """What the migrations made of a database, without what depends on PostgreSQL's version."""
    dump = await asyncio.create_subprocess_exec(
        program("pg_dump", data_dir),
        *("--schema-only", "--no-owner", "--no-privileges", url),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await dump.communicate()
    if dump.returncode:
        raise ConfigError("pg_dump failed; it says why above.")
    lines = (line for line in said.decode().splitlines() if not re.match(_NOISE, line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


async def write_schema() -> None:
    """Write db/schema.sql, from a database that is made for it."""
    with tempfile.TemporaryDirectory() as folder:
        config = DatabaseConfig(data_dir=Path(folder) / "data")
        async with embedded.database(config, see_it_stop=True) as url:
            await migrate(url)
            SCHEMA.write_text(await schema_text(url, config.data_dir))


async def _main(task: str) -> int:
    if task == "psql":
        return await psql()
    if task == "dsn":
        await dsn()
        return 0
    await write_schema()
    return 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["dsn"], ["psql"], ["schema"]):
        sys.exit("usage: python -m db.tools dsn|psql|schema")
    if sys.argv[1] == "psql":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is psql's: it cancels a query
    try:
        sys.exit(asyncio.run(_main(sys.argv[1])))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)

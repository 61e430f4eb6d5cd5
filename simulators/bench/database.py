"""The PostgreSQL that every server of a run uses, each with a fresh database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from simulators.bench.errors import BenchError
from simulators.bench.processes import program, tail

_START_S = 60.0


class Database:
    def __init__(self, url: str, conn: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.url = url
        self._conn = conn
        self.backend_pid: int = conn.get_server_pid()

    async def version(self) -> str:
        said: str = await self._conn.fetchval("show server_version")
        return said.split()[0]

    def named(self, name: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    @asynccontextmanager
    async def fresh(self, name: str, template: str = "template0") -> AsyncIterator[str]:
        """A database for one server, dropped at the end."""
        await self.create(name, template)
        try:
            yield self.named(name)
        finally:
            await self._conn.execute(f"drop database {name} with (force)")

    async def create(self, name: str, template: str = "template0") -> None:
        await self._conn.execute(f"create database {name} template {template}")
        # A checkpoint of what went before is not this measurement's.
        await self._conn.execute("checkpoint")

    async def is_durable(self) -> bool:
        """Whether a commit waits for the disk; else nothing here would mean anything."""
        settings = ("fsync", "synchronous_commit", "full_page_writes")
        return all([await self._conn.fetchval(f"show {name}") == "on" for name in settings])


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[Database]:
    """The embedded PostgreSQL, as our servers would start it, with its data in a folder."""
    log = folder / "postgres.log"
    settings = {"DATA_DIR": str(folder / "data")}
    words = ("-m", "db.tools", "dsn")
    async with program(*words, log=log, settings=settings, is_heard=True) as keeper:
        assert keeper.stdout
        async with asyncio.timeout(_START_S):
            url = (await keeper.stdout.readline()).decode().strip()
        if not url:
            raise BenchError(f"PostgreSQL does not start: {tail(log)}")
        conn = await asyncpg.connect(url)
        try:
            yield Database(url, conn)
        finally:
            await conn.close(timeout=5)


async def count(url: str, question: str, *arguments: str) -> int:
    conn = await asyncpg.connect(url)
    try:
        return int(await conn.fetchval(question, *arguments))
    finally:
        await conn.close(timeout=5)

"""One PostgreSQL per test run, shared by the workers; a migrated database of its own per test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import structlog

from db import connect, embedded, partitions
from db.embedded_options import Options
from db.migrate import migrate
from db.rows import Pool
from tests.invariants import check_invariants

# As the product does it: drawn tracebacks cost a second each, in the loop under test.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(colors=False),
    ]
)

MIGRATED, _READY = "migrated", "ready"

# What a test loses in a power cut does not matter.
FAST = Options(
    settings={
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "shared_buffers": "128MB",
    }
)


def in_database(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The server's own database: for those that make databases, never for tables."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    with embedded.server(shared / "server", options=FAST, see_it_stop=True) as url:
        yield url


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """
    A migrated database to copy, made by the first worker that needs it.

    It has the partitions of these days: each first csms of a test would make them, for 0.5 s.
    """
    # In a thread, for the main one may have an event loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _make_templates(server_url)).result()
    return _READY


async def _make_templates(server_url: str) -> None:
    conn = await asyncpg.connect(server_url)
    try:
        await conn.execute("select pg_advisory_lock(1)")
        made = "select datistemplate from pg_database where datname = $1"
        if not await conn.fetchval(made, _READY):
            for name in (_READY, MIGRATED):
                await conn.execute(f"drop database if exists {name}")
            await conn.execute(f"create database {MIGRATED}")
            await migrate(in_database(server_url, MIGRATED))
            await conn.execute(f"create database {_READY} template {MIGRATED}")
            await _add_partitions(in_database(server_url, _READY))
            await conn.execute(f"alter database {_READY} is_template true")
    finally:
        await conn.close()


async def _add_partitions(url: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        async with conn.transaction():
            for parent in ("reading", "message"):
                await partitions.add_ahead(conn, parent, datetime.now(UTC).date())
    finally:
        await conn.close()


async def copied(
    server_url: str, template: str, *, holds_invariants: bool = True
) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    conn = await asyncpg.connect(server_url)
    try:
        await conn.execute(f"create database {name} template {template} strategy file_copy")
        yield in_database(server_url, name)
        if holds_invariants and template in (MIGRATED, _READY):
            await _hold_invariants(in_database(server_url, name))
        await conn.execute(f"drop database {name} with (force)")
    finally:
        await conn.close()


async def _hold_invariants(url: str) -> None:
    """After every test in which a session was written (reliability C0)."""
    conn = await asyncpg.connect(url, server_settings={"jit": "off"})
    try:
        if await conn.fetchval("select exists (select from charging_session)"):
            await check_invariants(conn)
    finally:
        await conn.close()


@pytest.fixture
async def database_url(
    server_url: str, template: str, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """A migrated, empty database of this test's own; its invariants are asked afterwards."""
    is_by_hand = request.node.get_closest_marker("rows_by_hand") is not None
    async for url in copied(server_url, template, holds_invariants=not is_by_hand):
        yield url


@pytest.fixture
async def empty_url(server_url: str) -> AsyncIterator[str]:
    """A database of this test's own that no migration has seen."""
    async for url in copied(server_url, "template0"):
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect.create_pool(database_url, min_size=1, max_size=10)
    try:
        yield pool
    finally:
        await pool.close()

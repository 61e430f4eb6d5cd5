"""A charger that is let in, and what it left in a table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from db.rows import Pool
from tests.ocpp.test_commands import ready
from tests.wire import Charger, Csms, add_station, csms

AT = "2026-05-01T09:00:00Z"


@asynccontextmanager
async def reporter(
    database_url: str, tmp_path: Path, version: str = "2.0.1"
) -> AsyncIterator[Charger]:
    """CP-1, connected and booted, in a csms of its own."""
    async with serving(database_url, tmp_path) as server, ready(server, version=version) as cp:
        yield cp


@asynccontextmanager
async def serving(database_url: str, tmp_path: Path) -> AsyncIterator[Csms]:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        yield server


async def rows(pool: Pool, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await pool.fetch(f"select * from {table} order by id")]

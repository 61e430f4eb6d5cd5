"""One csms for all rows of a catalogue; each has a socket of its own and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from db import connect
from db.rows import Pool
from tests.conftest import copied
from tests.ocpp.yard import Yard
from tests.wire import add_station, csms

LIMIT_BYTES = 4_096
# The watch of a csms renews its lease and its jobs move on, whatever chargers do.
_MOVE_BY_THEMSELVES = {"connection_attempt", "job", "node"}


@dataclass(frozen=True)
class Central:
    port: int
    pool: Pool

    async def attempts(self, after: int = 0) -> list[dict[str, Any]]:
        rows = await self.pool.fetch(
            "select * from connection_attempt where id > $1 order by id", after
        )
        return [dict(row) for row in rows]

    async def last_attempt(self) -> int:
        latest = await self.pool.fetchval("select max(id) from connection_attempt")
        return int(latest or 0)

    async def attempt(self, after: int) -> dict[str, Any]:
        """The one attempt since; it may be written a moment after its answer."""
        await until(lambda: self.attempts(after))
        (row,) = await self.attempts(after)
        return row

    async def link(self) -> dict[str, Any] | None:
        """The link of CP-1, the only station that is ever here."""
        row = await self.pool.fetchrow("select * from link")
        return None if row is None else dict(row)

    async def everything_else(self) -> dict[str, str]:
        """A digest of each table that no refused attempt may change."""
        tables = await self.pool.fetch(
            "select tablename from pg_tables where schemaname = 'public'"
        )
        return {
            name: await self.pool.fetchval(
                f"select md5(string_agg(t::text, ',' order by t::text)) from {name} t"
            )
            for (name,) in tables
            if name not in _MOVE_BY_THEMSELVES
        }


async def until(happened: Callable[[], Awaitable[object]], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not await happened():
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Log:
    lines: list[Any]
    library: pytest.LogCaptureFixture

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]

    async def line(self, event: str) -> Any:
        """The one line of an event, which may be on its way."""

        async def is_there() -> bool:
            return event in self.events()

        await until(is_there)
        (line,) = [line for line in self.lines if line["event"] == event]
        return line

    def check_is_quiet(self) -> None:
        """No traceback, ours or a library's."""
        assert not [line for line in self.lines if "exc_info" in line]
        assert not [record for record in self.library.records if record.exc_info]


@pytest_asyncio.fixture(loop_scope="module")
async def log(central: Central, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Log]:
    """What was logged in a test, which is over when its links are."""

    with capture_logs() as lines:
        heard = Log(lines, caplog)
        yield heard

        async def is_over() -> bool:
            events = heard.events()
            return events.count("station.connected") == events.count("station.disconnected")

        await until(is_over)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def central(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Central]:
    """CP-1 and its csms; for tests of the module's own loop."""
    async for url in copied(server_url, template):
        await add_station(url, "CP-1")
        path = tmp_path_factory.mktemp("central")
        async with csms(url, path, max_message_bytes=LIMIT_BYTES) as server:
            pool = await connect.create_pool(url, min_size=1, max_size=2)
            try:
                await pool.execute("update station set booted_at = now()")
                yield Central(server.port, pool)
            finally:
                await pool.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Yard]:
    """A csms for any number of chargers; for tests of the module's own loop."""
    async for url in copied(server_url, template):
        async with csms(url, tmp_path_factory.mktemp("yard")) as server:
            pool = await connect.create_pool(url, min_size=1, max_size=2)
            try:
                yield Yard(server.url, pool)
            finally:
                await pool.close()

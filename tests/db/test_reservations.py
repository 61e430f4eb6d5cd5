from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from db import reservations
from db.errors import Conflict, NotFound
from db.model.stations import Station
from db.reservations import Status
from db.rows import Conn, Pool
from tests.portal import build

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@asynccontextmanager
async def charger(pool: Pool) -> AsyncIterator[tuple[Conn, Station, int]]:
    async with pool.acquire() as conn:
        station = await build.station(conn, evses=2)
        ada: int = await conn.fetchval(
            "insert into account (email) values ('ada@example.org') returning id"
        )
        yield conn, station, ada


async def reserve(
    conn: Conn,
    station: Station,
    account_id: int,
    start: float,
    end: float,
    *,
    evse: int | None = None,
    status: Status = "confirmed",
) -> int:
    """From and to are hours from now."""
    async with conn.transaction():
        return await reservations.add(
            conn,
            station_id=station.id,
            evse=evse,
            account_id=account_id,
            starts_at=NOW + start * HOUR,
            ends_at=NOW + end * HOUR,
            status=status,
        )


async def test_one_that_ends_when_the_next_begins_is_no_conflict(pool: Pool) -> None:
    async with charger(pool) as (conn, station, ada):
        await reserve(conn, station, ada, 0, 1)
        await reserve(conn, station, ada, 1, 2)

        assert len(await reservations.list_shown(conn, NOW)) == 2


@pytest.mark.parametrize(("first", "second"), [(None, 1), (1, None), (None, None), (2, 2)])
async def test_a_place_is_not_reserved_twice(
    pool: Pool, first: int | None, second: int | None
) -> None:
    async with charger(pool) as (conn, station, ada):
        await reserve(conn, station, ada, 0, 2, evse=first)

        found = await reservations.find_conflict(
            conn,
            station_id=station.id,
            evse=second,
            starts_at=NOW + HOUR,
            ends_at=NOW + 3 * HOUR,
            now=NOW,
        )
        assert found is not None
        assert found.evse == first
        with pytest.raises(Conflict):
            await reserve(conn, station, ada, 1, 3, evse=second)


async def test_two_at_once_cannot_both_have_it(pool: Pool) -> None:
    async with charger(pool) as (_, station, ada):

        async def one() -> int:
            async with pool.acquire() as conn:
                return await reserve(conn, station, ada, 0, 1)

        came = await asyncio.gather(*[one() for _ in range(4)], return_exceptions=True)

    assert sum(isinstance(each, int) for each in came) == 1
    assert sum(isinstance(each, Conflict) for each in came) == 3


async def test_another_evse_and_a_cancelled_one_are_no_conflict(pool: Pool) -> None:
    async with charger(pool) as (conn, station, ada):
        await reserve(conn, station, ada, 0, 1, evse=1)
        await reserve(conn, station, ada, 0, 1, evse=2)
        first = (await reservations.list_shown(conn, NOW))[0]
        assert await reservations.cancel(conn, first.id, NOW)

        await reserve(conn, station, ada, 0, 1, evse=first.evse)

        assert not await reservations.cancel(conn, first.id, NOW)


async def test_the_state_follows_the_clock(pool: Pool) -> None:
    async with charger(pool) as (conn, station, ada):
        id = await reserve(conn, station, ada, 1, 2)

        states = [
            (await reservations.get(conn, id, NOW + hours * HOUR)).status
            for hours in (0, 1, 1.99, 2)
        ]

        assert states == ["confirmed", "active", "active", "completed"]
        assert not await reservations.cancel(conn, id, NOW + 2 * HOUR)
        with pytest.raises(NotFound):
            await reservations.get(conn, id + 1, NOW)


async def test_only_confirmed_and_active_ones_hold_a_charger(pool: Pool) -> None:
    async with charger(pool) as (conn, station, ada):
        await reserve(conn, station, ada, -1, 1, evse=1)
        await reserve(conn, station, ada, -1, 1, evse=2, status="pending")
        await reserve(conn, station, ada, 1, 2, status="active")

        assert [each.evse for each in await reservations.held(conn, NOW)] == [1]
        assert [each.evse for each in await reservations.held(conn, NOW + HOUR)] == [None]


async def test_the_list_has_what_ended_in_the_last_day_at_its_end(pool: Pool) -> None:
    async with charger(pool) as (conn, station, ada):
        for start in (-30, -20, 5, -0.5):
            await reserve(conn, station, ada, start, start + 1)

        shown = await reservations.list_shown(conn, NOW)

        assert [(each.starts_at - NOW) / HOUR for each in shown] == [-0.5, 5, -20]

"""What goes into one batch of ingest, and what is made ready while one is written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from csms import batch, usual
from csms.ingest import Ingest
from db.rows import Pool
from tests.csms.ingesting import (
    HOLD_UP,
    begin,
    energies,
    ingesting,
    item,
    kept,
    measured,
    message,
    until_waiting,
)
from tests.wire import add_station

#: As many as go into one batch.
FULL = 100


async def test_what_comes_while_a_commit_runs_goes_into_one_batch(
    database_url: str, pool: Pool, station_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [(await add_station(database_url, f"CP-{n}")).id for n in range(2, 5)]
    for number in (station_id, *others):
        await begin(pool, number)
    batches: list[list[int]] = []
    write, write_usual = batch.write, usual.write

    async def noted(conn: Any, known: Any, items: Any) -> Any:
        batches.append([item.station_id for item in items])
        return await write(conn, known, items)

    async def noted_usual(conn: Any, known: Any, ready: Any) -> Any:
        batches.append([item.station_id for item in ready.items])
        return await write_usual(conn, known, ready)

    monkeypatch.setattr(batch, "write", noted)
    monkeypatch.setattr(usual, "write", noted_usual)
    async with ingesting(database_url) as ingest:
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            first = asyncio.create_task(ingest.add(item(station_id, measured(1, 1000))))
            await until_waiting(pool)
            rest = [
                asyncio.create_task(ingest.add(item(number, measured(place, place * 1000))))
                for place in (2, 3)
                for number in (*reversed(others), station_id)
            ]
            await asyncio.sleep(0)
        await asyncio.gather(first, *rest)

    # One for the session that is known by then, and one for the others.
    assert [len(stations) for stations in batches] == [1, 2, 6]
    assert all(stations == sorted(stations) for stations in batches)
    # Of one station in the order in which it said them, so that nothing is to be read again.
    assert not await pool.fetchval("select bool_or(is_recompute_due) from charging_session")
    assert await energies(pool) == (12_000, 12_000)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The stations of each batch that was made ready."""
    batches: list[set[int]] = []
    prepare = usual.prepare

    def noted(pairs: Any, logged: Any) -> Any:
        batches.append({item.station_id for item, _ in pairs})
        return prepare(pairs, logged)

    monkeypatch.setattr(usual, "prepare", noted)
    return batches


async def two_known(ingest: Ingest, pool: Pool, database_url: str, station_id: int) -> int:
    """Another station; a session of each, that ingest knows, with a reading of 1,000 Wh."""
    other_id = (await add_station(database_url, "CP-2")).id
    for number in (station_id, other_id):
        await begin(pool, number)
        await ingest.add(item(number, measured(1, 1000)))
    return other_id


def say(ingest: Ingest, station_id: int, places: range | list[int]) -> list[asyncio.Task[None]]:
    """One thousand watt-hours after the other."""
    return [
        asyncio.create_task(ingest.add(item(station_id, measured(place, place * 1000))))
        for place in places
    ]


async def test_a_full_batch_is_made_ready_while_the_one_before_is_written(
    database_url: str, pool: Pool, station_id: int, prepared: list[set[int]]
) -> None:
    async with ingesting(database_url) as ingest:
        other_id = await two_known(ingest, pool, database_url, station_id)
        prepared.clear()
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            added = say(ingest, station_id, [2])
            await until_waiting(pool)
            ingest.log(message(1))
            added += say(ingest, other_id, range(2, 1 + FULL))
            await asyncio.sleep(0.05)
            assert prepared == [{station_id}], "one is missing"
            added += say(ingest, other_id, range(1 + FULL, 10 + FULL))
            await asyncio.sleep(0.05)
            assert prepared == [{station_id}, {other_id}]
            assert not any(task.done() for task in added)
        await asyncio.gather(*added)
        await ingest.drain()

    assert prepared == [{station_id}, {other_id}, {other_id}]
    assert await kept(pool) == 2 + FULL + 9
    assert await energies(pool) == (2000 + (FULL + 9) * 1000,) * 2
    assert not await pool.fetchval("select bool_or(is_recompute_due) from charging_session")
    assert await pool.fetchval("select count(*) from message") == 1


async def test_a_session_that_is_being_written_is_not_moved_on_in_the_batch_behind_it(
    database_url: str, pool: Pool, station_id: int, prepared: list[set[int]]
) -> None:
    async with ingesting(database_url) as ingest:
        other_id = await two_known(ingest, pool, database_url, station_id)
        prepared.clear()
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            added = say(ingest, station_id, [2])
            await until_waiting(pool)
            # Two processes may have links to one station for a moment.
            added += say(ingest, other_id, range(2, FULL)) + say(ingest, station_id, [3, 4])
            await asyncio.sleep(0.05)
            assert prepared == [{station_id}]
        await asyncio.gather(*added)

    assert prepared == [{station_id}, {station_id, other_id}]
    assert await energies(pool) == (4000 + (FULL - 1) * 1000,) * 2
    assert not await pool.fetchval("select bool_or(is_recompute_due) from charging_session")


async def test_a_cut_connection_costs_what_was_made_ready_nothing(
    database_url: str, pool: Pool, station_id: int, prepared: list[set[int]]
) -> None:
    async with ingesting(database_url) as ingest:
        other_id = await two_known(ingest, pool, database_url, station_id)
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            added = say(ingest, station_id, [2])
            await until_waiting(pool)
            ingest.log(message(1))
            added += say(ingest, other_id, range(2, 2 + FULL))
            await asyncio.sleep(0.05)
            assert prepared[-1] == {other_id}
            await conn.execute(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'
                """
            )
            # It comes again, with the same.
            await until_waiting(pool)
            assert not any(task.done() for task in added)
        await asyncio.gather(*added)
        await ingest.drain()

    assert await kept(pool) == 3 + FULL
    assert await energies(pool) == (2000 + (1 + FULL) * 1000,) * 2
    assert await pool.fetchval("select count(*) from message") == 1


async def test_what_somebody_wrote_since_a_batch_was_made_ready_stands_and_is_read_again(
    database_url: str, pool: Pool, station_id: int, prepared: list[set[int]]
) -> None:
    async with ingesting(database_url) as ingest:
        other_id = await two_known(ingest, pool, database_url, station_id)
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            added = say(ingest, station_id, [2])
            await until_waiting(pool)
            added += say(ingest, other_id, range(2, 2 + FULL))
            await asyncio.sleep(0.05)
            assert prepared[-1] == {other_id}
            await conn.execute(
                "update session_live set version = version + 1 where station_id = $1", other_id
            )
        await asyncio.gather(*added)

    assert await kept(pool) == 3 + FULL
    due = await pool.fetch("select station_id from charging_session where is_recompute_due")
    assert [row["station_id"] for row in due] == [other_id]
    assert await energies(pool) == (3000, 3000)


async def test_figures_that_cannot_be_moved_on_leave_the_batch_to_the_longer_way(
    database_url: str, pool: Pool, station_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    async with ingesting(database_url) as ingest:
        await begin(pool, station_id)
        await ingest.add(item(station_id, measured(1, 1000)))
        monkeypatch.setattr(usual, "advance", fails)
        await ingest.add(item(station_id, measured(2, 2000)))

    assert await energies(pool) == (2000, 2000)

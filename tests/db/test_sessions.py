"""Questions about sessions that no message of a charger asks by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from db import session_live, sessions
from db.errors import NotFound
from db.rows import Pool
from tests.ocpp.conftest import until
from tests.portal import build
from tests.portal.build import NOON

HOUR = timedelta(hours=1)


@pytest.mark.rows_by_hand
async def test_a_session_is_read_as_it_was_written(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = await build.session(conn, station, flags=["a", "b"], start_key=b"k")

        assert await sessions.get(conn, made.id) == made
        changed = replace(made, energy_wh=9, flags=[], generation=3)
        await sessions.save(conn, changed)
        assert await sessions.get(conn, made.id) == changed
        with pytest.raises(NotFound):
            await sessions.get(conn, made.id + 1)


@pytest.mark.rows_by_hand
async def test_of_many_generations_the_latest_is_found(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        for generation in (0, 2, 1):
            await build.session(
                conn, station, transaction_id="T", generation=generation, start_key=b"k"
            )

        by_start = await sessions.find_by_start(conn, station.id, b"k")
        by_number = await sessions.find_by_transaction(conn, station.id, "v16", "T")
        listed = await sessions.list_by_transactions(
            conn, [(station.id, "v16", "T"), (station.id, "v2", "T"), (station.id, "v16", "U")]
        )

        assert by_start is not None
        assert by_start.generation == 2
        assert by_number == by_start
        assert listed == {(station.id, "v16", "T"): by_start}
        assert await sessions.find_by_start(conn, station.id + 1, b"k") is None
        assert await sessions.find_by_transaction(conn, station.id, "v2", "T") is None


async def test_numbers_that_we_gave_are_told_from_others(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        ours = await build.session(conn, station)
        theirs = await build.session(conn, station, family="v2", transaction_id="7")

        given = await sessions.list_given(conn, [ours.id, theirs.id, theirs.id + 1])

    assert given == {str(ours.id)}


async def test_one_session_at_a_time_is_open_on_an_evse(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        open_one = await build.session(conn, station, running=True, evse=1)
        await build.session(conn, station, evse=1)

        assert await sessions.find_open(conn, station.id, 1) == open_one
        assert await sessions.find_open(conn, station.id, 2) is None
        assert await sessions.list_open(conn, station.id) == [open_one]
        with pytest.raises(asyncpg.UniqueViolationError):
            await build.session(conn, station, running=True, evse=1)


async def test_open_sessions_are_listed_in_the_order_of_their_starts(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        late = await build.session(conn, station, running=True, evse=1, started_at=NOON)
        early = await build.session(conn, station, running=True, evse=2, started_at=NOON - HOUR)

        assert await sessions.list_open(conn, station.id) == [early, late]


async def test_a_moment_falls_into_ended_sessions_and_a_little_after(pool: Pool) -> None:
    slack = timedelta(seconds=60)
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = await build.session(conn, station, started_at=NOON - HOUR, ended_at=NOON)
        for at, found in [
            (NOON - HOUR - slack, []),
            (NOON - HOUR, [made]),
            (NOON + slack, [made]),
            (NOON + slack + timedelta(seconds=1), []),
        ]:
            around = await sessions.list_around(conn, station.id, evse=1, at=at, slack=slack)
            assert around == found, at
        assert await sessions.list_around(conn, station.id, evse=2, at=NOON, slack=slack) == []


async def test_a_card_charges_elsewhere_whatever_its_case(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        running = await build.session(conn, station, running=True, id_token="Ada-1")
        await build.session(conn, station, id_token="OMAR-1")

        assert await sessions.has_other_open(conn, "ADA-1", session_id=None)
        assert not await sessions.has_other_open(conn, "ADA-1", session_id=running.id)
        assert not await sessions.has_other_open(conn, "OMAR-1", session_id=None)


async def test_live_figures_are_saved_for_those_that_run_and_go_at_the_end(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        station = await build.station(conn)
        made = [await build.session(conn, station, running=True, evse=n) for n in (1, 2)]
        lives = await session_live.list_of(conn, [station.id])
        assert [live.session_id for live in lives] == [session.id for session in made]
        lives[0].energy_wh, lives[0].evse, lives[0].soc_pct = Decimal("7.5"), 3, Decimal("80.00")
        lives[1].charging_state, lives[1].power_w = "Charging", 11_000
        await session_live.save(conn, lives)
        lives = [replace(live, version=live.version + 1) for live in lives]

        assert await session_live.list_of(conn, [station.id]) == lives
        assert await session_live.find(conn, station.id, made[0].id) == lives[0]
        await session_live.end(conn, station.id, made[0].id)
        assert await session_live.find(conn, station.id, made[0].id) is None
        assert await session_live.list_of(conn, [station.id + 1]) == []


async def test_what_is_to_be_read_again_is_marked_once_and_listed(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = [await build.session(conn, station) for _ in "123"]
        assert await sessions.list_recompute_due(conn, 10) == []

        for _ in "12":
            await sessions.mark_recompute(conn, [(station.id, s.id) for s in made[:2]])

        due = await sessions.list_recompute_due(conn, 10)
        assert sorted(due) == [(station.id, session.id) for session in made[:2]]
        assert len(await sessions.list_recompute_due(conn, 1)) == 1


async def test_who_marks_a_session_that_is_read_again_waits_and_marks_it_anew(pool: Pool) -> None:
    async with pool.acquire() as ours, pool.acquire() as theirs:
        station = await build.station(ours)
        made = await build.session(ours, station, is_recompute_due=True)
        async with ours.transaction():
            await sessions.lock(ours, station.id, made.id)
            marking = asyncio.create_task(sessions.mark_recompute(theirs, [(station.id, made.id)]))

            async def is_waiting() -> bool:
                return bool(
                    await pool.fetchval(
                        "select exists (select from pg_stat_activity where wait_event_type = 'Lock'"
                        " and datname = current_database())"
                    )
                )

            await until(is_waiting)
            await sessions.save(ours, replace(made, is_recompute_due=False))
        await marking

        assert (await sessions.get(ours, made.id)).is_recompute_due


async def test_one_transaction_at_a_time_decides_over_a_station(pool: Pool) -> None:
    async with pool.acquire() as ours, pool.acquire() as theirs:
        async with ours.transaction():
            await sessions.lock_station(ours, 7)
            free = "select pg_try_advisory_xact_lock(1, $1)"
            assert not await theirs.fetchval(free, 7)
            assert await theirs.fetchval(free, 8)
        assert await theirs.fetchval(free, 7)

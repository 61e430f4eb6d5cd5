"""The durable hot path: batches, what hurts whom, and what is there after the wait."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from csms import charging, message_log
from csms.errors import NoSession
from csms.ingest import Ingest
from db import changes, messages, sessions
from db.rows import Pool
from db.stations import StatusReport
from tests.csms.ingesting import (
    BEGAN,
    HOLD_UP,
    RECEIVED,
    Topics,
    begin,
    energies,
    ingesting,
    item,
    kept,
    measured,
    message,
    until_waiting,
)
from tests.ocpp.conftest import until
from tests.wire import add_station


async def test_what_was_added_is_committed_when_the_wait_is_over(
    database_url: str, pool: Pool, station_id: int
) -> None:
    session = await begin(pool, station_id)
    topics = Topics()
    async with ingesting(database_url, topics) as ingest:
        added = item(station_id, measured(1, 1000), charging_state="Charging")
        await ingest.add(added)

        assert await kept(pool) == 1
        (live,) = await pool.fetch("select * from session_live")
        assert (live["energy_wh"], live["charging_state"]) == (1000, "Charging")
        assert live["updated_at"] == RECEIVED
        assert added.session_id == session.id
        assert topics == {changes.topic("session", session.id)}


async def test_a_reading_of_no_session_is_refused_only_where_one_is_needed(
    database_url: str, pool: Pool, station_id: int
) -> None:
    async with ingesting(database_url) as ingest:
        with pytest.raises(NoSession):
            await ingest.add(item(station_id, measured(1, 1000)))
        assert await kept(pool) == 0

        await ingest.add(item(station_id, measured(1, 1000), needs_session=False))
        assert await pool.fetchval("select flags from reading") == ["unknown_session"]


async def test_a_session_that_learns_its_evse_is_for_a_handler(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    await pool.execute("update charging_session set evse = null")
    await pool.execute("update session_live set evse = null")
    async with ingesting(database_url) as ingest:
        with pytest.raises(NoSession):
            await ingest.add(item(station_id, measured(1, 1000), evse=2))
        await ingest.add(item(station_id, measured(1, 1000)))
    assert await kept(pool) == 1


async def test_a_bad_row_hurts_only_itself(database_url: str, pool: Pool, station_id: int) -> None:
    for number in range(5):
        await begin(pool, station_id, f"T{number}", evse=number + 1)
    good = [item(station_id, measured(number + 1, 1000), tx=f"T{number}") for number in range(5)]
    bad = [
        item(station_id, measured(2, 2000), tx="T1", charging_state="\x00"),
        item(station_id, tx=None, quarantine=("MeterValues", "1", b"", "\x00")),
        item(station_id, tx=None, statuses=(report(station_id, evse=-1),)),
    ]
    mixed = [good[0], bad[0], good[1], bad[1], good[2], bad[2], *good[3:]]
    async with ingesting(database_url) as ingest:
        outcomes = await asyncio.gather(
            *(ingest.add(each) for each in mixed), return_exceptions=True
        )

    for each, outcome in zip(mixed, outcomes, strict=True):
        assert isinstance(outcome, asyncpg.PostgresError | ValueError) == (each in bad), outcome
        assert (outcome is None) == (each in good), outcome
    assert await kept(pool) == 5
    assert await energies(pool) == (5000, 5000)


def report(station_id: int, evse: int, at: datetime = RECEIVED) -> StatusReport:
    return StatusReport(station_id, evse, 1, "Available", "Available", None, at, at)


async def test_a_bad_message_of_the_log_hurts_nobody_but_itself(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    async with ingesting(database_url) as ingest:
        for number, action in enumerate(["Heartbeat", "\x00", "Heartbeat"]):
            ingest.log(message(number, action))
        await ingest.add(item(station_id, measured(1, 1000)))
        await ingest.drain()

    rows = await pool.fetch("select message_id from message order by id")
    assert [row["message_id"] for row in rows] == ["m0", "m2"]
    assert await kept(pool) == 1


async def test_a_connection_that_is_cut_in_mid_batch_costs_nobody_anything(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    async with ingesting(database_url) as ingest:
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            ingest.log(message(0))
            added = [
                asyncio.create_task(ingest.add(item(station_id, measured(place, place * 1000))))
                for place in (1, 2, 3)
            ]
            await until_waiting(pool)
            cut = await conn.fetchval(
                """
                select count(pg_terminate_backend(pid)) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'
                """
            )
            assert cut == 1
            # It comes again, with the same.
            await until_waiting(pool)
            assert not any(task.done() for task in added)
        assert await asyncio.gather(*added) == [None, None, None]
        await ingest.drain()

    assert await energies(pool) == (3000, 3000)
    assert await pool.fetchval("select count(*) from message") == 1


async def test_what_is_added_before_the_database_is_there_is_written_when_it_comes(
    database_url: str, pool: Pool, station_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(pool, station_id)
    tries = 0
    connect = asyncpg.connect

    async def come_late(*args: Any, **more: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise ConnectionRefusedError
        return await connect(*args, **more)

    monkeypatch.setattr(asyncpg, "connect", come_late)
    async with ingesting(database_url) as ingest:
        await ingest.add(item(station_id, measured(1, 1000)))

    assert tries == 3
    assert await kept(pool) == 1


async def test_what_nobody_waits_for_any_more_is_not_written(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    async with ingesting(database_url) as ingest:
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            first = asyncio.create_task(ingest.add(item(station_id, measured(1, 1000))))
            await until_waiting(pool)
            given_up = asyncio.create_task(ingest.add(item(station_id, measured(2, 2000))))
            last = asyncio.create_task(ingest.add(item(station_id, measured(3, 3000))))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
        await asyncio.gather(first, last)
        # Its charger says it again, or what it said while the commit ran.
        assert await kept(pool) == 2
        await ingest.add(item(station_id, measured(2, 2000)))

    assert given_up.cancelled()
    assert await kept(pool) == 3


async def test_who_gives_up_in_mid_commit_and_says_it_again_has_it_once(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    async with ingesting(database_url) as ingest:
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(HOLD_UP)
            given_up = asyncio.create_task(ingest.add(item(station_id, measured(1, 1000))))
            await until_waiting(pool)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
        await ingest.add(item(station_id, measured(1, 1000)))

    assert await kept(pool) == 1
    assert await energies(pool) == (1000, 1000)


async def test_a_reading_that_is_said_again_is_kept_once(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    one, two = measured(1, 1000), measured(2, 2000)
    async with ingesting(database_url) as ingest:
        await ingest.add(item(station_id, one, two))
        # In one batch, and in one message.
        await asyncio.gather(*(ingest.add(item(station_id, two, one, two)) for _ in "123"))

    assert await kept(pool) == 2
    assert await energies(pool) == (2000, 2000)


async def test_with_an_unset_clock_a_repeat_is_known_by_what_it_says(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    async with ingesting(database_url) as ingest:
        await ingest.add(item(station_id, measured(1, 1000, "clock_unset")))
        again = measured(1, 1000, "clock_unset")
        again.at += timedelta(minutes=5)
        await ingest.add(item(station_id, again))
        later = measured(1, 1000, "clock_unset")
        later.at += timedelta(days=3)
        await ingest.add(item(station_id, later))

    assert await kept(pool) == 2


async def test_a_reading_after_the_end_marks_its_session(
    database_url: str, pool: Pool, station_id: int
) -> None:
    session = await begin(pool, station_id)
    async with pool.acquire() as conn, conn.transaction():
        await charging.end_by_charger(
            conn,
            set(),
            session,
            at=RECEIVED,
            received_at=RECEIVED,
            reason="Local",
            meter_stop_wh=None,
            stop_id_token=None,
            has_new_readings=False,
        )
    async with ingesting(database_url) as ingest:
        await ingest.add(item(station_id, measured(1, 1000)))
        # By EVSE and time alone, too.
        by_time = item(station_id, measured(2, 2000), tx=None, evse=1)
        await ingest.add(by_time)
        assert by_time.session_id == session.id
        assert await pool.fetchval("select is_recompute_due from charging_session")
        await pool.execute("update charging_session set is_recompute_due = false")
        await ingest.add(item(station_id, measured(1, 1000)))

    # What was known already is no news.
    assert not await pool.fetchval("select is_recompute_due from charging_session")
    assert {tuple(row["flags"]) for row in await pool.fetch("select flags from reading")} == {
        ("after_end",)
    }


async def test_a_reading_long_before_the_session_is_not_the_sessions(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    early = item(station_id, measured(0, 1000), tx=None, evse=1)
    early.measured[0].at = BEGAN - timedelta(hours=1)
    async with ingesting(database_url) as ingest:
        await ingest.add(early)

    assert early.session_id is None
    assert await pool.fetchval("select session_id is null from reading")


async def test_the_message_log_is_bounded_while_nobody_writes_it(
    database_url: str, pool: Pool, station_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = message_log._MOST
    ingest = Ingest(database_url, Topics().told)
    for number in range(most + 5):
        ingest.log(message(number))
    assert ingest.log_rows_lost == 5

    task = asyncio.create_task(ingest.run())
    await ingest.drain()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    # What was handed over is written when it was drained, and the oldest went.
    assert await pool.fetchval("select count(*) from message") == most
    assert await pool.fetchval("select message_id from message order by id limit 1") == "m5"


async def test_a_batch_that_comes_back_does_not_push_newer_messages_out_of_the_log(
    database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_log, "_MOST", 3)
    is_cut = False
    add_many = messages.add_many
    ingest = Ingest(database_url, Topics().told)

    async def cut(conn: Any, rows: Any) -> None:
        nonlocal is_cut
        if not is_cut:
            is_cut = True
            ingest.log(message(3))
            raise ConnectionResetError
        await add_many(conn, rows)

    monkeypatch.setattr(messages, "add_many", cut)
    for number in range(3):
        ingest.log(message(number))
    task = asyncio.create_task(ingest.run())

    async def are_there() -> bool:
        return bool(await pool.fetchval("select count(*) from message") == 3)

    await until(are_there)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    rows = await pool.fetch("select message_id from message order by id")
    assert [row["message_id"] for row in rows] == ["m1", "m2", "m3"]
    assert ingest.log_rows_lost == 1


async def test_quarantine_and_statuses_are_written_with_the_batch(
    database_url: str, pool: Pool, station_id: int
) -> None:
    topics = Topics()
    session = await begin(pool, station_id)
    async with ingesting(database_url, topics) as ingest:
        await asyncio.gather(
            ingest.add(
                item(
                    station_id,
                    measured(1, 1000),
                    quarantine=("MeterValues", "q", b"[2]", "odd"),
                )
            ),
            ingest.add(item(station_id, tx=None, statuses=(report(station_id, 1),))),
        )

    (row,) = await pool.fetch("select * from quarantine")
    assert (row["body"], row["problem"], row["session_id"]) == (b"[2]", "odd", session.id)
    assert await pool.fetchval("select status from connector") == "Available"
    assert changes.topic("station", station_id) in topics


async def test_two_processes_on_the_same_sessions_never_wait_for_each_other_in_a_circle(
    database_url: str, pool: Pool
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    numbers = [(await add_station(database_url, f"CP-{n}")).id for n in range(8)]
    for number in numbers:
        await begin(pool, number)

    async def say_all(ingest: Ingest, places: list[int]) -> None:
        """Each station says each of its readings, in rounds that the stations shuffle."""
        for place in places:
            order = dice.sample(numbers, len(numbers))
            status = BEGAN + timedelta(seconds=place)
            await asyncio.gather(
                *(ingest.add(item(number, measured(place, place * 10))) for number in order),
                *(
                    ingest.add(
                        item(number, tx=None, statuses=(report(number, 1 + place % 3, status),))
                    )
                    for number in reversed(order)
                ),
            )

    with capture_logs() as lines:
        async with ingesting(database_url) as one, ingesting(database_url) as two:
            # Half of what one says the other says too, in whatever order.
            both = list(range(1, 201))
            await asyncio.gather(say_all(one, both), say_all(two, dice.sample(both[::2], 100)))

    assert lines == []
    assert await kept(pool) == 200 * len(numbers)
    # Out of order for one of them: the job reads them again, and nothing was counted twice.
    running, hours = await energies(pool)
    assert running == hours <= 2000 * len(numbers)
    async with pool.acquire() as conn, conn.transaction():
        for station_id, session_id in await sessions.list_recompute_due(conn, 100):
            await sessions.lock_station(conn, station_id)
            await charging.read_again(conn, set(), await sessions.get(conn, session_id))
    assert await energies(pool) == (2000 * len(numbers), 2000 * len(numbers))


async def test_hours_are_those_of_arrival_and_add_up(
    database_url: str, pool: Pool, station_id: int
) -> None:
    await begin(pool, station_id)
    async with ingesting(database_url) as ingest:
        for place, register_wh in enumerate([0, 500, 1200, 1200, 3000]):
            await ingest.add(
                item(
                    station_id,
                    measured(place, register_wh),
                    received_at=RECEIVED + place * timedelta(minutes=25),
                )
            )

    rows = await pool.fetch("select hour, energy_wh from energy_hourly order by hour")
    hours = [(row["hour"] - RECEIVED, row["energy_wh"]) for row in rows]
    assert hours == [(timedelta(0), 1200), (timedelta(hours=1), 1800)]
    assert await energies(pool) == (3000, 3000)

"""Readings that come before the start of their session, or after a rule ended it (digest 3.7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from csms.jobs import Jobs
from db.rows import Pool
from tests.csms.test_jobs import BEGAN, check_hours, jobs, long_ago, said, server
from tests.csms.test_session_doubts import event
from tests.ocpp.payloads import BOOT
from tests.wire import Charger, Csms, charger

__all__ = ["jobs", "server"]

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


async def starts(cp: Charger, version: str, number: str, minute: float, wh: int) -> None:
    if version == "1.6":
        begin = {"connectorId": 1, "idTag": "ADA-1", "meterStart": wh, "timestamp": said(minute)}
        await cp.call("StartTransaction", begin)
    else:
        await cp.call("BootNotification", BOOT[version])
        await cp.call("TransactionEvent", event("Started", minute, wh, number))


async def reads(cp: Charger, version: str, minute: float, wh: int) -> None:
    """At its EVSE, of no transaction."""
    value = {"timestamp": said(minute), "sampledValue": [{"value": str(wh)}]}
    place = {"connectorId": 1}
    if version != "1.6":
        value["sampledValue"], place = [{"value": wh}], {"evseId": 1}
        await cp.call("BootNotification", BOOT[version])
    assert await cp.call("MeterValues", place | {"meterValue": [value]}) == {}


async def frees(cp: Charger, minute: float) -> None:
    free = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
    await cp.call("StatusNotification", free | {"timestamp": said(minute)})


async def rows(pool: Pool) -> list[Any]:
    return await pool.fetch(
        """
        select s.*, live.energy_wh as live_wh from charging_session s
        left join session_live live on live.session_id = s.id
        order by s.started_at
        """
    )


async def judged(pool: Pool, jobs: Jobs, after: timedelta) -> None:
    await long_ago(pool, after)
    await jobs.end_doubtful_sessions()
    await jobs.read_energy_again()
    await check_hours(pool)


@VERSIONS
async def test_what_came_before_a_start_from_a_queue_is_its_own_once_the_queue_is_quiet(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        await reads(cp, version, 20, 1404)
        await starts(cp, version, "T1", 5, 1000)
        await judged(pool, jobs, timedelta(seconds=50))
        assert (await rows(pool))[0]["live_wh"] == 0, "more of the queue may be of another session"

        await judged(pool, jobs, timedelta(seconds=11))

        (session,) = await rows(pool)
        assert not session["is_finalized"]
        assert session["live_wh"] == 404


@VERSIONS
async def test_who_was_silent_for_two_days_has_all_that_its_evse_measured(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        await reads(cp, version, 20, 1404)
        await starts(cp, version, "T1", 5, 1000)
    await judged(pool, jobs, timedelta(hours=49))

    (session,) = await rows(pool)
    assert session["is_finalized"]
    assert session["energy_wh"] == 404
    assert session["ended_at"] == BEGAN + timedelta(minutes=20)


async def test_what_was_measured_after_its_evse_was_free_is_of_nobody_yet(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        await frees(cp, 30)
        await reads(cp, "1.6", 20, 1404)
        await reads(cp, "1.6", 40, 9000)
        await starts(cp, "1.6", "T1", 5, 1000)
    await judged(pool, jobs, timedelta(seconds=61))
    assert (await rows(pool))[0]["live_wh"] == 404

    await judged(pool, jobs, timedelta(minutes=16))

    (session,) = await rows(pool)
    assert session["is_finalized"]
    assert (session["energy_wh"], session["ended_at"]) == (404, BEGAN + timedelta(minutes=20))
    assert await pool.fetchval("select count(*) from reading where session_id is null") == 1


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_events_of_a_session_that_the_next_start_ended_still_count(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    """The next session's start is said at once, and the queue of the first one behind it."""
    async with charger(server.url, "CP-1", version) as cp:
        await starts(cp, version, "T1", 0, 1000)
        await cp.call("TransactionEvent", event("Updated", 5, 1100))
        await starts(cp, version, "T2", 30, 3000)
        assert (await rows(pool))[0]["ended_at"] == BEGAN + timedelta(minutes=5)
        await cp.call("TransactionEvent", event("Updated", 12, 1900))
        await cp.call("TransactionEvent", event("Updated", 29, 3000))
    await judged(pool, jobs, timedelta(0))

    first, second = await rows(pool)
    assert first["energy_wh"] == 2000
    assert first["ended_at"] == BEGAN + timedelta(minutes=29)
    assert first["flags"] == ["implicit_end", "needs_review"]
    assert second["live_wh"] == 0


@VERSIONS
async def test_what_an_evse_measured_until_the_next_start_is_of_the_session_that_this_ended(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        await starts(cp, version, "T1", 0, 1000)
        await reads(cp, version, 5, 1100)
        await starts(cp, version, "T2", 30, 3000)
        await reads(cp, version, 12, 1900)
        await reads(cp, version, 29, 3000)
    await judged(pool, jobs, timedelta(0))

    first, second = await rows(pool)
    assert (first["energy_wh"], first["ended_at"]) == (2000, BEGAN + timedelta(minutes=29))
    assert "late_reading" not in first["flags"]
    assert second["live_wh"] == 0


async def test_between_a_free_evse_and_the_next_start_nothing_is_of_the_session_before(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    """Somebody charged whose start was lost: not on the bill of who was there before."""
    async with charger(server.url, "CP-1") as cp:
        await starts(cp, "1.6", "T1", 0, 1000)
        await reads(cp, "1.6", 5, 1100)
        await frees(cp, 6)
        await judged(pool, jobs, timedelta(minutes=3))
        await starts(cp, "1.6", "T2", 30, 3000)
        await reads(cp, "1.6", 20, 2900)
    await judged(pool, jobs, timedelta(0))

    first, _ = await rows(pool)
    assert (first["energy_wh"], first["ended_at"]) == (100, BEGAN + timedelta(minutes=5))


async def test_a_reading_past_the_next_start_does_not_move_an_end_beyond_it(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1", "2.0.1") as cp:
        await starts(cp, "2.0.1", "T1", 0, 1000)
        await starts(cp, "2.0.1", "T2", 30, 1000)
        await cp.call("TransactionEvent", event("Updated", 45, 2000))
    await judged(pool, jobs, timedelta(0))

    first, _ = await rows(pool)
    assert first["ended_at"] == BEGAN + timedelta(minutes=30)
    assert "late_reading" in first["flags"]


@pytest.mark.parametrize("minute", [6, 20])
async def test_a_reading_that_is_the_next_sessions_leaves_nothing_in_the_one_before(
    server: Csms, jobs: Jobs, pool: Pool, minute: float
) -> None:
    """It came before the next start, of which nothing was known, and was all that was read."""
    async with charger(server.url, "CP-1") as cp:
        await starts(cp, "1.6", "T1", 0, 1000)
        await reads(cp, "1.6", minute, 1404)
        await starts(cp, "1.6", "T2", 5.5, 1001)
    await judged(pool, jobs, timedelta(seconds=61))

    first, second = await rows(pool)
    assert (first["energy_wh"], first["ended_at"]) == (0, BEGAN)
    assert second["live_wh"] == 403
    assert first["flags"] == ["implicit_end", "needs_review", "unauthorized"]


@VERSIONS
async def test_an_evse_that_is_free_and_measures_on_does_not_move_the_end(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    """Each reading is within a minute of the one before, and the first of the end."""
    async with charger(server.url, "CP-1", version) as cp:
        await starts(cp, version, "T1", 0, 1000)
        await reads(cp, version, 5, 1100)
        await judged(pool, jobs, timedelta(hours=49))
        assert (await rows(pool))[0]["ended_at"] == BEGAN + timedelta(minutes=5)
        for minute in (5.5, 6, 6.5, 7):
            await reads(cp, version, minute, 1100)
            await judged(pool, jobs, timedelta(0))

    (session,) = await rows(pool)
    assert (session["energy_wh"], session["ended_at"]) == (100, BEGAN + timedelta(minutes=5))


async def test_a_start_from_a_queue_that_is_older_than_a_session_that_is_over_is_over(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    """And has what came since of its own time, but not of the later one's."""
    async with charger(server.url, "CP-1") as cp:
        begin = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 2000, "timestamp": said(20)}
        number = (await cp.call("StartTransaction", begin))["transactionId"]
        stop = {"transactionId": number, "meterStop": 4000, "timestamp": said(40)}
        await cp.call("StopTransaction", stop)
        await starts(cp, "1.6", "T1", 5, 1000)
        await reads(cp, "1.6", 15, 1900)
        await reads(cp, "1.6", 30, 3000)
    await judged(pool, jobs, timedelta(0))

    first, second = await rows(pool)
    assert (first["energy_wh"], first["ended_at"]) == (900, BEGAN + timedelta(minutes=15))
    assert first["flags"] == ["implicit_end", "needs_review", "unauthorized"]
    assert (second["energy_wh"], second["is_end_inferred"]) == (2000, False)


async def test_a_start_older_than_one_that_runs_is_over_where_it_was_last_heard(
    server: Csms, pool: Pool
) -> None:
    """Not at the start of the other: hours without a word are no estimate of its energy."""
    async with charger(server.url, "CP-1", "2.0.1") as cp:
        await starts(cp, "2.0.1", "T2", 50, 4000)
        await starts(cp, "2.0.1", "T1", 5, 1000)

    first, second = await rows(pool)
    assert (first["energy_wh"], first["ended_at"]) == (0, BEGAN + timedelta(minutes=5))
    assert not second["is_finalized"]


async def test_a_start_of_now_runs_though_a_session_began_later_by_a_clock_that_was_ahead(
    server: Csms, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        begin = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 2000, "timestamp": said(62)}
        number = (await cp.call("StartTransaction", begin))["transactionId"]
        stop = {"transactionId": number, "meterStop": 4000, "timestamp": said(63)}
        await cp.call("StopTransaction", stop)
        await starts(cp, "1.6", "T2", 59, 4000)

    now, _ = await rows(pool)
    assert not now["is_finalized"]


async def test_who_gives_away_its_last_reading_ends_with_the_one_before(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    """It was silent for two days; then the queue told that somebody else had come."""
    async with charger(server.url, "CP-1") as cp:
        await starts(cp, "1.6", "T1", 0, 1000)
        for minute, wh in ((5, 1100), (10, 1200), (20, 1900)):
            await reads(cp, "1.6", minute, wh)
        await judged(pool, jobs, timedelta(hours=49))
        assert (await rows(pool))[0]["energy_wh"] == 900
        await starts(cp, "1.6", "T2", 15, 1200)
    await judged(pool, jobs, timedelta(seconds=61))

    first, second = await rows(pool)
    assert (first["energy_wh"], first["ended_at"]) == (200, BEGAN + timedelta(minutes=10))
    assert "late_reading" not in first["flags"]
    assert second["live_wh"] == 700

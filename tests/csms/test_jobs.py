"""Background work: sessions ended by rule, figures read again, and who does it when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from csms import charging
from csms.config import Config
from csms.jobs import Jobs
from db import changes, commands, session_closing, sessions
from db.changes import Notifier
from db.config import DatabaseConfig
from db.model.commands import Raw
from db.model.sessions import Session
from db.rows import Pool
from tests.ocpp.conftest import until
from tests.portal.browser import add_person
from tests.wire import Charger, Csms, add_station, charger, csms

BOOT_16 = {"chargePointVendor": "Acme", "chargePointModel": "One"}
NAMES = [
    *("energy", "sessions", "gaps", "closing", "quarantine"),
    *("links", "reports", "partitions", "expiry"),
]
#: A session began an hour ago, and what follows was said a minute apart.
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def said(minute: float) -> str:
    return (BEGAN + timedelta(minutes=minute)).isoformat()


def values(number: int, *registers: tuple[float, object]) -> dict[str, Any]:
    elements = [
        {"timestamp": said(minute), "sampledValue": [{"value": str(register)}]}
        for minute, register in registers
    ]
    return {"connectorId": 1, "transactionId": number, "meterValue": elements}


def available() -> dict[str, Any]:
    return {"connectorId": 1, "status": "Available", "errorCode": "NoError"}


@pytest.fixture
async def server(database_url: str, pool: Pool, tmp_path: Path) -> AsyncIterator[Csms]:
    """A csms that leaves the jobs to us: their time has not come."""
    await pool.execute(
        "insert into job (name, next_at) select unnest($1::text[]), 'infinity'", NAMES
    )
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path, hold_s=30) as server:
        yield server


def make_jobs(database_url: str, pool: Pool, tmp_path: Path) -> Jobs:
    config = Config(DatabaseConfig(data_dir=tmp_path, database_url=database_url))
    return Jobs(config, pool, Notifier(database_url))


@pytest.fixture
def jobs(database_url: str, pool: Pool, tmp_path: Path) -> Jobs:
    return make_jobs(database_url, pool, tmp_path)


async def start(cp: Charger) -> int:
    """A session with a register of 2,000 Wh at its tenth minute; it began with 1,000."""
    begin = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 1000, "timestamp": said(0)}
    number = (await cp.call("StartTransaction", begin))["transactionId"]
    assert isinstance(number, int)
    assert await cp.call("MeterValues", values(number, (10, 2000))) == {}
    return number


async def stop(cp: Charger, number: int, register_wh: int, minute: int) -> None:
    end = {"transactionId": number, "meterStop": register_wh, "timestamp": said(minute)}
    assert await cp.call("StopTransaction", end) == {}


async def long_ago(pool: Pool, ago: timedelta) -> None:
    """Whatever was received until now was received so long before."""
    for statement in (
        "update session_live set updated_at = updated_at - $1::interval",
        "update charging_session set updated_at = updated_at - $1::interval",
        "update connector set status_received_at = status_received_at - $1::interval",
        """
        update station
        set booted_at = booted_at - $1::interval, boots_since = boots_since - $1::interval
        """,
    ):
        await pool.execute(statement, ago)


async def the_session(pool: Pool) -> Any:
    (row,) = await pool.fetch("select * from charging_session")
    return row


async def check_hours(pool: Pool) -> None:
    hours = await pool.fetchval("select coalesce(sum(energy_wh), 0) from energy_hourly")
    sessions = await pool.fetchval(
        """
        select coalesce(sum(coalesce(live.energy_wh, s.energy_wh, 0)), 0)
        from charging_session s left join session_live live on live.session_id = s.id
        """
    )
    assert hours == sessions


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


async def ruled(pool: Pool, number: int, flag: str) -> None:
    """It ended at the last register that was heard, for a person to look at."""
    session = await the_session(pool)
    assert session["id"] == number
    assert session["is_finalized"]
    assert session["is_end_inferred"]
    assert set(session["flags"]) == {flag, "needs_review", "unauthorized"}
    assert session["ended_at"] == BEGAN + timedelta(minutes=10)
    assert session["energy_wh"] == 1000
    assert session["stop_reason"] == "Other"
    assert await pool.fetchval("select count(*) from session_live") == 0
    await check_hours(pool)


async def test_a_session_on_a_connector_that_is_free_for_two_minutes_is_over(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await cp.call("StatusNotification", available())

        await long_ago(pool, seconds(100))
        await jobs.end_doubtful_sessions()
        assert not (await the_session(pool))["is_finalized"]

        await long_ago(pool, seconds(21))
        await jobs.end_doubtful_sessions()
    await ruled(pool, number, "implicit_end")


async def test_who_repeats_that_it_is_free_does_not_keep_its_session(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        await cp.call("StatusNotification", available())  # before the session: of no meaning
        await long_ago(pool, timedelta(hours=1))
        number = await start(cp)
        for _ in range(2):
            await cp.call("StatusNotification", available())
            await long_ago(pool, seconds(50))
        await cp.call("StatusNotification", available())
        await jobs.end_doubtful_sessions()
        assert not (await the_session(pool))["is_finalized"]

        await long_ago(pool, seconds(21))
        await cp.call("StatusNotification", available())
        await jobs.end_doubtful_sessions()
    await ruled(pool, number, "implicit_end")


async def test_a_session_that_was_not_heard_since_a_boot_a_quarter_of_an_hour_ago_is_over(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await cp.call("BootNotification", BOOT_16)

        await long_ago(pool, timedelta(minutes=14))
        await jobs.end_doubtful_sessions()
        assert not (await the_session(pool))["is_finalized"]

        await long_ago(pool, timedelta(minutes=1, seconds=1))
        await jobs.end_doubtful_sessions()
    await ruled(pool, number, "implicit_end")


async def test_a_session_that_was_silent_for_two_days_is_over(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)

        await long_ago(pool, timedelta(hours=47))
        await jobs.end_doubtful_sessions()
        assert not (await the_session(pool))["is_finalized"]

        await long_ago(pool, timedelta(hours=1, seconds=1))
        await jobs.end_doubtful_sessions()
    await ruled(pool, number, "stale")


@pytest.mark.parametrize("before", ["Available", "boot", "silence"])
async def test_a_session_that_was_heard_since_goes_on(
    server: Csms, jobs: Jobs, pool: Pool, before: str
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        if before == "Available":
            await cp.call("StatusNotification", available())
        elif before == "boot":
            await cp.call("BootNotification", BOOT_16)
        await long_ago(pool, timedelta(days=3))
        await cp.call("MeterValues", values(number, (20, 2500)))

        await jobs.end_doubtful_sessions()

        assert not (await the_session(pool))["is_finalized"]
        await stop(cp, number, 3000, 30)
    session = await the_session(pool)
    assert (session["energy_wh"], session["is_end_inferred"]) == (2000, False)
    assert session["flags"] == ["unauthorized"]


@pytest.mark.parametrize("reported", ["SuspendedEV", "Finishing", "Preparing", "Faulted"])
async def test_a_connector_that_is_taken_again_or_faulted_says_nothing_of_the_session(
    server: Csms, jobs: Jobs, pool: Pool, reported: str
) -> None:
    async with charger(server.url, "CP-1") as cp:
        await start(cp)
        await cp.call("StatusNotification", available())
        error = "GroundFailure" if reported == "Faulted" else "NoError"
        taken = available() | {"status": reported, "errorCode": error}
        await cp.call("StatusNotification", taken)
        await long_ago(pool, timedelta(hours=2))

        await jobs.end_doubtful_sessions()
    assert not (await the_session(pool))["is_finalized"]


@pytest.mark.parametrize("register_wh", [2000, 5000])
async def test_the_late_real_end_replaces_that_of_the_rule_and_the_hours_still_add_up(
    server: Csms, jobs: Jobs, pool: Pool, register_wh: int
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await cp.call("StatusNotification", available())
        await long_ago(pool, seconds(121))
        await jobs.end_doubtful_sessions()
        await ruled(pool, number, "implicit_end")

        await stop(cp, number, register_wh, 40)
        await stop(cp, number, register_wh, 40)

    session = await the_session(pool)
    assert session["energy_wh"] == register_wh - 1000
    assert session["ended_at"] == BEGAN + timedelta(minutes=40)
    assert session["stop_reason"] == "Local"
    assert not session["is_end_inferred"]
    assert {"late_end", "unauthorized"} <= set(session["flags"])
    assert "implicit_end" not in session["flags"]
    await check_hours(pool)


async def test_readings_that_come_after_a_rules_end_raise_its_energy(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await long_ago(pool, timedelta(hours=49))
        await jobs.end_doubtful_sessions()
        await ruled(pool, number, "stale")

        await cp.call("MeterValues", values(number, (11, 2200)))
        assert (await the_session(pool))["is_recompute_due"]
        await jobs.read_energy_again()
        session = await the_session(pool)
        assert not session["is_recompute_due"]
        assert session["energy_wh"] == 1200
        await check_hours(pool)

        await stop(cp, number, 4000, 30)
    assert (await the_session(pool))["energy_wh"] == 3000
    await check_hours(pool)


async def test_energy_is_read_again_after_readings_out_of_order(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await cp.call("MeterValues", values(number, (30, 4000)))
        # The queue of an outage, behind what was said after it.
        await cp.call("MeterValues", values(number, (20, 3000), (40, 4500)))
        assert (await the_session(pool))["is_recompute_due"]

        await jobs.read_energy_again()

        assert not (await the_session(pool))["is_recompute_due"]
        assert await pool.fetchval("select energy_wh from session_live") == 3500
        await check_hours(pool)
        # The live figures go on from there: what ingest remembered is not so any more.
        await cp.call("MeterValues", values(number, (50, 5000)))
        await jobs.read_energy_again()
        assert not (await the_session(pool))["is_recompute_due"]
        assert await pool.fetchval("select energy_wh from session_live") == 4000
        await stop(cp, number, 5000, 51)
    session = await the_session(pool)
    assert (session["energy_wh"], session["flags"]) == (4000, ["unauthorized"])
    await check_hours(pool)


@pytest.mark.parametrize("odd", [99_999_999, 0, "NaN"])
async def test_energy_is_read_again_after_an_odd_reading(
    server: Csms, jobs: Jobs, pool: Pool, odd: object
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await cp.call("MeterValues", values(number, (15, odd)))
        await cp.call("MeterValues", values(number, (20, 3000)))

        await jobs.read_energy_again()

        assert not (await the_session(pool))["is_recompute_due"]
        assert await pool.fetchval("select energy_wh from session_live") == 2000
        await check_hours(pool)
        await stop(cp, number, 3000, 21)
    assert (await the_session(pool))["energy_wh"] == 2000
    await check_hours(pool)


async def test_a_reading_that_comes_while_the_energy_is_read_again_is_not_forgotten(
    server: Csms, jobs: Jobs, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[asyncio.Task[Any]] = []
    save = sessions.save

    async def save_late(conn: Any, session: Any) -> None:
        """The readings were read, and what they make of the session is not written yet."""
        if not late:
            said = values(session.id, (11, 2200))
            late.append(asyncio.create_task(cp.call("MeterValues", said)))

            async def is_written_or_waits() -> bool:
                return late[0].done() or await waiting(pool) > 0

            await until(is_written_or_waits)
        await save(conn, session)

    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await long_ago(pool, timedelta(hours=49))
        await jobs.end_doubtful_sessions()
        await cp.call("MeterValues", values(number, (10.5, 2100)))
        assert (await the_session(pool))["is_recompute_due"]

        monkeypatch.setattr(sessions, "save", save_late)
        await jobs.read_energy_again()
        assert await late[0] == {}
        await jobs.read_energy_again()

    session = await the_session(pool)
    assert session["energy_wh"] == 1200
    assert not session["is_recompute_due"]
    await check_hours(pool)


async def waiting(pool: Pool) -> int:
    count: int = await pool.fetchval(
        """
        select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
        """
    )
    return count


def with_job(jobs: Jobs, run: Callable[[], Awaitable[None]]) -> Jobs:
    """Only the energy job, which does this."""
    job = jobs._jobs["energy"]
    jobs._jobs = {"energy": replace(job, run=run)}
    return jobs


async def test_a_job_runs_in_one_process_at_a_time(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    running, most, runs = 0, 0, 0
    release = asyncio.Event()

    async def work() -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await release.wait()
        running -= 1

    pools = [await asyncpg.create_pool(database_url, min_size=1, max_size=2) for _ in "123"]
    tasks = [
        asyncio.create_task(with_job(make_jobs(database_url, each, tmp_path), work).run())
        for each in pools
    ]
    try:

        async def has_begun() -> bool:
            return runs == 1

        await until(has_begun)
        # All have offered: none of the others finds anything to do.
        for each in pools:
            async with each.acquire() as conn, conn.transaction():
                assert await conn.fetch("select from job for update skip locked") == []
        release.set()

        async def has_run_again() -> bool:
            await pool.execute("update job set next_at = now()")
            return runs >= 3

        await until(has_run_again)
        assert most == 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in pools:
            await each.close()


async def test_a_job_that_fails_is_recorded_and_tried_again(jobs: Jobs, pool: Pool) -> None:
    outcomes: list[Exception | None] = [ValueError("a defect of ours"), None]

    async def work() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    task = asyncio.create_task(with_job(jobs, work).run())

    async def has_run() -> bool:
        return bool(await pool.fetchval("select count(*) from job where ran_at is not null"))

    try:
        await until(has_run)
        (failed,) = await pool.fetch("select * from job")
        assert failed["error"] == "ValueError('a defect of ours')"
        assert failed["next_at"] > failed["ran_at"]

        await pool.execute("update job set next_at = now()")

        async def went_well() -> bool:
            return bool(await pool.fetchval("select error is null from job"))

        await until(went_well)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert outcomes == []
    assert await pool.fetchval("select took_ms from job") is not None


async def test_a_job_during_which_the_database_went_away_is_simply_done_later(
    jobs: Jobs, pool: Pool
) -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ConnectionResetError("the database went away")

    task = asyncio.create_task(with_job(jobs, work).run())

    async def has_run() -> bool:
        return bool(await pool.fetchval("select count(*) from job where ran_at is not null"))

    try:
        await until(has_run)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert runs == 2
    assert await pool.fetchval("select error from job") is None


async def test_stations_of_a_process_that_died_are_let_go(
    database_url: str, jobs: Jobs, pool: Pool
) -> None:
    gone = await add_station(database_url, "CP-1")
    stays = await add_station(database_url, "CP-2")
    await pool.execute(
        """
        insert into node (name, started_at, lease_until) values
            ('alive', now(), now() + interval '1 minute'),
            ('dead', now(), now() - interval '1 second'),
            ('long dead', now(), now() - interval '2 days')
        """
    )
    await pool.executemany(
        "insert into link (station_id, node, ocpp_version) values ($1, $2, '1.6')",
        [(gone.id, "dead"), (stays.id, "alive")],
    )

    await jobs.release_dead_links()

    assert [row["station_id"] for row in await pool.fetch("select * from link")] == [stays.id]
    names = {row["name"] for row in await pool.fetch("select name from node")}
    assert names == {"alive", "dead"}
    assert jobs._notifier._topics == {changes.topic("station", gone.id)}


async def test_what_is_only_for_people_is_kept_for_its_time(
    database_url: str, jobs: Jobs, pool: Pool
) -> None:
    station = await add_station(database_url, "CP-1")
    days = {"connection_attempt": 30, "authorization_decision": 400, "command": 90}
    for name, kept in days.items():
        for age in (kept - 1, kept + 1):
            await pool.execute(
                {
                    "connection_attempt": """
                        insert into connection_attempt (at, path, http_status, reason, station_id)
                        values (now() - $1 * interval '1 day', '/', 404, 'x', $2)
                    """,
                    "authorization_decision": """
                        insert into authorization_decision
                            (at, uid, type, purpose, status, reason, station_id)
                        values (now() - $1 * interval '1 day', 'A', 'Central', 'stop', '', '', $2)
                    """,
                    "command": """
                        insert into command (asked_at, kind, arguments, asked_by, expires_at,
                            station_id)
                        values (now() - $1 * interval '1 day', 'raw', '', 'omar', now(), $2)
                    """,
                }[name],
                age,
                station.id,
            )

    await jobs.expire()

    for name in days:
        assert await pool.fetchval(f"select count(*) from {name}") == 1, name


async def two_sessions(database_url: str, server: Csms, pool: Pool) -> tuple[int, int]:
    """Of two stations, both silent for two days, and both to be read again."""
    await add_station(database_url, "CP-2")
    numbers = []
    for identity in ("CP-1", "CP-2"):
        async with charger(server.url, identity) as cp:
            numbers.append(await start(cp))
    await long_ago(pool, timedelta(days=3))
    await pool.execute("update charging_session set is_recompute_due = true")
    return numbers[0], numbers[1]


async def those_done(pool: Pool, work: str) -> set[int]:
    done = {"energy": "not is_recompute_due", "sessions": "is_finalized"}[work]
    return {row["id"] for row in await pool.fetch(f"select id from charging_session where {done}")}


async def do(jobs: Jobs, work: str) -> None:
    await {"energy": jobs.read_energy_again, "sessions": jobs.end_doubtful_sessions}[work]()


@pytest.mark.parametrize("work", ["energy", "sessions"])
async def test_a_session_that_fails_stops_no_other_and_is_tried_again(
    database_url: str,
    server: Csms,
    jobs: Jobs,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
    work: str,
) -> None:
    bad, good = await two_sessions(database_url, server, pool)
    name = {"energy": "read_again", "sessions": "end_by_rule"}[work]
    real: Any = getattr(charging, name)

    async def fails(conn: Any, topics: set[str], session: Session, **rest: Any) -> Any:
        if session.id == bad:
            raise ValueError("a defect of ours")
        return await real(conn, topics, session, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(charging, name, fails)
        await do(jobs, work)
    assert await those_done(pool, work) == {good}

    await do(jobs, work)
    assert await those_done(pool, work) == {bad, good}


@pytest.mark.parametrize("work", ["energy", "sessions"])
async def test_a_station_that_somebody_else_decides_about_is_not_waited_for(
    database_url: str, server: Csms, jobs: Jobs, pool: Pool, work: str
) -> None:
    busy, free = await two_sessions(database_url, server, pool)
    async with pool.acquire() as conn, conn.transaction():
        station_id = await conn.fetchval(
            "select station_id from charging_session where id = $1", busy
        )
        await sessions.lock_station(conn, station_id)
        async with asyncio.timeout(20):
            await do(jobs, work)
        assert await those_done(pool, work) == {free}

    await do(jobs, work)
    assert await those_done(pool, work) == {busy, free}


async def test_what_a_process_that_died_had_asked_is_over_without_its_coming_back(
    database_url: str, jobs: Jobs, pool: Pool
) -> None:
    station = await add_station(database_url, "CP-1")
    await pool.execute(
        """
        insert into node (name, started_at, lease_until) values
            ('alive', now(), now() + interval '1 minute'), ('dead', now(), now())
        """
    )
    secret = Raw("ChangeConfiguration", msgspec.Raw(b'{"key":"AuthorizationKey","value":"5ec4"}'))
    asked = {}
    for node, minutes in (("dead", 4), ("dead", 0), ("alive", 4)):
        async with pool.acquire() as conn:
            command = await commands.ask(
                conn, station.id, secret, asked_by="omar", valid_for=timedelta(minutes=1)
            )
        await pool.execute(
            """
            update command
            set state = 'sent', node = $2, sent_at = now() - make_interval(mins => $3)
            where id = $1
            """,
            command.id,
            node,
            minutes,
        )
        asked[node, minutes] = command.id

    await jobs.release_dead_links()

    rows = await pool.fetch("select * from command where state = 'expired'")
    assert [row["id"] for row in rows] == [asked["dead", 4]]
    assert b"5ec4" not in rows[0]["arguments"]
    assert changes.topic("command", station.id, asked["dead", 4]) in jobs._notifier._topics


async def ask_to_close(pool: Pool, number: int) -> None:
    omar = await add_person(pool, f"omar{number}@example.org", role="admin")
    station_id = (await the_session(pool))["station_id"]
    async with pool.acquire() as conn:
        await session_closing.ask(
            conn, station_id, number, by=omar.id, reason="charger was replaced"
        )


async def test_the_chargers_own_end_replaces_that_of_a_person(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await ask_to_close(pool, number)
        await jobs.close_asked_sessions()
        await ruled(pool, number, "closed_by_person")

        await stop(cp, number, 3000, 20)

    session = await the_session(pool)
    assert (session["energy_wh"], session["ended_at"]) == (2000, BEGAN + timedelta(minutes=20))
    assert not session["is_end_inferred"]
    assert "closed_by_person" not in session["flags"]
    assert "late_end" in session["flags"]
    await check_hours(pool)


async def test_who_closes_a_session_that_its_charger_ends_at_that_moment_changes_nothing(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        await ask_to_close(pool, number)
        await asyncio.gather(stop(cp, number, 3000, 20), jobs.close_asked_sessions())
        await jobs.close_asked_sessions()

    session = await the_session(pool)
    assert session["is_finalized"]
    assert not session["is_end_inferred"]
    assert (session["energy_wh"], session["meter_stop_wh"]) == (2000, 3000)
    assert session["ended_at"] == BEGAN + timedelta(minutes=20)
    assert await pool.fetchval("select count(*) from session_live") == 0
    await check_hours(pool)

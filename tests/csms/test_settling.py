"""What a person says of a message in quarantine: its session gets what it says, exactly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from csms.config import Config
from csms.jobs import Jobs
from csms.ocpp import gate
from csms.ocpp.handling import Rare
from db import quarantine
from db.changes import Notifier
from db.config import DatabaseConfig
from db.rows import Pool
from tests.csms.test_jobs import NAMES, check_hours, said, start, values
from tests.portal.browser import add_person
from tests.wire import Csms, add_station, charger, csms

BOOT_2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}


def failing(*_: object) -> Any:
    raise RuntimeError("a defect of ours")


@pytest.fixture
async def server(database_url: str, pool: Pool, tmp_path: Path) -> AsyncIterator[Csms]:
    """A csms that leaves the jobs to us."""
    await pool.execute(
        "insert into job (name, next_at) select unnest($1::text[]), 'infinity'", NAMES
    )
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        yield server


@pytest.fixture
def jobs(database_url: str, pool: Pool, tmp_path: Path) -> Jobs:
    config = Config(DatabaseConfig(data_dir=tmp_path, database_url=database_url))
    return Jobs(config, pool, Notifier(database_url))


async def assign(pool: Pool, jobs: Jobs, session: int) -> None:
    """The one message that waits is said to be of a session, and csms brings it about."""
    omar = await pool.fetchval("select id from account")
    if omar is None:
        omar = (await add_person(pool, "omar@example.org", role="admin")).id
    (row,) = await pool.fetch("select station_id, id from quarantine where settled_by is null")
    async with pool.acquire() as conn:
        settling = {"by": omar, "note": "as the driver says", "assigned_to": session}
        for is_first in (True, False):
            is_done = await quarantine.settle(
                conn, row["station_id"], row["id"], now=datetime.now(UTC), **settling
            )
            assert is_done == is_first
    for _ in range(2):
        await jobs.settle_quarantine()
        await jobs.read_energy_again()
    assert await pool.fetchval("select count(*) from quarantine where applied_at is null") == 0


async def session(pool: Pool, number: int) -> Any:
    return await pool.fetchrow("select * from charging_session where id = $1", number)


async def test_a_stop_that_we_failed_to_handle_ends_its_session(
    server: Csms, pool: Pool, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        monkeypatch.setitem(gate._TABLES["1.6"], "StopTransaction", Rare(failing))
        end = {
            "transactionId": 4711,
            "meterStop": 3500,
            "timestamp": said(30),
            "reason": "EVDisconnected",
            "idTag": "ADA-2",
            "transactionData": values(number, (20, 3000))["meterValue"],
        }
        assert await cp.call("StopTransaction", end) == {}
    await assign(pool, jobs, number)

    row = await session(pool, number)
    assert (row["is_finalized"], row["is_end_inferred"]) == (True, False)
    assert (row["energy_wh"], row["meter_stop_wh"]) == (2500, 3500)
    assert row["ended_at"].isoformat() == said(30)
    assert (row["stop_reason"], row["stop_id_token"]) == ("EVDisconnected", "ADA-2")
    assert await pool.fetchval("select count(*) from reading where session_id = $1", number) == 2
    await check_hours(pool)


async def test_readings_that_were_kept_without_a_session_go_to_it(
    server: Csms, pool: Pool, jobs: Jobs
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        odd = values(4711, (20, 4000))
        odd["meterValue"][0]["sampledValue"][0]["value"] = 4000
        assert await cp.call("MeterValues", odd) == {}
    before = await pool.fetchval("select count(*) from reading")
    assert await pool.fetchval("select count(*) from reading where session_id is null") == 1
    await assign(pool, jobs, number)

    assert await pool.fetchval("select count(*) from reading") == before
    assert await pool.fetchval("select count(*) from reading where session_id is null") == 0
    assert await pool.fetchval("select energy_wh from session_live") == 3000
    await check_hours(pool)


async def test_what_was_taken_for_another_session_leaves_that_one(
    server: Csms, pool: Pool, jobs: Jobs
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        end = {"transactionId": number, "meterStop": 2500, "timestamp": said(15)}
        assert await cp.call("StopTransaction", end) == {}
        orphan = {"transactionId": 4711, "meterStop": 3500, "timestamp": said(30)}
        orphan["transactionData"] = values(number, (20, 2500), (25, 3500))["meterValue"]
        assert await cp.call("StopTransaction", orphan) == {}
    other = await pool.fetchval("select max(id) from charging_session")
    assert (await session(pool, other))["energy_wh"] == 1000
    await assign(pool, jobs, number)

    # Its own end stands, and the other register is told.
    mine = await session(pool, number)
    assert (mine["ended_at"].isoformat(), mine["meter_stop_wh"]) == (said(15), 2500)
    assert "stop_conflict" in mine["flags"]
    assert not (await session(pool, other))["energy_wh"]
    assert await pool.fetchval("select count(*) from reading where session_id = $1", other) == 0
    await check_hours(pool)


async def test_a_start_that_came_late_gives_a_session_its_beginning(
    server: Csms, pool: Pool, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with charger(server.url, "CP-1") as cp:
        with monkeypatch.context() as patch:
            patch.setitem(gate._TABLES["1.6"], "StartTransaction", Rare(failing))
            begin = {"connectorId": 1, "idTag": "A", "meterStart": 1000, "timestamp": said(0)}
            number = (await cp.call("StartTransaction", begin))["transactionId"]
        end = {"transactionId": number, "meterStop": 3500, "timestamp": said(30)}
        assert await cp.call("StopTransaction", end) == {}
        await pool.execute("delete from quarantine where action = 'StopTransaction'")
    orphan = await pool.fetchval("select id from charging_session")
    await assign(pool, jobs, orphan)

    row = await session(pool, orphan)
    assert (row["energy_wh"], row["started_at"].isoformat()) == (2500, said(0))
    assert "no_start" not in row["flags"]
    await check_hours(pool)


async def test_an_end_of_2_0_1_does_the_same(
    server: Csms, pool: Pool, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def event(kind: str, minute: int, register: int, **info: str) -> dict[str, Any]:
        measured = [{"timestamp": said(minute), "sampledValue": [{"value": register}]}]
        return {
            "eventType": kind,
            "timestamp": said(minute),
            "triggerReason": "Trigger",
            "seqNo": minute,
            "evse": {"id": 1, "connectorId": 1},
            "transactionInfo": {"transactionId": "tx-1", **info},
            "meterValue": measured,
        }

    async with charger(server.url, "CP-1", "2.0.1") as cp:
        await cp.call("BootNotification", BOOT_2)
        await cp.call("TransactionEvent", event("Started", 0, 1000))
        monkeypatch.setitem(gate._TABLES["2.0.1"], "TransactionEvent", Rare(failing))
        end = event("Ended", 30, 3500, stoppedReason="EVDisconnected")
        assert await cp.call("TransactionEvent", end) == {}
    number = await pool.fetchval("select id from charging_session")
    await assign(pool, jobs, number)

    row = await session(pool, number)
    assert (row["is_finalized"], row["energy_wh"]) == (True, 2500)
    assert (row["ended_at"].isoformat(), row["stop_reason"]) == (said(30), "EVDisconnected")
    await check_hours(pool)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b'[2,"1","StopTransaction",[]]',
        b'[2,"1","Heartbeat",{}]',
        b'[2,"1","TransactionEvent",{"eventType":"Ended"}]',
        b'[2,"1","MeterValues",{"meterValue":[null,{"sampledValue":[5]}]}]',
    ],
)
async def test_a_message_that_says_nothing_changes_nothing(
    server: Csms, pool: Pool, jobs: Jobs, body: bytes
) -> None:
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
    await pool.execute(
        """
        insert into quarantine (station_id, received_at, action, body, problem)
        select id, now(), 'StopTransaction', $1, 'odd' from station
        """,
        body,
    )
    before = await session(pool, number)
    await assign(pool, jobs, number)

    assert await session(pool, number) == before
    await check_hours(pool)


async def test_a_message_is_read_as_the_switches_of_its_charger_say(
    server: Csms, pool: Pool, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.execute("update station set says_kwh = true, clock_offset_h = 2")
    async with charger(server.url, "CP-1") as cp:
        number = await start(cp)
        monkeypatch.setitem(gate._TABLES["1.6"], "StopTransaction", Rare(failing))
        end = {"transactionId": number, "meterStop": 1003.5, "timestamp": said(30)}
        end["transactionData"] = values(number, (20, 1002))["meterValue"]
        assert await cp.call("StopTransaction", end) == {}
    await assign(pool, jobs, number)

    row = await session(pool, number)
    assert (row["energy_wh"], row["meter_stop_wh"]) == (3500, 1_003_500)
    assert row["ended_at"] + timedelta(hours=2) == datetime.fromisoformat(said(30))
    (last,) = await pool.fetch("select at, energy_wh from reading order by at desc limit 1")
    assert last["at"] + timedelta(hours=2) == datetime.fromisoformat(said(20))
    assert last["energy_wh"] == 1_002_000
    await check_hours(pool)

"""What a charger says of a session is kept and answered, whatever it says and whatever we do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from csms.ocpp import gate
from csms.ocpp.handling import Handler, Quick, Rare
from csms.say import Payload, Version
from db import readings, sessions
from db.rows import Pool
from tests.wire import Charger, add_station, charger, csms

AT = "2026-05-01T09:00:00Z"
START = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 1000, "timestamp": AT}
STOP = {"transactionId": 1, "meterStop": 3500, "timestamp": "2026-05-01T10:00:00Z"}
VALUES = {
    "connectorId": 1,
    "meterValue": [{"timestamp": "2026-05-01T09:10:00Z", "sampledValue": [{"value": "1500"}]}],
}
EVENT = {
    "eventType": "Started",
    "timestamp": AT,
    "triggerReason": "CablePluggedIn",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "tx-1"},
}


def failing(*_: object) -> Any:
    raise RuntimeError("a defect of ours")


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("1.6", "StartTransaction", START),
        ("1.6", "StopTransaction", STOP),
        ("1.6", "MeterValues", VALUES),
        ("2.0.1", "TransactionEvent", EVENT),
        ("2.1", "TransactionEvent", EVENT),
    ],
)
async def test_a_transaction_message_that_we_fail_to_handle_is_kept_and_answered(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: Version,
    action: str,
    payload: Payload,
) -> None:
    monkeypatch.setitem(gate._TABLES[version], action, Rare(failing))
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1", version) as cp:
        said = json.dumps([2, "q1", action, payload])
        answer = await cp.raw(said)

    assert answer[:2] == [3, "q1"]
    if action == "StartTransaction":
        assert answer[2]["transactionId"] > 0
        assert answer[2]["idTagInfo"] == {"status": "Invalid"}
    else:
        assert answer[2] == {}
    (kept,) = await pool.fetch("select * from quarantine")
    assert (kept["action"], kept["message_id"]) == (action, "q1")
    assert kept["body"].decode() == said
    assert kept["problem"] == "we failed to handle it"
    assert await pool.fetchval("select count(*) from charging_session") == 0


@pytest.mark.parametrize(
    ("action", "handler", "payload"),
    [
        ("Authorize", Rare(failing), {"idTag": "ADA-1"}),
        ("Heartbeat", Quick(failing), {}),
        ("DataTransfer", Quick(failing), {"vendorId": "x"}),
    ],
)
async def test_any_other_message_that_we_fail_to_handle_is_an_internal_error(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    handler: Handler,
    payload: Payload,
) -> None:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        with monkeypatch.context() as patch:
            patch.setitem(gate._TABLES["1.6"], action, handler)
            answer = await cp.call(action, payload)
        assert answer[2:4] == ["InternalError", "the fault is ours"]
        # The link goes on.
        assert isinstance(await cp.call(action, payload), dict)

    assert await pool.fetchval("select count(*) from quarantine") == 0


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("MeterValues", VALUES | {"x\x00y": 1}),
        ("MeterValues", VALUES | {"meterValue": [{"timestamp": AT, "x\x00": 1}]}),
        ("StartTransaction", START | {"x\x00y": 1}),
        ("StopTransaction", STOP | {"transactionId": "\x00", "idTag": "NOBODY"}),
        ("StopTransaction", STOP | {"reason": "\x00"}),
    ],
)
async def test_a_character_that_the_database_refuses_does_not_cost_the_charger_its_answer(
    database_url: str, pool: Pool, tmp_path: Path, action: str, payload: Payload
) -> None:
    await add_station(database_url, "CP-1")
    async with (
        csms(database_url, tmp_path, hold_s=20) as server,
        charger(server.url, "CP-1") as cp,
    ):
        answer = await cp.call(action, payload)

    assert isinstance(answer, dict), answer
    (kept,) = await pool.fetch("select body, problem from quarantine")
    assert json.loads(kept["body"])[3] == payload
    assert "\x00" not in kept["problem"]


TWO_MET = [
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.CheckViolationError,  # a row on its way to a partition that another one just left
]


class Busy:
    """Fails as a database does in which two transactions met, some times."""

    def __init__(self, times: int, error: type[Exception]) -> None:
        self.left = times
        self.error = error

    def in_front_of(self, run: Any) -> Any:
        async def maybe(*args: Any, **more: Any) -> Any:
            if self.left:
                self.left -= 1
                raise self.error("they met")
            return await run(*args, **more)

        return maybe


@pytest.mark.parametrize("error", TWO_MET)
async def test_a_start_that_met_another_transaction_is_tried_again(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
) -> None:
    busy = Busy(2, error)
    monkeypatch.setattr(sessions, "add", busy.in_front_of(sessions.add))
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        answer = await cp.call("StartTransaction", START)

    assert busy.left == 0
    assert answer["transactionId"] == await pool.fetchval("select id from charging_session")
    assert await pool.fetchval("select count(*) from quarantine") == 0


@pytest.mark.parametrize("error", TWO_MET)
async def test_a_reading_that_met_another_transaction_is_tried_again(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
) -> None:
    """Also when the item alone meets it: in quarantine its energy would count for nothing."""
    busy = Busy(3, error)
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        number = (await cp.call("StartTransaction", START))["transactionId"]
        monkeypatch.setattr(readings, "add_many", busy.in_front_of(readings.add_many))
        assert await cp.call("MeterValues", VALUES | {"transactionId": number}) == {}

    assert busy.left == 0
    assert await pool.fetchval("select count(*) from quarantine") == 0
    assert await pool.fetchval("select energy_wh from session_live") == 500


async def test_what_is_kept_of_a_start_does_not_keep_its_stop_from_being_kept(
    database_url: str, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        number = await _failed_start(cp, monkeypatch)
        stop = STOP | {"transactionId": number}
        assert await cp.call("StopTransaction", stop) == {}

    (session,) = await pool.fetch("select * from charging_session")
    assert {"incomplete", "no_start", "needs_review"} <= set(session["flags"])
    assert await pool.fetchval("select count(*) from quarantine") == 2


async def _failed_start(cp: Charger, monkeypatch: pytest.MonkeyPatch) -> int:
    with monkeypatch.context() as patch:
        patch.setitem(gate._TABLES["1.6"], "StartTransaction", Rare(failing))
        number = (await cp.call("StartTransaction", START))["transactionId"]
    assert isinstance(number, int)
    return number

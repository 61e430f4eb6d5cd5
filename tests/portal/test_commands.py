"""Commands over the API; a test stands in for the csms process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import changes, commands
from db.model.commands import CommandState, Raw, StartSession, StopSession, decode
from db.rows import Pool
from portal.context import CONFIG, LIVE, NOTIFIER
from tests.portal import build
from tests.portal.conftest import Api

CP = "/api/v1/stations/CP-1"
RESET: dict[str, Any] = {"action": "Reset", "payload": {"type": "Soft"}}


async def settle(
    api: Api, pool: Pool, state: CommandState, *, tells: bool = True, **more: Any
) -> None:
    """What csms does: take the command, ask the station, settle the row, tell."""
    async with asyncio.timeout(5):
        while (row := await pool.fetchrow("select station_id, id from command")) is None:
            await asyncio.sleep(0.01)
    async with pool.acquire() as conn:
        await commands.settle(conn, row["station_id"], row["id"], state=state, **more)
    if tells:
        api.app[NOTIFIER].changed(changes.topic("command", row["station_id"], row["id"]))


async def test_a_raw_command_waits_for_the_station_byte_for_byte(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn, version="1.6")
    payload = b'{ "type" :\t"Soft"\n}'
    answer = await api.post(
        f"{CP}/commands", raw=b'{"payload": ' + payload + b', "action":"Reset" }'
    )
    async with pool.acquire() as conn:
        (row,) = await commands.list_by_station(conn, 1, before=None, limit=9)
    command = decode(row.arguments)

    assert answer.status == 202
    assert answer.headers["Location"] == f"{CP}/commands/{row.id}"
    assert answer.body.pop("asked_at").endswith("Z")
    assert answer.body == {
        "id": row.id,
        "action": "Reset",
        "payload": {"type": "Soft"},
        "state": "waiting",
        "reason": None,
        "answer": None,
        "sent_at": None,
        "settled_at": None,
    }
    assert isinstance(command, Raw)
    assert bytes(command.payload) == payload
    assert row.asked_by == "api:tests"
    assert row.expires_at - row.asked_at == timedelta(seconds=60)


@pytest.mark.parametrize("tells", [True, False])
async def test_a_client_waits_until_the_command_settles(api: Api, pool: Pool, tells: bool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn, version="1.6")
    began = time.monotonic()
    answer, _ = await asyncio.gather(
        api.post(f"{CP}/commands?wait=20", RESET),
        settle(api, pool, "done", tells=tells, answer=b'{"status": "Accepted"}'),
    )

    assert answer.status == 200
    assert answer.body["state"] == "done"
    assert answer.body["answer"] == {"status": "Accepted"}
    assert answer.body["settled_at"].endswith("Z")
    assert time.monotonic() - began < 15


async def test_a_command_that_the_station_refuses_is_200(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn, version="1.6")
    answer, _ = await asyncio.gather(
        api.post(f"{CP}/commands?wait=20", RESET),
        settle(api, pool, "refused", reason="the charger said Rejected", answer=b"\xff no JSON"),
    )

    assert answer.status == 200
    assert (answer.body["state"], answer.body["reason"]) == ("refused", "the charger said Rejected")
    assert answer.body["answer"] == "\ufffd no JSON"


async def test_the_wait_ends_when_its_time_is_up(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn)

    assert (await api.post(f"{CP}/commands?wait=0.2", RESET)).status == 202


async def test_the_wait_ends_when_the_process_does(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn)

    async def end() -> None:
        await asyncio.sleep(0.2)
        api.app[LIVE].close()

    answer, _ = await asyncio.gather(api.post(f"{CP}/commands?wait=30", RESET), end())

    assert answer.status == 202


WAITS = ["abc", "nan", "1s", "%00", "%D9%A3"]


async def test_a_wait_that_is_no_number_asks_nothing(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn)
    for wait in WAITS:
        answer = await api.post(f"{CP}/commands?wait={wait}", RESET)

        assert answer.status == 422
        assert answer.fields == ["wait"]
        assert await pool.fetchval("select count(*) from command") == 0


SAID: list[tuple[str | None, str, object, int]] = [
    ("1.6", "Reset", {"type": "Soft"}, 202),
    ("1.6", "Reset", {"type": "Immediate"}, 422),
    ("1.6", "Reset", {}, 422),
    ("1.6", "Reset", {"type": "Soft", "more": 1}, 422),
    ("2.0.1", "Reset", {"type": "Immediate"}, 202),
    ("2.1", "Reset", {"type": "Soft"}, 422),
    # Another version has it: csms settles the row as refused.
    (
        "1.6",
        "GetVariables",
        {"getVariableData": [{"component": {"name": "A"}, "variable": {"name": "B"}}]},
        202,
    ),
    ("1.6", "GetVariables", {}, 422),
    ("2.0.1", "ChangeConfiguration", {"key": "a", "value": "b"}, 202),
    ("1.6", "Dance", {}, 422),
    (None, "Reset", {"type": "Soft"}, 202),
    (None, "Reset", {"type": "Immediate"}, 202),
    (None, "Reset", {"type": "Softly"}, 422),
    (None, "ClearCache", {}, 202),
    (None, "../../secret", {}, 422),
    ("1.6", "", {}, 422),
    ("1.6", "x" * 101, {}, 422),
    ("1.6", "ClearCache", [], 422),
    ("1.6", "ClearCache", None, 422),
    ("1.6", "ClearCache", "{}", 422),
]


async def test_the_schema_decides_what_may_be_said(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        for version in ("1.6", "2.0.1", "2.1", None):
            await build.station(conn, f"speaks {version}", version=version)
    for version, action, payload, status in SAID:
        path = f"/api/v1/stations/speaks%20{version}/commands"
        answer = await api.post(path, {"action": action, "payload": payload})

        assert answer.status == status, (version, action, payload)
        if status == 422:
            assert answer.fields[0] in {"action", "payload"}
    asked = sum(status == 202 for *_, status in SAID)
    assert await pool.fetchval("select count(*) from command") == asked


INCOMPLETE: list[tuple[dict[str, Any], str]] = [
    ({"payload": {}}, "action"),
    ({"action": "Reset"}, "payload"),
    ({"action": 1, "payload": {}}, "action"),
    ({"action": "Reset", "payload": {}, "x": 1}, "x"),
    ({"action": "DataTransfer", "payload": {"vendorId": "\0"}}, "payload.vendorId"),
]


async def test_a_command_without_its_parts_is_refused(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn, version="1.6")
    for body, field in INCOMPLETE:
        answer = await api.post(f"{CP}/commands", body)

        assert answer.status == 422
        assert answer.fields == [field]


async def test_commands_are_listed_the_latest_first(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn, version="1.6")
        await build.station(conn, "CP-2")
    for _ in range(3):
        await api.post(f"{CP}/commands", RESET)
    await api.post("/api/v1/stations/CP-2/commands", RESET)
    items = await api.walk(f"{CP}/commands?limit=2")

    assert [item["id"] for item in items] == [3, 2, 1]
    assert (await api.get(f"{CP}/commands/2")).status == 202
    assert (await api.get(f"{CP}/commands/2")).body == items[1]
    for number in ("4", "99", "abc", "%00", str(2**63)):
        answer = await api.get(f"{CP}/commands/{number}")
        assert (answer.status, answer.body["detail"]) == (404, "No such command.")


async def test_a_start_is_asked_of_a_connected_station(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn, evses=2)
        await build.connect(conn, of)
        await build.card(conn, "ADA-1")
    answer = await api.post(f"{CP}/start", {"evse": 2, "id_token": "ada-1"})
    async with pool.acquire() as conn:
        row = await commands.get(conn, of.id, answer.body["id"])

    assert answer.status == 202
    assert (answer.body["action"], answer.body["payload"]) == (None, None)
    assert decode(row.arguments) == StartSession("ADA-1", "ISO14443", 2)
    assert row.expires_at - row.asked_at == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("card", "body", "status", "words"),
    [
        ({}, {"evse": 3, "id_token": "ADA-1"}, 422, "evse"),
        ({}, {"evse": 0, "id_token": "ADA-1"}, 422, "evse"),
        ({}, {"evse": 1, "id_token": "BOB-1"}, 422, "id_token"),
        ({}, {"evse": 1, "id_token": ""}, 422, "id_token"),
        ({}, {"evse": 1}, 422, "id_token"),
        ({}, {"evse": 1, "id_token": "ADA-1", "x": 1}, 422, "x"),
        ({"status": "Blocked"}, {"evse": 1, "id_token": "ADA-1"}, 409, "Card ADA-1 is blocked."),
        ({"status": "Unknown"}, {"evse": 1, "id_token": "ADA-1"}, 422, "id_token"),
        (
            {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
            {"evse": 1, "id_token": "ADA-1"},
            409,
            "Card ADA-1 expired on 2020-01-01.",
        ),
        ({"type": "KeyCode"}, {"id_token": "ADA-1"}, 202, ""),
    ],
)
async def test_a_start_that_cannot_be_asks_nothing(
    api: Api, pool: Pool, card: dict[str, Any], body: object, status: int, words: str
) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn, evses=2)
        await build.connect(conn, of)
        await build.card(conn, "ADA-1", **card)
    answer = await api.post(f"{CP}/start", body)

    assert answer.status == status
    if status == 422:
        assert answer.fields == [words]
    if status == 409:
        assert answer.body["detail"] == words
    assert await pool.fetchval("select count(*) from command") == (status == 202)


async def test_a_card_that_charges_elsewhere_does_not_start(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn)
        await build.connect(conn, of)
        await build.card(conn, "ADA-1")
        await build.session(conn, of, running=True)
    answer = await api.post(f"{CP}/start", {"evse": 1, "id_token": "ADA-1"})

    assert answer.status == 409
    assert "charging elsewhere" in answer.body["detail"]


async def test_a_master_pass_starts_nothing(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn, evses=1)
        await build.connect(conn, station)
        await build.card(conn, group_uid="FIRE")
    monkeypatch.setitem(api.app._state, CONFIG, replace(api.app[CONFIG], master_pass_group="FIRE"))

    answer = await api.post("/api/v1/stations/CP-1/start", {"evse": 1, "id_token": "ADA-1"})

    assert answer.status == 409
    assert "a master pass" in answer.body["detail"]


async def test_a_start_at_a_station_that_is_away_is_refused_at_once(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn)
        await build.card(conn)
    answer = await api.post(f"{CP}/start?wait=30", {"evse": 1, "id_token": "ADA-1"})

    assert answer.status == 409
    assert "not connected" in answer.body["detail"]


@pytest.mark.parametrize("raw", [None, b"{}"])
async def test_a_stop_names_the_transaction(api: Api, pool: Pool, raw: bytes | None) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn)
        made = await build.session(conn, of, running=True, transaction_id="tx-7")
    answer = await api.post(f"/api/v1/sessions/{made.id}/stop", raw=raw)
    async with pool.acquire() as conn:
        row = await commands.get(conn, of.id, answer.body["id"])

    assert answer.status == 202
    assert decode(row.arguments) == StopSession(made.id, "tx-7")


async def test_a_finished_session_is_not_stopped(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.session(conn, await build.station(conn))
    path = f"/api/v1/sessions/{made.id}/stop"

    assert (await api.post(path)).status == 409
    assert (await api.post(path, {"force": True})).status == 422
    assert await pool.fetchval("select count(*) from command") == 0

"""SEND and CALLRESULTERROR, the two frames that 2.1 added (reliability D-R13, D-R35)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from db import changes, commands
from db.messages import Message
from db.model.commands import Raw
from db.rows import Pool, columns
from tests.ocpp.conftest import until
from tests.wire import Charger, Csms, add_station, charger, csms

BOOT = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
STREAM = {"id": 7, "variableMonitoringId": 3, "params": {"interval": 10, "values": 2}}
VALUES = {
    "id": 7,
    "pending": 0,
    "basetime": "2026-05-01T09:00:00Z",
    "data": [{"t": 0, "v": "1"}],
}
EVENT = {
    "eventType": "Started",
    "timestamp": "2026-05-01T09:00:00Z",
    "triggerReason": "CablePluggedIn",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "tx-1"},
}


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Csms]:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        yield server


@asynccontextmanager
async def booted(server: Csms, version: str = "2.1") -> AsyncIterator[Charger]:
    async with charger(server.url, "CP-1", version) as station:
        assert (await station.call("BootNotification", BOOT))["status"] == "Accepted"
        yield station


async def logged(pool: Pool, contains: str) -> dict[str, Any]:
    """The one message of the log whose frame has a text in it, when it is written."""

    async def find() -> list[Any]:
        return await pool.fetch(
            f"""
            select {columns(Message)} from message
            where position($1 in encode(body, 'escape')) > 0
            """,
            contains,
        )

    await until(find)
    (row,) = await find()
    return dict(row)


async def next_is_heartbeat(station: Charger) -> None:
    """Nothing was said to what came before."""
    answer = await station.raw('[2,"probe","Heartbeat",{}]')
    assert answer[:2] == [3, "probe"], answer


async def test_a_send_is_handled_and_never_answered(server: Csms, pool: Pool) -> None:
    async with booted(server) as station:
        await station.call("OpenPeriodicEventStream", {"constantStreamData": STREAM})
        await station.socket.send(json.dumps([6, "s1", "NotifyPeriodicEventStream", VALUES]))
        await next_is_heartbeat(station)

    assert await pool.fetchval("select value from event_stream_value") == "1"
    assert (await logged(pool, '"s1"'))["answer"] is None


BAD = [
    '[6,"s1","NotifyPeriodicEventStream",{}]',
    '[6,"s1","NotifyPeriodicEventStream",[]]',
    '[6,"s1","NotifyPeriodicEventStream"]',
    '[6,"s1","Foo",{}]',
    '[6,5,"NotifyPeriodicEventStream",{}]',
    '[6,"s1"]',
    '[6,"s1","Heartbeat",{}]',
    '[5,"s1"]',
    '[5,{},"a",null,[]]',
    '[5,"s1","FormatViolation","",{}]',
    '[5,"s1","FormatViolation","",{},1,2]',
]


async def test_a_bad_one_of_either_is_not_answered_either(server: Csms) -> None:
    async with booted(server) as station:
        for frame in BAD:
            await station.socket.send(frame)
            await next_is_heartbeat(station)


async def test_r13_other_versions_do_not_know_them(server: Csms) -> None:
    for version, answer in (("1.6", None), ("2.0.1", "MessageTypeNotSupported")):
        async with charger(server.url, "CP-1", version) as station:
            for kind in (5, 6):
                await station.socket.send(f'[{kind},"s1","NotifyPeriodicEventStream",{{}}]')
                if answer is not None:
                    assert json.loads(await station.socket.recv())[:3] == [4, "s1", answer]
                assert (await station.raw('[2,"probe","Foo",{}]'))[:3] == [
                    4,
                    "probe",
                    "NotImplemented",
                ]


async def test_a_send_of_what_is_answered_does_nothing(server: Csms, pool: Pool) -> None:
    async with charger(server.url, "CP-1", "2.1") as station:
        await station.socket.send(json.dumps([6, "s1", "BootNotification", BOOT]))
        answer = await station.call("Heartbeat", {})

    assert answer[2] == "SecurityError"
    assert await pool.fetchval("select booted_at from station") is None


async def test_what_was_charged_is_kept_however_it_was_said(server: Csms, pool: Pool) -> None:
    async with booted(server) as station:
        await station.socket.send(json.dumps([6, "s1", "TransactionEvent", EVENT]))
        await next_is_heartbeat(station)

    assert await pool.fetchval("select transaction_id from charging_session") == "tx-1"


async def test_an_answer_that_the_station_cannot_read_is_told_in_the_log_once(
    server: Csms, pool: Pool
) -> None:
    refusal = '[5,"h1","FormatViolation","no time",{"mark":1}]'
    async with booted(server) as station:
        await station.raw('[2,"h1","Heartbeat",{}]')
        for _ in range(3):
            await station.socket.send(refusal)
        await station.socket.send(refusal.replace("h1", "h2"))
        await next_is_heartbeat(station)

    row = await logged(pool, '"mark"')
    assert (row["action"], row["message_id"], row["is_ours"]) == ("Heartbeat", "h1", False)
    assert (row["body"].decode(), row["answer"]) == (refusal, None)


async def asked(pool: Pool, station: Charger, answer: str) -> Any:
    """What a station gets that answers our CALL so, and how the command ended."""
    async with pool.acquire() as conn:
        station_id = await conn.fetchval("select id from station")
        command = await commands.ask(
            conn,
            station_id,
            Raw("ClearCache", msgspec.Raw(b"{}")),
            asked_by="omar",
            valid_for=timedelta(seconds=60),
        )
        await conn.execute(
            "select pg_notify($1, $2)", changes.CHANNEL, f"command:{station_id}:{command.id}"
        )
    async with asyncio.timeout(20):
        call = json.loads(await station.socket.recv())
    assert call[:1] == [2]
    await station.socket.send(answer.replace("ID", call[1]))
    await station.socket.send('[2,"probe","Heartbeat",{}]')
    heard = json.loads(await station.socket.recv())
    if heard[1] != "probe":
        assert json.loads(await station.socket.recv())[1] == "probe"

    async def settled() -> Any:
        return await pool.fetchval(
            "select reason from command where id = $1 and settled_at is not null", command.id
        )

    await until(settled)
    return call, heard, await settled()


async def test_r35_an_answer_that_breaks_the_schema_is_refused_in_2_1(
    server: Csms, pool: Pool
) -> None:
    async with booted(server) as station:
        call, heard, reason = await asked(pool, station, '[3,"ID",{"status":"Perhaps"}]')

    assert heard[:3] == [5, call[1], "PropertyConstraintViolation"]
    assert heard[3].startswith("status: ")
    assert heard[4:] == [{}]
    assert reason.startswith("the answer was not readable: status: ")
    row = await logged(pool, "Perhaps")
    assert (row["action"], row["is_ours"]) == ("ClearCache", False)
    assert json.loads(row["answer"]) == heard


async def test_other_answers_are_not_answered(server: Csms, pool: Pool) -> None:
    for version, answer in (
        ("2.0.1", '[3,"ID",{"status":"Perhaps"}]'),
        ("2.1", '[3,"ID",null]'),  # D-R34: no reply
        ("2.1", '[4,"ID","GenericError","",{}]'),
    ):
        async with booted(server, version) as station:
            _, heard, reason = await asked(pool, station, answer)

        assert heard[:2] == [3, "probe"]
        assert reason

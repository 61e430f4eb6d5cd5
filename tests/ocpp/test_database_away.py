"""While the database is away: sockets stay, heartbeats are answered, nothing is acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import asyncpg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from csms.say import Payload, Version
from tests.ocpp.conftest import until
from tests.own_postgres import OwnPostgres, own_postgres
from tests.wire import Charger, Csms, add_station, charger, csms

PATIENCE_S = 60
HOLD_S = 2.0  # long enough for a handler on a busy machine
START = {
    "connectorId": 1,
    "idTag": "ADA-1",
    "meterStart": 1000,
    "timestamp": "2026-05-01T09:00:00Z",
}
BOOT_2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Two"}}


def values(number: int) -> Payload:
    value = {"timestamp": "2026-05-01T09:10:00Z", "sampledValue": [{"value": "1500"}]}
    return {"connectorId": 1, "transactionId": number, "meterValue": [value]}


def stop(number: int) -> Payload:
    return {"transactionId": number, "meterStop": 3500, "timestamp": "2026-05-01T10:00:00Z"}


def event(kind: str, seq_no: int, register_wh: int) -> Payload:
    at = f"2026-05-01T09:{seq_no * 10:02d}:00Z"
    return {
        "eventType": kind,
        "timestamp": at,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "tx-1"},
        "meterValue": [{"timestamp": at, "sampledValue": [{"value": register_wh}]}],
    }


STATUS = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    with own_postgres(tmp_path_factory.mktemp("own") / "data") as server:
        yield server


@pytest.fixture
async def url(postgres: OwnPostgres) -> AsyncIterator[str]:
    """A database with CP-1 and CP-2, on a PostgreSQL that runs again after the test."""
    url = await postgres.migrated()
    for identity in ("CP-1", "CP-2"):
        await add_station(url, identity)
    try:
        yield url
    finally:
        if postgres.is_stopped:
            postgres.start()


async def ask(url: str, sql: str) -> Any:
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval(sql)
    finally:
        await conn.close()


async def say(cp: Charger, message_id: str, action: str, payload: Payload) -> None:
    await cp.socket.send(json.dumps([2, message_id, action, payload]))


async def heard(cp: Charger) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return json.loads(await cp.socket.recv())


async def closed(cp: Charger) -> tuple[int, str]:
    """The server's close; whatever comes before it is wrong."""
    with pytest.raises(ConnectionClosed) as over:
        await heard(cp)
    assert over.value.rcvd is not None
    return over.value.rcvd.code, over.value.rcvd.reason


async def health(server: Csms, name: str) -> int:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{server.port}/health/{name}") as answer,
    ):
        return answer.status


async def until_ready(server: Csms) -> None:
    async def is_ready() -> bool:
        return await health(server, "ready") == 200

    await until(is_ready, PATIENCE_S)


async def start(cp: Charger) -> int:
    number = (await cp.call("StartTransaction", START))["transactionId"]
    assert isinstance(number, int)
    return number


async def test_a_heartbeat_is_answered_and_what_was_measured_waits_for_the_database(
    url: str, postgres: OwnPostgres, tmp_path: Any
) -> None:
    async with (
        csms(url, tmp_path, hold_s=PATIENCE_S) as server,
        charger(server.url, "CP-1") as cp,
        charger(server.url, "CP-2") as beside,
    ):
        number = await start(cp)
        await beside.call("Heartbeat", {})
        postgres.stop()

        assert "currentTime" in await cp.call("Heartbeat", {})
        await say(cp, "values", "MeterValues", values(number))
        await say(beside, "start", "StartTransaction", START)
        # Neither waits for the other, and both sockets are alive.
        assert await health(server, "live") == 200
        assert await health(server, "ready") == 503
        for socket in (cp.socket, beside.socket):
            async with asyncio.timeout(PATIENCE_S):
                await (await socket.ping())

        postgres.start()

        assert await heard(cp) == [3, "values", {}]
        assert (await heard(beside))[:2] == [3, "start"]
        assert await cp.call("StopTransaction", stop(number)) == {}
        await until_ready(server)
    assert await ask(url, "select count(*) from reading") == 1
    assert await ask(url, "select energy_wh from charging_session where is_finalized") == 2500
    assert await ask(url, "select count(*) from charging_session") == 2
    assert await ask(url, "select count(*) from quarantine") == 0


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_an_event_waits_for_the_database_too(
    url: str, postgres: OwnPostgres, tmp_path: Any, version: Version
) -> None:
    async with (
        csms(url, tmp_path, hold_s=PATIENCE_S) as server,
        charger(server.url, "CP-1", version) as cp,
    ):
        await cp.call("BootNotification", BOOT_2)
        await cp.call("TransactionEvent", event("Started", 0, 1000))
        postgres.stop()
        assert "currentTime" in await cp.call("Heartbeat", {})
        await say(cp, "u", "TransactionEvent", event("Updated", 1, 2000))
        await say(cp, "e", "TransactionEvent", event("Ended", 2, 3500))
        assert await health(server, "ready") == 503

        postgres.start()

        assert await heard(cp) == [3, "u", {}]
        assert await heard(cp) == [3, "e", {}]
    assert await ask(url, "select energy_wh from charging_session where is_finalized") == 2500


@pytest.mark.parametrize("action", ["MeterValues", "StartTransaction", "StopTransaction"])
async def test_away_for_too_long_the_socket_is_closed_and_the_charger_keeps_its_message(
    url: str, postgres: OwnPostgres, tmp_path: Any, action: str
) -> None:
    async with csms(url, tmp_path, hold_s=HOLD_S) as server:
        async with charger(server.url, "CP-1") as cp:
            number = await start(cp)
            payload = {
                "MeterValues": values(number),
                "StartTransaction": START | {"connectorId": 2},
                "StopTransaction": stop(number),
            }[action]
            postgres.stop()
            await say(cp, "kept", action, payload)
            assert await closed(cp) == (1013, "the database is away: please keep your messages")
        postgres.start()
        await until_ready(server)
        async with charger(server.url, "CP-1") as cp:
            assert isinstance(await cp.call(action, payload), dict)

    counts = {
        "MeterValues": "select count(*) from reading",
        "StartTransaction": "select count(*) from charging_session where evse = 2",
        "StopTransaction": "select count(*) from charging_session where is_finalized",
    }
    assert await ask(url, counts[action]) == 1
    assert await ask(url, "select count(*) from quarantine") == 0


async def test_a_status_is_not_answered_either_and_costs_no_socket(
    url: str, postgres: OwnPostgres, tmp_path: Any
) -> None:
    async with csms(url, tmp_path, hold_s=HOLD_S) as server, charger(server.url, "CP-1") as cp:
        await cp.call("Heartbeat", {})
        postgres.stop()
        await say(cp, "status", "StatusNotification", STATUS)
        await say(cp, "card", "Authorize", {"idTag": "ADA-1"})
        await say(cp, "beat", "Heartbeat", {})

        # In order: had the others been answered, theirs would be heard first.
        assert (await heard(cp))[:2] == [3, "beat"]
        postgres.start()
        await until_ready(server)
        assert await cp.call("StatusNotification", STATUS) == {}
    assert await ask(url, "select status from connector") == "Available"


async def test_who_comes_meanwhile_is_told_to_try_again(
    url: str, postgres: OwnPostgres, tmp_path: Any
) -> None:
    async with csms(url, tmp_path) as server:
        postgres.stop()
        with pytest.raises(InvalidStatus) as refused:
            await charger(server.url, "CP-1").__aenter__()
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "5"
        assert await health(server, "live") == 200
        assert await health(server, "ready") == 503

        postgres.start()
        await until_ready(server)
        async with charger(server.url, "CP-1") as cp:
            assert "currentTime" in await cp.call("Heartbeat", {})


async def test_a_database_that_hangs_is_away(
    url: str, postgres: OwnPostgres, tmp_path: Any
) -> None:
    """No connection breaks: only time tells. What was written then and said again is there once."""
    async with csms(url, tmp_path, hold_s=HOLD_S) as server:
        async with charger(server.url, "CP-1") as cp:
            number = await start(cp)
            frozen = await postgres.backends(url)
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            try:
                assert "currentTime" in await cp.call("Heartbeat", {})
                await say(cp, "kept", "MeterValues", values(number))
                assert (await closed(cp))[0] == 1013
            finally:
                for pid in frozen:
                    os.kill(pid, signal.SIGCONT)
        async with charger(server.url, "CP-1") as cp:
            assert await cp.call("MeterValues", values(number)) == {}
            assert await cp.call("StopTransaction", stop(number)) == {}

    assert await ask(url, "select count(*) from reading") == 1
    assert await ask(url, "select energy_wh from charging_session") == 2500


async def test_a_crash_of_the_database_is_nothing_that_a_charger_sees(
    url: str, postgres: OwnPostgres, tmp_path: Any
) -> None:
    async with (
        csms(url, tmp_path, hold_s=PATIENCE_S) as server,
        charger(server.url, "CP-1") as cp,
    ):
        number = await start(cp)
        await postgres.crash()

        assert await cp.call("MeterValues", values(number)) == {}
        assert await cp.call("StopTransaction", stop(number)) == {}
        await until_ready(server)
    assert await ask(url, "select energy_wh from charging_session where is_finalized") == 2500

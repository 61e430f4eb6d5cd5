"""How a link ends: by a fault of ours, by a database that stays away, by our own end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed, InvalidStatus

from csms.ocpp import dispatch, frames
from csms.ocpp.dispatch import Dispatch
from csms.ocpp.link import Link
from db.rows import Pool
from tests.ocpp.conftest import until
from tests.wire import Charger, Csms, add_station, charger, csms

PATIENCE_S = 20
STATUS = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}


def begin(connector_id: int = 1) -> dict[str, Any]:
    return {
        "connectorId": connector_id,
        "idTag": "ADA-1",
        "meterStart": 1000,
        "timestamp": "2026-05-01T09:00:00Z",
    }


@pytest.fixture(autouse=True)
async def station_id(database_url: str) -> int:
    return (await add_station(database_url, "CP-1")).id


async def say(cp: Charger, message_id: str, action: str, payload: dict[str, Any]) -> None:
    await cp.socket.send(json.dumps([2, message_id, action, payload]))


async def heard(cp: Charger) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return json.loads(await cp.socket.recv())


async def closed(cp: Charger) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as over:
        raise AssertionError(f"it was answered: {await heard(cp)}")
    assert over.value.rcvd is not None
    return over.value.rcvd.code, over.value.rcvd.reason


async def is_free(pool: Pool) -> bool:
    return not await pool.fetch("select from link")


@asynccontextmanager
async def locked(pool: Pool, table: str, mode: str = "access exclusive") -> AsyncIterator[None]:
    """As a database that is slow for ever: who wants this table waits; if `exclusive`, to write."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(f"lock table {table} in {mode} mode")
        yield


async def waits(pool: Pool) -> bool:
    return bool(
        await pool.fetchval(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """
        )
    )


@pytest.mark.parametrize("calls", [1, 200])
async def test_a_fault_of_ours_ends_the_link_at_once_and_is_told(
    database_url: str, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Also when so many wait behind it that nothing more is heard."""
    go_on = asyncio.Event()
    links: list[Link] = []

    async def fail(_: Dispatch, link: Link, *__: object) -> None:
        links.append(link)
        await go_on.wait()
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(Dispatch, "_payload", fail)
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        with capture_logs() as log:
            for number in range(calls):
                await say(cp, f"m{number}", "Heartbeat", {})

            async def is_waiting() -> bool:
                return bool(links) and (calls == 1 or links[0]._is_held)

            await until(is_waiting)
            go_on.set()

            assert await closed(cp) == (1011, "the fault is ours")

            async def is_over() -> bool:
                return await is_free(pool)

            await until(is_over)
        (told,) = [line for line in log if line["event"] == "link.failed"]
        assert told["station"] == "CP-1"
        assert told["exc_info"]


async def test_a_fault_in_hearing_ends_the_link_too(
    database_url: str, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a defect of ours")

    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        monkeypatch.setattr(frames, "parse", fail)
        with capture_logs() as log:
            await say(cp, "m", "Heartbeat", {})
            assert await closed(cp) == (1011, "the fault is ours")

            async def is_over() -> bool:
                return await is_free(pool)

            await until(is_over)
        assert [line["event"] for line in log].count("link.failed") == 1


async def test_a_status_that_cannot_be_kept_soon_does_not_hold_up_what_is_behind_it(
    database_url: str, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_HOLD_OTHERS_S", 0.2)
    async with (
        csms(database_url, tmp_path, hold_s=3_600) as server,
        charger(server.url, "CP-1") as cp,
        locked(pool, "connector"),
    ):
        with capture_logs() as log:
            await say(cp, "status", "StatusNotification", STATUS)
            await say(cp, "beat", "Heartbeat", {})

            assert (await heard(cp))[:2] == [3, "beat"]
        assert [line["action"] for line in log if line["event"] == "call.not_answered"] == [
            "StatusNotification"
        ]


async def test_the_time_that_a_message_waited_behind_others_counts(
    database_url: str, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them waits for as long as one."""
    monkeypatch.setattr(dispatch, "_LEAST_S", 0.0)
    async with (
        csms(database_url, tmp_path, hold_s=1) as server,
        charger(server.url, "CP-1") as cp,
        locked(pool, "connector"),
    ):
        loop = asyncio.get_running_loop()
        for number in range(30):
            await say(cp, f"s{number}", "StatusNotification", STATUS)
        sent_at = loop.time()
        await say(cp, "beat", "Heartbeat", {})
        assert (await heard(cp))[:2] == [3, "beat"]
        assert loop.time() - sent_at < 15


async def test_what_waits_behind_a_message_that_is_not_kept_is_not_kept_either(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    async with csms(database_url, tmp_path, hold_s=0.5) as server:
        async with charger(server.url, "CP-1") as cp, locked(pool, "charging_session"):
            with capture_logs() as log:
                for number in range(1, 41):
                    await say(cp, f"m{number}", "StartTransaction", begin(number))

                assert (await closed(cp))[0] == 1013

                async def is_over() -> bool:
                    return "station.disconnected" in [line["event"] for line in log]

                await until(is_over)
        not_answered = [line for line in log if line["event"] == "call.not_answered"]
        assert len(not_answered) == 1
    assert await pool.fetchval("select count(*) from charging_session") == 0


async def test_at_the_end_of_the_process_what_is_in_work_is_answered_and_nobody_is_let_in(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    async with AsyncExitStack() as chargers, aiohttp.ClientSession() as http:
        serving = AsyncExitStack()
        server: Csms = await serving.enter_async_context(csms(database_url, tmp_path, hold_s=60))
        cp = await chargers.enter_async_context(charger(server.url, "CP-1"))

        async def ready() -> int:
            url = f"http://127.0.0.1:{server.port}/health/ready"
            async with http.get(url) as answer:
                return answer.status

        assert await ready() == 200
        async with locked(pool, "charging_session"):
            await say(cp, "start", "StartTransaction", begin())

            async def is_in_work() -> bool:
                return await waits(pool)

            await until(is_in_work)
            ending = asyncio.create_task(serving.aclose())
            await asyncio.sleep(0)
            while await ready() == 200:
                pass
            assert await ready() == 503
            with pytest.raises(InvalidStatus) as refused:
                await chargers.enter_async_context(charger(server.url, "CP-1"))
            assert refused.value.response.status_code == 503
            # Said too late: this will be said again, to whoever comes next.
            await say(cp, "late", "Heartbeat", {})
            await (await cp.socket.ping())
            assert not ending.done()

        answer = await heard(cp)
        assert answer[:2] == [3, "start"]
        assert await closed(cp) == (1001, "the server restarts")
        await ending
    number = await pool.fetchval("select id from charging_session")
    assert answer[2]["transactionId"] == number
    assert await is_free(pool)


async def test_at_the_end_of_the_process_an_answer_that_takes_too_long_is_not_waited_for(
    database_url: str, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csms.app._ANSWER_S", 0.2)
    async with AsyncExitStack() as chargers:
        async with csms(database_url, tmp_path, hold_s=20) as server:
            cp = await chargers.enter_async_context(charger(server.url, "CP-1"))
            held = await chargers.enter_async_context(AsyncExitStack())
            await held.enter_async_context(locked(pool, "charging_session"))
            await say(cp, "start", "StartTransaction", begin())

            async def is_in_work() -> bool:
                return await waits(pool)

            await until(is_in_work)
        assert await closed(cp) == (1001, "the server restarts")


async def test_who_disappears_in_the_middle_of_its_handshake_leaves_nothing(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    async with csms(database_url, tmp_path) as server:
        async with locked(pool, "link", "exclusive"):
            connected = asyncio.create_task(_let_in_and_gone(server))

            async def is_taken() -> bool:
                return await waits(pool)

            await until(is_taken)
            await connected
        async with charger(server.url, "CP-1") as cp:
            assert "currentTime" in await cp.call("Heartbeat", {})

        async def is_over() -> bool:
            return await is_free(pool)

        await until(is_over)


async def _let_in_and_gone(server: Csms) -> None:
    async with charger(server.url, "CP-1") as cp:
        cp.socket.transport.abort()

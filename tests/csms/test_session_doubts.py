"""Sessions from an offline queue, and after a boot, whose end may be lost (digest 7.6, E14)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from csms.errors import CannotSay
from csms.jobs import Jobs
from csms.ocpp.v16 import commands
from db.model.commands import AskAboutSession
from db.rows import Pool
from tests.csms.test_jobs import BEGAN, jobs, long_ago, said, seconds, server, the_session
from tests.ocpp.conftest import until
from tests.ocpp.payloads import BOOT
from tests.wire import Charger, Csms, charger

__all__ = ["jobs", "server"]

BOTH = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


def event(kind: str, minute: float, wh: int, number: str = "T1") -> dict[str, Any]:
    """What a charger said at a minute of the hour before."""
    value = {"timestamp": said(minute), "sampledValue": [{"value": wh}]}
    return {
        "eventType": kind,
        "timestamp": said(minute),
        "triggerReason": "MeterValuePeriodic",
        "seqNo": round(minute),
        "offline": True,
        "transactionInfo": {"transactionId": number},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [value],
    }


def status(minute: float, word: str = "Available") -> dict[str, Any]:
    return {
        "timestamp": said(minute),
        "connectorStatus": word,
        "evseId": 1,
        "connectorId": 1,
    }


class Knowing:
    """A charger that answers GetTransactionStatus."""

    def __init__(self, cp: Charger) -> None:
        self.cp = cp
        self.answer: dict[str, Any] = {"messagesInQueue": False, "ongoingIndicator": False}
        self.asked: list[Any] = []

    async def reply(self) -> None:
        """To one question, which is on its way."""
        async with asyncio.timeout(20):
            kind, message_id, action, payload = json.loads(await self.cp.socket.recv())
        assert (kind, action) == (2, "GetTransactionStatus")
        self.asked.append(payload)
        await self.cp.socket.send(json.dumps([3, message_id, self.answer]))


@asynccontextmanager
async def knowing(server: Csms, version: str) -> AsyncIterator[Knowing]:
    async with charger(server.url, "CP-1", version) as cp:
        await cp.call("BootNotification", BOOT[version])
        yield Knowing(cp)


async def settled(pool: Pool, many: int = 1) -> None:
    async def are_settled() -> bool:
        count = await pool.fetchval("select count(*) from command where settled_at is not null")
        return bool(count == many)

    await until(are_settled)


async def asked_long_ago(pool: Pool, ago: timedelta) -> None:
    await long_ago(pool, ago)
    await pool.execute(
        """
        update command set asked_at = asked_at - $1::interval, sent_at = sent_at - $1::interval,
            settled_at = settled_at - $1::interval
        """,
        ago,
    )


async def check_ended(pool: Pool, ended_at: Any, energy_wh: int) -> None:
    session = await the_session(pool)
    assert session["is_end_inferred"]
    assert {"implicit_end", "needs_review"} <= set(session["flags"])
    assert session["ended_at"] == ended_at
    assert session["energy_wh"] == energy_wh


@BOTH
async def test_a_session_from_a_queue_that_its_charger_knows_no_more_is_over(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with knowing(server, version) as cp:
        await cp.cp.call("TransactionEvent", event("Started", 0, 1_000))
        await cp.cp.call("TransactionEvent", event("Updated", 10, 3_000))
        await long_ago(pool, seconds(50))
        await jobs.end_doubtful_sessions()
        assert await pool.fetchval("select count(*) from command") == 0  # more may be coming

        await long_ago(pool, seconds(11))
        await jobs.end_doubtful_sessions()
        await jobs.end_doubtful_sessions()
        await cp.reply()
        await settled(pool)
        await jobs.end_doubtful_sessions()

        await check_ended(pool, BEGAN + timedelta(minutes=10), 2_000)
        assert cp.asked == [{"transactionId": "T1"}]

        await cp.cp.call("TransactionEvent", event("Ended", 20, 4_000))
    session = await the_session(pool)
    assert (session["energy_wh"], session["is_end_inferred"]) == (3_000, False)
    assert "late_end" in session["flags"]


@pytest.mark.parametrize("version", ["2.1"])
async def test_who_says_that_it_goes_on_or_that_more_is_queued_keeps_its_session(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with knowing(server, version) as cp:
        await cp.cp.call("TransactionEvent", event("Started", 0, 1_000))
        await long_ago(pool, seconds(61))
        cp.answer = {"messagesInQueue": True, "ongoingIndicator": False}
        await jobs.end_doubtful_sessions()
        await cp.reply()
        await settled(pool)
        await jobs.end_doubtful_sessions()
        assert not (await the_session(pool))["is_finalized"]

        await asked_long_ago(pool, timedelta(minutes=11))
        cp.answer = {"messagesInQueue": False, "ongoingIndicator": True}
        await jobs.end_doubtful_sessions()
        await cp.reply()
        await settled(pool, 2)
        await asked_long_ago(pool, timedelta(hours=1))
        await jobs.end_doubtful_sessions()

        assert not (await the_session(pool))["is_finalized"]
        assert len(cp.asked) == 2
        assert await pool.fetchval("select count(*) from command") == 2


@pytest.mark.parametrize("version", ["2.1"])
async def test_after_a_boot_its_charger_is_asked_whether_a_session_goes_on(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with knowing(server, version) as cp:
        await cp.cp.call("TransactionEvent", event("Started", 59, 1_000))
        await cp.cp.call("BootNotification", BOOT[version])
        await long_ago(pool, seconds(61))
        cp.answer = {"messagesInQueue": False, "ongoingIndicator": True}
        await jobs.end_doubtful_sessions()
        await cp.reply()
        await settled(pool)

        await asked_long_ago(pool, timedelta(hours=1))
        await jobs.end_doubtful_sessions()

        assert not (await the_session(pool))["is_finalized"]


async def test_a_charger_that_is_not_there_is_not_asked(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with knowing(server, "2.0.1") as cp:
        await cp.cp.call("TransactionEvent", event("Started", 0, 1_000))

    async def is_gone() -> bool:
        return bool(await pool.fetchval("select count(*) = 0 from link"))

    await until(is_gone)
    await long_ago(pool, timedelta(hours=1))
    await jobs.end_doubtful_sessions()

    assert not (await the_session(pool))["is_finalized"]
    assert await pool.fetchval("select count(*) from command") == 0


@pytest.mark.parametrize("version", ["1.6", "2.1"])
async def test_a_session_from_a_queue_is_over_when_its_connector_was_free_afterwards(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    """The news comes first: the status of now, and then the queue of an hour ago."""
    async with charger(server.url, "CP-1", version) as cp:
        if version == "1.6":
            free = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
            await cp.call("StatusNotification", free | {"timestamp": said(50)})
            begin = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 1000, "timestamp": said(0)}
            await cp.call("StartTransaction", begin)
        else:
            await cp.call("BootNotification", BOOT[version])
            await cp.call("StatusNotification", status(50))
            await cp.call("TransactionEvent", event("Started", 0, 1_000))
    await long_ago(pool, timedelta(minutes=14))
    await jobs.end_doubtful_sessions()
    assert not (await the_session(pool))["is_finalized"]

    await long_ago(pool, timedelta(minutes=2))
    await jobs.end_doubtful_sessions()

    await check_ended(pool, BEGAN, 0)


async def test_a_1_6_session_from_a_queue_is_over_when_a_later_one_is_known(
    server: Csms, jobs: Jobs, pool: Pool
) -> None:
    async with charger(server.url, "CP-1") as cp:
        begin = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 3000, "timestamp": said(20)}
        number = (await cp.call("StartTransaction", begin))["transactionId"]
        stop = {"transactionId": number, "meterStop": 4000, "timestamp": said(30)}
        await cp.call("StopTransaction", stop)
        lost = begin | {"meterStart": 1000, "timestamp": said(0)}
        lost_number = (await cp.call("StartTransaction", lost))["transactionId"]
    await long_ago(pool, timedelta(minutes=16))
    await jobs.end_doubtful_sessions()

    rows = {row["id"]: row for row in await pool.fetch("select * from charging_session")}
    assert rows[lost_number]["is_end_inferred"]
    assert "implicit_end" in rows[lost_number]["flags"]
    assert rows[lost_number]["ended_at"] == BEGAN
    assert not rows[number]["is_end_inferred"]


def test_1_6_has_no_words_to_ask() -> None:
    with pytest.raises(CannotSay, match="cannot ask"):
        commands.encode(AskAboutSession(session_id=7, transaction_id="7"), command_id=1)

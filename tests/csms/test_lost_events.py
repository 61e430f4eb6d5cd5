"""Events of an ended session that are missing: its charger is asked whether it has them (E14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from csms.jobs import Jobs
from csms.ocpp.v2 import seq_nos
from csms.rules.doubts import has_gap
from db.rows import Pool
from tests.csms.test_jobs import jobs, seconds, server
from tests.csms.test_session_doubts import BOTH, event, knowing, settled
from tests.ocpp.conftest import until
from tests.wire import Csms

__all__ = ["jobs", "server"]


EVENT = "TransactionEvent"


async def after_the_end(pool: Pool, logged: int, ago: timedelta) -> None:
    """The log has all that was said, and the session ended so long ago."""

    async def is_logged() -> bool:
        count = await pool.fetchval("select count(*) from message where action = $1", EVENT)
        return bool(count == logged)

    await until(is_logged)
    await pool.execute(
        "update charging_session set end_received_at = end_received_at - $1::interval", ago
    )


def numbered(kind: str, seq_no: int, **more: Any) -> dict[str, Any]:
    return {**event(kind, seq_no, 1_000 + seq_no), **more}


@BOTH
async def test_a_charger_is_asked_once_for_the_events_that_are_missing(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with knowing(server, version) as cp:
        for kind, seq_no in (("Started", 3), ("Updated", 4), ("Ended", 7)):
            await cp.cp.call(EVENT, numbered(kind, seq_no))
        await after_the_end(pool, 3, seconds(50))
        await jobs.ask_for_lost_events()
        assert await pool.fetchval("select count(*) from command") == 0  # more may be coming

        await after_the_end(pool, 3, seconds(11))
        await jobs.ask_for_lost_events()
        cp.answer = {"messagesInQueue": True}
        await cp.reply()
        await settled(pool)
        await jobs.ask_for_lost_events()

        assert cp.asked == [{"transactionId": "T1"}]
        assert await pool.fetchval("select count(*) from command") == 1
        assert await pool.fetchval("select is_finalized from charging_session")


@pytest.mark.parametrize(
    "seq_nos",
    [
        (5, 6, 7),  # it need not begin with 0 (digest 9.56)
        (0, 2, 1, 2, 3),  # late, and twice
    ],
)
async def test_who_said_everything_is_not_asked(
    server: Csms, jobs: Jobs, pool: Pool, seq_nos: tuple[int, ...]
) -> None:
    async with knowing(server, "2.0.1") as cp:
        for seq_no in seq_nos[:-1]:
            kind = "Started" if seq_no == seq_nos[0] else "Updated"
            await cp.cp.call(EVENT, numbered(kind, seq_no))
        other = {"transactionInfo": {"transactionId": "T2"}, "evse": {"id": 2, "connectorId": 1}}
        await cp.cp.call(EVENT, numbered("Started", 90, **other))
        await cp.cp.call(EVENT, numbered("Ended", seq_nos[-1]))
        await after_the_end(pool, len(seq_nos) + 1, seconds(90))

        await jobs.ask_for_lost_events()

    assert await pool.fetchval("select count(*) from command") == 0


async def test_a_charger_that_is_gone_is_not_asked(server: Csms, jobs: Jobs, pool: Pool) -> None:
    async with knowing(server, "2.0.1") as cp:
        await cp.cp.call(EVENT, numbered("Started", 0))
        await cp.cp.call(EVENT, numbered("Ended", 5))
    await after_the_end(pool, 2, seconds(90))
    await pool.execute("delete from link")

    await jobs.ask_for_lost_events()

    assert await pool.fetchval("select count(*) from command") == 0


@pytest.mark.parametrize(
    ("numbers", "is_gap"),
    [(set(), False), ({4}, False), ({4, 5}, False), ({4, 6}, True), ({-1, 0, 2}, True)],
)
def test_a_gap(numbers: set[int], is_gap: bool) -> None:
    assert has_gap(numbers) is is_gap


def test_what_cannot_be_read_says_no_number() -> None:
    bodies = [
        b'[2,"1","TransactionEvent",{"seqNo":4,"transactionInfo":{"transactionId":"T1"}}]',
        b'[2,"1","TransactionEvent",{"seqNo":"5","transactionInfo":{"transactionId":"T1"}}]',
        b'[2,"1","TransactionEvent",{"seqNo":6,"transactionInfo":{"transactionId":"T2"}}]',
        b'[2,"1","TransactionEvent",{"seqNo":7,"transactionInfo":null}]',
        b'[2,"1","TransactionEvent",{"seqNo":8,"transactionInfo":{"transactionId":"T1"}',
        b"\xff",
        b"[]",
    ]

    assert seq_nos.of_transaction(bodies, "T1") == {4}

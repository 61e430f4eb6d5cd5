"""What was said on the wire, and who tried to connect: for people, bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from db.arrays import Table
from db.rows import Conn


class Message(NamedTuple):
    """One CALL with its answer; `is_ours` when we asked."""

    station_id: int
    received_at: datetime
    is_ours: bool
    message_id: str | None
    action: str | None
    body: bytes
    answer: bytes | None
    took_ms: int | None


MESSAGES = Table(
    station_id="bigint",
    received_at="time",
    is_ours="boolean",
    message_id="text",
    action="text",
    body="bytea",
    answer="bytea",
    took_ms="int",
)


async def add_many(conn: Conn, messages: Sequence[Message]) -> None:
    await conn.execute(
        f"insert into message ({MESSAGES.names}) {MESSAGES.select()}",
        *MESSAGES.parameters(messages),
    )


async def add_quarantine(
    conn: Conn,
    *,
    station_id: int,
    received_at: datetime,
    action: str,
    message_id: str | None,
    body: bytes,
    problem: str,
    session_id: int | None = None,
) -> None:
    await conn.execute(
        """
        insert into quarantine
            (station_id, received_at, action, message_id, body, problem, session_id)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        station_id,
        received_at,
        action,
        message_id,
        body,
        problem,
        session_id,
    )


async def record_attempt(
    conn: Conn,
    *,
    at: datetime,
    identity: str | None,
    station_id: int | None,
    remote_address: str | None,
    path: str,
    offered: str | None,
    user_agent: str | None,
    http_status: int,
    reason: str,
) -> None:
    await conn.execute(
        """
        insert into connection_attempt
            (at, identity, station_id, remote_address, path, offered, user_agent, http_status,
                reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        at,
        identity,
        station_id,
        remote_address,
        path,
        offered,
        user_agent,
        http_status,
        reason,
    )


class Before(NamedTuple):
    """What a station did before it comes in: where it is now, how often it came."""

    held_from: str | None
    let_in: int  # at most 1,000


async def before(conn: Conn, station_id: int, identity: str, *, since: datetime) -> Before:
    row = await conn.fetchrow(
        """
        select (select remote_address from link where station_id = $1),
            (select count(*) from (
                select from connection_attempt
                where identity = $2 and at > $3 and http_status = 101
                limit 1000
            ) let_in)
        """,
        station_id,
        identity,
        since,
    )
    assert row is not None
    return Before(*row)

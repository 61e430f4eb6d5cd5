"""What was said on the wire: for people, bounded."""

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

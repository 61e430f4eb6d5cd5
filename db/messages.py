"""What was said on the wire, and who tried to connect: for people, bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from db import arrays
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


async def add_many(conn: Conn, messages: Sequence[Message]) -> None:
    station_ids, at, ours, message_ids, actions, bodies, answers, took_ms = zip(
        *messages, strict=True
    )
    await conn.execute(
        f"""
        insert into message
            (station_id, received_at, is_ours, message_id, action, body, answer, took_ms)
        select station_id, {arrays.time_of("received_us")}, is_ours = 1, message_id, action, body,
            answer, took_ms
        from unnest($1::text::bigint[], $2::text::bigint[], $3::text::int[], $4::text::text[],
            $5::text::text[], $6::bytea[], $7::bytea[], $8::text::int[])
            as t (station_id, received_us, is_ours, message_id, action, body, answer, took_ms)
        """,
        arrays.integers(station_ids),
        arrays.times(at),
        arrays.integers([int(is_ours) for is_ours in ours]),
        arrays.texts(message_ids),
        arrays.texts(actions),
        bodies,
        answers,
        arrays.integers(took_ms),
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


async def add_notification(
    conn: Conn, *, station_id: int, received_at: datetime, action: str, body: bytes
) -> None:
    await conn.execute(
        """
        insert into notification (station_id, received_at, action, body)
        values ($1, $2, $3, $4)
        """,
        station_id,
        received_at,
        action,
        body,
    )

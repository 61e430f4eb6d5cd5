"""Questions of stations that nobody here decides yet, with what they were answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.rows import Conn, columns, many


@dataclass(frozen=True, slots=True)
class StationRequest:
    """`payload` and `answer` are JSON."""

    id: int
    received_at: datetime
    action: str
    payload: bytes
    answer: bytes


async def add(
    conn: Conn,
    *,
    station_id: int,
    received_at: datetime,
    action: str,
    payload: bytes,
    answer: bytes,
) -> None:
    await conn.execute(
        """
        insert into station_request (station_id, received_at, action, payload, answer)
        values ($1, $2, $3, $4, $5)
        """,
        station_id,
        received_at,
        action,
        payload,
        answer,
    )


async def list_by_station(
    conn: Conn, station_id: int, *, before: int | None, limit: int
) -> list[StationRequest]:
    """The newest first."""
    return await many(
        conn,
        StationRequest,
        f"""
        select {columns(StationRequest)} from station_request
        where station_id = $1 and ($2::bigint is null or id < $2)
        order by id desc limit $3
        """,
        station_id,
        before,
        limit,
    )

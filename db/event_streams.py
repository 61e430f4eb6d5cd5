"""Streams of monitored variables that stations opened (2.1), and their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.rows import Conn, columns, many, maybe, one

#: More open ones than any monitoring needs.
MOST_OPEN = 200


@dataclass(frozen=True, slots=True)
class EventStream:
    """`number` and `monitor` are the station's; `pending` values waited there when last heard."""

    id: int
    number: int
    monitor: int
    interval_s: int | None
    value_count: int | None
    opened_at: datetime
    closed_at: datetime | None
    heard_at: datetime | None
    pending: int | None


@dataclass(frozen=True, slots=True)
class Value:
    id: int
    at: datetime
    received_at: datetime
    value: str


STREAM = columns(EventStream)


async def find_open(conn: Conn, station_id: int, number: int) -> EventStream | None:
    return await maybe(
        conn,
        EventStream,
        f"""
        select {STREAM} from event_stream
        where station_id = $1 and number = $2 and closed_at is null
        """,
        station_id,
        number,
    )


async def count_open(conn: Conn, station_id: int) -> int:
    count: int = await conn.fetchval(
        "select count(*) from event_stream where station_id = $1 and closed_at is null", station_id
    )
    return count


async def open_stream(
    conn: Conn,
    *,
    station_id: int,
    number: int,
    monitor: int,
    interval_s: int | None,
    value_count: int | None,
    at: datetime,
) -> None:
    """Its number must be free."""
    await conn.execute(
        """
        insert into event_stream
            (station_id, number, monitor, interval_s, value_count, opened_at)
        values ($1, $2, $3, $4, $5, $6)
        """,
        station_id,
        number,
        monitor,
        interval_s,
        value_count,
        at,
    )


async def close(conn: Conn, *, station_id: int, number: int, at: datetime) -> None:
    """One that is not open is as closed as it can be."""
    await conn.execute(
        """
        update event_stream set closed_at = $3
        where station_id = $1 and number = $2 and closed_at is null
        """,
        station_id,
        number,
        at,
    )


async def add_values(
    conn: Conn,
    *,
    station_id: int,
    stream_id: int,
    received_at: datetime,
    pending: int | None,
    values: Sequence[tuple[datetime, str]],
) -> None:
    """`values` are each a time by the station's clock and a text, in the order of the frame."""
    await conn.execute(
        """
        update event_stream set heard_at = $3, pending = $4 where station_id = $1 and id = $2
        """,
        station_id,
        stream_id,
        received_at,
        pending,
    )
    await conn.execute(
        """
        insert into event_stream_value (station_id, stream_id, at, received_at, value)
        select $1, $2, at, $3, value
        from unnest($4::timestamptz[], $5::text[]) with ordinality as t (at, value, place)
        order by place
        """,
        station_id,
        stream_id,
        received_at,
        [at for at, _ in values],
        [value for _, value in values],
    )


async def get(conn: Conn, station_id: int, id: int) -> EventStream:
    """Raises NotFound."""
    return await one(
        conn,
        EventStream,
        f"select {STREAM} from event_stream where station_id = $1 and id = $2",
        station_id,
        id,
    )


async def list_by_station(
    conn: Conn, station_id: int, *, before: int | None, limit: int
) -> list[EventStream]:
    """The newest first."""
    return await many(
        conn,
        EventStream,
        f"""
        select {STREAM} from event_stream
        where station_id = $1 and ($2::bigint is null or id < $2)
        order by id desc limit $3
        """,
        station_id,
        before,
        limit,
    )


async def list_values(
    conn: Conn, station_id: int, stream_id: int, *, before: int | None, limit: int
) -> list[Value]:
    """The last heard first."""
    return await many(
        conn,
        Value,
        f"""
        select {columns(Value)} from event_stream_value
        where station_id = $1 and stream_id = $2 and ($3::bigint is null or id < $3)
        order by id desc limit $4
        """,
        station_id,
        stream_id,
        before,
        limit,
    )

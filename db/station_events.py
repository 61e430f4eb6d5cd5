"""What happened at stations, by their own account: security events, events, alarms of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.arrays import Table
from db.model.reports import EventKind, StationEvent
from db.rows import Conn, columns, many

_EVENTS = Table(
    station_id="bigint",
    fingerprint="bytea",
    kind="text",
    type="text",
    at="time",
    said_at="text",
    received_at="time",
    is_critical="boolean",
    flags="words",
    is_cleared="boolean",
    severity="int",
    trigger="text",
    event_number="bigint",
    cause_number="bigint",
    monitor_number="bigint",
    source="text",
    component="text",
    component_instance="text",
    evse="int",
    connector="int",
    variable="text",
    variable_instance="text",
    value="text",
    tech_code="text",
    tech_info="text",
    transaction_id="text",
)


@dataclass(frozen=True, slots=True)
class ListedEvent:
    id: int
    kind: EventKind
    type: str
    at: datetime
    received_at: datetime
    is_critical: bool
    is_cleared: bool | None
    severity: int | None
    trigger: str | None
    event_number: int | None
    cause_number: int | None
    monitor_number: int | None
    source: str | None
    component: str | None
    component_instance: str | None
    evse: int | None
    connector: int | None
    variable: str | None
    variable_instance: str | None
    value: str | None
    tech_code: str | None
    tech_info: str | None
    transaction_id: str | None
    session_id: int | None
    flags: list[str]


async def add_many(conn: Conn, events: Sequence[StationEvent]) -> set[int]:
    """The stations of those that are new."""
    # In one order, so that two processes with the same events cannot deadlock.
    rows = sorted(events, key=lambda event: event[:2])
    added = await conn.fetch(
        f"""
        insert into station_event ({_EVENTS.names}, session_id)
        select {_EVENTS.names}, (
            select session.id from charging_session session
            where session.station_id = said.station_id and session.family = 'v2'
                and session.transaction_id = said.transaction_id
            order by session.generation desc limit 1
        )
        from ({_EVENTS.select()}) as said
        on conflict (station_id, fingerprint) do nothing
        returning station_id
        """,
        *_EVENTS.parameters(rows),
    )
    return {row["station_id"] for row in added}


async def list_by_station(
    conn: Conn,
    station_id: int,
    *,
    limit: int,
    before: int | None = None,
    kind: EventKind | None = None,
    is_critical: bool = False,
) -> list[ListedEvent]:
    """The latest that we heard first; with `is_critical` only those."""
    return await many(
        conn,
        ListedEvent,
        f"""
        select {columns(ListedEvent)} from station_event
        where station_id = $1 and id < coalesce($2::bigint, 9223372036854775807)
            and ($3::text is null or kind = $3) and (is_critical or not $4::boolean)
        order by id desc
        limit $5
        """,
        station_id,
        before,
        kind,
        is_critical,
        limit,
    )

"""Running sessions that may have ended without a word, and what speaks for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from db.model.sessions import EndSigns, Session
from db.rows import Conn, one


async def list_doubtful(
    conn: Conn, *, now: datetime, silent_for: timedelta, fresh: timedelta
) -> list[tuple[int, int]]:
    """
    (station, session) of those that the rules should judge, in no order:

    silent for long, on a connector that says it is free, on a station that booted since, or known
    only from what was older than `fresh` when it came.
    """
    records = await conn.fetch(
        """
        select s.station_id, s.id
        from charging_session s
        join session_live live on live.station_id = s.station_id and live.session_id = s.id
        join station on station.id = s.station_id
        where not s.is_finalized and (
            live.updated_at < $1
            or station.booted_at > live.updated_at
            or live.updated_at - greatest(live.register_at, s.started_at) > $2
            or exists (
                select from connector
                where connector.station_id = s.station_id and connector.evse = s.evse
                    and connector.status = 'Available'
                    and connector.status_received_at > live.updated_at
            )
        )
        order by random()
        limit 1000
        """,
        now - silent_for,
        fresh,
    )
    return [(record["station_id"], record["id"]) for record in records]


async def signs(conn: Conn, session: Session) -> EndSigns:
    """What is known beside a session. An EVSE is free when each of its connectors is."""
    return await one(
        conn,
        EndSigns,
        """
        select station.booted_at, station.boots_since, free.free_since, free.free_at,
            later.next_started_at,
            station.registration = 'Accepted' and exists (
                select from link where link.station_id = station.id
            ) as can_be_asked
        from station
        left join lateral (
            select max(status_received_at) as free_since, max(status_at) as free_at from connector
            where connector.station_id = station.id and evse = $2
            having bool_and(status = 'Available')
        ) free on true
        cross join lateral (
            select min(started_at) as next_started_at from charging_session
            where charging_session.station_id = station.id and evse = $2 and started_at > $3
        ) later
        where station.id = $1
        """,
        session.station_id,
        session.evse,
        session.started_at,
    )


async def list_ended(conn: Conn, *, since: datetime, until: datetime) -> list[tuple[int, int]]:
    """(station, session) of 2.x whose charger is here, and said the end in that time."""
    records = await conn.fetch(
        """
        select s.station_id, s.id from charging_session s
        join station on station.id = s.station_id
        where s.is_finalized and s.updated_at >= $1 and s.family = 'v2' and not s.is_end_inferred
            and s.end_received_at >= $1 and s.end_received_at < $2
            and station.registration = 'Accepted'
            and exists (select from link where link.station_id = s.station_id)
        limit 1000
        """,
        since,
        until,
    )
    return [(record["station_id"], record["id"]) for record in records]


async def list_events(conn: Conn, session: Session, *, limit: int) -> list[bytes]:
    """The TransactionEvents of its charger from its start on, as they came, the latest first."""
    records = await conn.fetch(
        """
        select body from message
        where station_id = $1 and received_at >= $2 and action = 'TransactionEvent'
            and not is_ours
        order by received_at desc
        limit $3
        """,
        session.station_id,
        session.start_received_at,
        limit,
    )
    return [record["body"] for record in records]

"""What a charger said of a session and nobody could read as it stands: for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.rows import Conn, many, maybe


@dataclass(frozen=True, slots=True)
class Kept:
    """
    `body` is the frame, byte for byte; `session` the number that was made of it, if any.

    `assigned_to` is the session that a person says it is of, `applied_at` when that got it.
    """

    id: int
    station_id: int
    identity: str
    charger: str
    zone: str
    received_at: datetime
    action: str
    problem: str
    body: bytes
    session: int | None
    looked_at: datetime | None
    note: str | None
    settled_by: str | None
    assigned_to: int | None
    applied_at: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session that a message may be of."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None
    evse: int | None
    id_token: str | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """What its session is yet to get."""

    id: int
    received_at: datetime
    body: bytes
    ocpp_version: str | None
    says_kwh: bool
    clock_offset_h: int


_SHOWN = """
    select kept.id, station_id, identity, coalesce(station.name, identity) as charger,
        coalesce(site.zone, $1) as zone, received_at, action, problem, body,
        session_id as session, looked_at, note, coalesce(account.name, account.email) as settled_by,
        assigned_to, applied_at
"""
_BESIDE = """
    join station on station.id = station_id
    left join site on site.id = site_id
    left join account on account.id = settled_by
"""


async def list_page(conn: Conn, *, zone: str, is_looked_at: bool, limit: int) -> list[Kept]:
    """The newest first: those that wait, or those that somebody has looked at."""
    return await many(
        conn,
        Kept,
        f"""
        {_SHOWN}
        from (
            select * from quarantine
            where looked_at is {"not" if is_looked_at else ""} null
            order by received_at desc, id desc limit $2
        ) kept
        {_BESIDE}
        order by received_at desc, kept.id desc
        """,
        zone,
        limit,
    )


async def count_open(conn: Conn) -> int:
    count: int = await conn.fetchval("select count(*) from quarantine where looked_at is null")
    return count


async def set_looked_at(conn: Conn, station_id: int, id: int, now: datetime) -> bool:
    """False when there is no such one, or somebody was faster."""
    done = await conn.execute(
        """
        update quarantine set looked_at = $3
        where station_id = $1 and id = $2 and looked_at is null
        """,
        station_id,
        id,
        now,
    )
    return done.endswith(" 1")


async def find(conn: Conn, station_id: int, id: int, *, zone: str) -> Kept | None:
    """`zone` is for chargers without a site."""
    return await maybe(
        conn,
        Kept,
        f"{_SHOWN} from quarantine kept {_BESIDE} where station_id = $2 and kept.id = $3",
        zone,
        station_id,
        id,
    )


async def list_candidates(
    conn: Conn, station_id: int, at: datetime, *, limit: int
) -> list[Candidate]:
    """The sessions of its charger that began nearest to a message; the last one first."""
    return await many(
        conn,
        Candidate,
        """
        select * from (
            (
                select id as number, started_at, ended_at, energy_wh, evse, id_token
                from charging_session where station_id = $1 and started_at <= $2
                order by started_at desc limit $3
            ) union all (
                select id, started_at, ended_at, energy_wh, evse, id_token
                from charging_session where station_id = $1 and started_at > $2
                order by started_at limit $3
            )
        ) near
        order by started_at desc
        """,
        station_id,
        at,
        limit,
    )


async def settle(
    conn: Conn,
    station_id: int,
    id: int,
    *,
    by: int,
    note: str,
    assigned_to: int | None,
    now: datetime,
) -> bool:
    """False when it is settled already. `assigned_to` is a session of its station."""
    done = await conn.execute(
        """
        update quarantine
        set looked_at = coalesce(looked_at, $6), settled_by = $3, note = $4, assigned_to = $5
        where station_id = $1 and id = $2 and settled_by is null
        """,
        station_id,
        id,
        by,
        note,
        assigned_to,
        now,
    )
    return done == "UPDATE 1"


async def list_assigned(conn: Conn, limit: int) -> list[tuple[int, int]]:
    """(station, session) of those that wait; in no order, so that none blocks the others."""
    records = await conn.fetch(
        """
        select station_id, assigned_to from (
            select distinct station_id, assigned_to from quarantine
            where assigned_to is not null and applied_at is null
        ) waiting
        order by random()
        limit $1
        """,
        limit,
    )
    return [(record["station_id"], record["assigned_to"]) for record in records]


async def take_assigned(
    conn: Conn, station_id: int, session_id: int, now: datetime
) -> list[Assigned]:
    """What a session is to get now, in the order of arrival; applied with the commit."""
    return await many(
        conn,
        Assigned,
        """
        with taken as (
            update quarantine set applied_at = $3
            where station_id = $1 and assigned_to = $2 and applied_at is null
            returning id, station_id, received_at, body
        )
        select taken.id, received_at, body, ocpp_version, says_kwh, clock_offset_h
        from taken
        join station on station.id = station_id
        order by received_at, taken.id
        """,
        station_id,
        session_id,
        now,
    )

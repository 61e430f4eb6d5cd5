"""Reservations: a charger, or one EVSE of it, held for a driver in [starts_at, ends_at)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import asyncpg

from db.errors import Conflict
from db.rows import Conn, many, maybe, one

Status = Literal["pending", "confirmed", "active", "completed", "cancelled"]

MOST, MOST_PLACES = 300, 500
STILL_SHOWN_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reservation:
    """`status` as of the moment it was read: what begins or ends by itself needs no job."""

    id: int
    station_id: int
    identity: str
    public_id: str
    charger: str  # its friendly name
    zone: str  # of its site
    evse: int | None  # None: the whole charger
    account_id: int
    driver: str
    starts_at: datetime
    ends_at: datetime
    status: Status
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """What a reservation that is confirmed or active holds now (seed: customer tour, Reserved)."""

    station_id: int
    evse: int | None
    account_id: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class LetGo:
    """Whose reservation its charger ended, and of what; `evse` None: the whole charger."""

    account_id: int
    charger: str
    evse: int | None


# $1 is now, $2 the zone of chargers without a site.
_RESERVATION = """
    select reservation.id, station_id, identity, public_id,
        coalesce(station.name, identity) as charger, coalesce(site.zone, $2) as zone, evse,
        account_id, coalesce(account.name, account.email) as driver, starts_at, ends_at,
        case
            when reservation.status = 'cancelled' then reservation.status
            when ends_at <= $1 then 'completed'
            when starts_at <= $1 and reservation.status = 'confirmed' then 'active'
            else reservation.status
        end as status,
        reservation.created_at
    from reservation
    join station on station.id = station_id
    join account on account.id = account_id
    left join site on site.id = station.site_id
"""
_STANDS = "reservation.status in ('pending', 'confirmed', 'active')"


async def add(
    conn: Conn,
    *,
    station_id: int,
    evse: int | None,
    account_id: int,
    starts_at: datetime,
    ends_at: datetime,
    status: Status = "confirmed",
) -> int:
    """
    Its id. Raises Conflict when another one holds the place in that time.

    In a transaction of its own or a savepoint: PostgreSQL ends one in which a constraint spoke.
    """
    # One at a time: two that wait for each other's row would be a deadlock, which is no answer.
    await conn.execute("select from station where id = $1 for no key update", station_id)
    try:
        id: int = await conn.fetchval(
            """
            insert into reservation (station_id, evse, account_id, starts_at, ends_at, status)
            values ($1, $2, $3, $4, $5, $6)
            returning id
            """,
            station_id,
            evse,
            account_id,
            starts_at,
            ends_at,
            status,
        )
    except asyncpg.ExclusionViolationError:
        raise Conflict("it is reserved in that time already") from None
    return id


async def cancel(conn: Conn, id: int, now: datetime) -> bool:
    """False when there was nothing left to cancel: it was over, or cancelled before."""
    done = await conn.execute(
        f"update reservation set status = 'cancelled' where id = $1 and ends_at > $2 and {_STANDS}",
        id,
        now,
    )
    return done.endswith(" 1")


async def end(
    conn: Conn, id: int, *, station_id: int, status: Status, now: datetime
) -> LetGo | None:
    """
    As its station says; None when it is not one that this station holds now, so once for each.

    Of one that is yet to begin no station knows: the number is another's. That one ran out is said
    when its time is over, or when the station is back.
    """
    return await maybe(
        conn,
        LetGo,
        f"""
        update reservation set status = $3::reservation_status
        from station
        where reservation.id = $1 and station_id = $2 and station.id = station_id
            and starts_at <= $4 and {_STANDS}
            and ends_at > $4::timestamptz - case
                when $3::reservation_status = 'completed' then $5::interval else '0 s' end
        returning account_id, coalesce(station.name, identity) as charger, evse
        """,
        id,
        station_id,
        status,
        now,
        STILL_SHOWN_FOR,
    )


async def get(conn: Conn, id: int, now: datetime, *, zone: str = "UTC") -> Reservation:
    return await one(conn, Reservation, f"{_RESERVATION} where reservation.id = $3", now, zone, id)


async def find_conflict(
    conn: Conn,
    *,
    station_id: int,
    evse: int | None,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    zone: str = "UTC",
) -> Reservation | None:
    """The first that holds any of it: a whole charger goes with none of its EVSEs."""
    return await maybe(
        conn,
        Reservation,
        f"""
        {_RESERVATION}
        where station_id = $3 and {_STANDS} and starts_at < $6 and ends_at > $5
            and (evse is null or $4::int is null or evse = $4)
        order by starts_at limit 1
        """,
        now,
        zone,
        station_id,
        evse,
        starts_at,
        ends_at,
    )


async def list_shown(conn: Conn, now: datetime, *, zone: str = "UTC") -> list[Reservation]:
    """What is to come, and what ended in the last 24 hours; the soonest first."""
    return await many(
        conn,
        Reservation,
        f"""
        {_RESERVATION}
        where ends_at > $3
        order by ends_at <= $1, starts_at, reservation.id
        limit {MOST}
        """,
        now,
        zone,
        now - STILL_SHOWN_FOR,
    )


async def next_of(
    conn: Conn, account_id: int, now: datetime, *, zone: str = "UTC"
) -> Reservation | None:
    """The soonest of an account whose end has not passed and that stands (S38)."""
    return await maybe(
        conn,
        Reservation,
        f"""
        {_RESERVATION}
        where account_id = $3 and ends_at > $1 and {_STANDS}
        order by starts_at, reservation.id limit 1
        """,
        now,
        zone,
        account_id,
    )


async def held(conn: Conn, now: datetime) -> list[Held]:
    """What is held now, in all the network: pending ones hold nothing yet (S46)."""
    return await many(
        conn,
        Held,
        """
        select station_id, evse, account_id, ends_at from reservation
        where status in ('confirmed', 'active') and starts_at <= $1 and ends_at > $1
        order by station_id, evse nulls first, starts_at
        """,
        now,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A charger that can be reserved, and its EVSEs."""

    station_id: int
    charger: str
    identity: str
    zone: str
    evses: list[int]


async def list_places(conn: Conn, *, zone: str) -> list[Place]:
    return await many(
        conn,
        Place,
        f"""
        select station.id as station_id, coalesce(station.name, identity) as charger, identity,
            coalesce(site.zone, $1) as zone,
            array(
                select evse from evse where evse.station_id = station.id order by evse
            ) as evses
        from station left join site on site.id = site_id
        where registration = 'Accepted' and out_of_service_at is null
        order by lower(coalesce(station.name, identity)), station.id
        limit {MOST_PLACES}
        """,
        zone,
    )

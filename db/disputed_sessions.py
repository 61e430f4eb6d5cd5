"""A session as a dispute needs it: what its page shows, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.rows import Conn, many, maybe
from db.session_sql import PLUG

# How far from a session's times its readings may lie, as in db/readings.py.
_SLACK = timedelta(days=2)
_NEIGHBOURS = 2


@dataclass(frozen=True, slots=True)
class Disputed:
    """`zone` is of its site; `energy_wh` the live one while it runs."""

    number: int
    station_id: int
    account_id: int | None
    identity: str
    public_id: str
    charger: str
    zone: str
    connector: str | None  # its type
    max_power_w: int | None
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None
    is_finalized: bool
    id_token: str | None
    authorization_status: str | None
    flags: list[str]
    updated_at: datetime

    @property
    def took(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.ended_at else None


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A reading: the register, and what was added since the register before it, in Wh."""

    at: datetime
    received_at: datetime
    energy_wh: int | None
    added_wh: int | None
    power_w: int | None
    flags: list[str]
    is_marked: bool
    is_after_others: bool  # rows between this one and the one above are left out


@dataclass(frozen=True, slots=True)
class Decision:
    at: datetime
    uid: str
    purpose: str
    status: str
    reason: str


async def find(
    conn: Conn, number: int, *, zone: str, account_id: int | None = None
) -> Disputed | None:
    """`account_id`: only that account's. `zone` is for chargers without a site."""
    return await maybe(
        conn,
        Disputed,
        f"""
        select s.id as number, s.station_id, s.account_id, station.identity, station.public_id,
            coalesce(station.name, station.identity) as charger,
            coalesce(site.zone, $3) as zone, plug.type as connector, plug.max_power_w,
            s.started_at, s.ended_at,
            coalesce(round(live.energy_wh)::bigint, s.energy_wh) as energy_wh, s.is_finalized,
            s.id_token, s.authorization_status, s.flags,
            coalesce(live.updated_at, s.updated_at) as updated_at
        from charging_session s
        join station on station.id = s.station_id
        left join site on site.id = station.site_id
        left join session_live live
            on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
        {PLUG}
        where s.id = $1 and ($2::bigint is null or s.account_id = $2)
        """,
        number,
        account_id,
        zone,
    )


async def known_times(conn: Conn, of: Disputed, times: Sequence[datetime]) -> set[datetime]:
    """Those at which it was measured, began or ended: only these can have been marked."""
    records = await conn.fetch(
        """
        select distinct at from reading
        where station_id = $1 and session_id = $2 and at between $3 and $4
            and at = any($5::timestamptz[])
        """,
        of.station_id,
        of.number,
        of.started_at - _SLACK,
        (of.ended_at or of.updated_at) + _SLACK,
        list(times),
    )
    own = {time for time in times if time in (of.started_at, of.ended_at)}
    return own | {record["at"] for record in records}


async def list_around(
    conn: Conn, of: Disputed, marked: Sequence[datetime], *, limit: int
) -> list[TimelineRow]:
    """The marked readings with two before and two after each; without a mark the first ones."""
    return await many(
        conn,
        TimelineRow,
        """
        with timeline as (
            select at, received_at, energy_wh, power_w, flags,
                energy_wh - lag(energy_wh) over in_order as added_wh,
                row_number() over in_order as place, at = any($5::timestamptz[]) as is_marked
            from reading
            where station_id = $1 and session_id = $2 and at between $3 and $4
                and (energy_wh is not null or at = any($5::timestamptz[]))
            window in_order as (order by at, received_at, fingerprint)
        ), shown as (
            select * from timeline row
            where cardinality($5::timestamptz[]) = 0 or exists (
                select from timeline other
                where other.is_marked and abs(other.place - row.place) <= $6
            )
        )
        select at, received_at, energy_wh, added_wh, power_w, flags, is_marked,
            coalesce(place - lag(place) over (order by place) > 1, false) as is_after_others
        from shown
        order by place limit $7
        """,
        of.station_id,
        of.number,
        of.started_at - _SLACK,
        (of.ended_at or of.updated_at) + _SLACK,
        list(marked),
        _NEIGHBOURS,
        limit,
    )


async def list_decisions(conn: Conn, of: Disputed) -> list[Decision]:
    """What was decided about its cards, the first one first."""
    return await many(
        conn,
        Decision,
        """
        select at, uid, purpose, status, reason from authorization_decision
        where station_id = $1 and lower(uid) = lower($3)
            and (session_id = $2 or at between $4::timestamptz - interval '10 minutes' and $5)
        order by at, id limit 20
        """,
        of.station_id,
        of.number,
        of.id_token or "",
        of.started_at,
        of.ended_at or of.updated_at,
    )

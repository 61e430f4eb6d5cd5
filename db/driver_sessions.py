"""A driver's own sessions: the list with its filters, and one of them whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from db.errors import NotFound
from db.rows import Conn, many, maybe
from db.session_sql import PLUG, TOOK_SO_FAR

Status = Literal["all", "active", "completed"]


class Place(NamedTuple):
    """Where a page ends."""

    started_at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Filters:
    """`since` (in it) and `until` (not in it) are about the start: the day that one charged."""

    status: Status = "all"
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """`energy_wh` of one that runs is the live one; None: not known."""

    number: int
    public_id: str
    charger: str
    site: str | None
    zone: str
    evse: int | None
    evse_count: int
    connector_type: str | None
    id_token: str | None
    card: str | None  # the driver's own name for it
    is_app: bool  # started from the web
    started_at: datetime
    ended_at: datetime | None
    took: timedelta
    energy_wh: Decimal | None
    power_w: int | None
    is_finalized: bool
    updated_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.started_at, self.number)


@dataclass(frozen=True, slots=True)
class Own:
    """One session whole. The registers are those that 1.6 says at the start and at the end."""

    number: int
    station_id: int
    public_id: str
    charger: str
    site: str | None
    zone: str
    evse: int | None
    evse_count: int
    connector_type: str | None
    max_power_w: int | None
    id_token: str | None
    card: str | None
    is_app: bool
    started_at: datetime
    ended_at: datetime | None
    took: timedelta
    energy_wh: Decimal | None
    power_w: int | None
    soc_pct: Decimal | None
    is_finalized: bool
    is_end_inferred: bool
    flags: list[str]
    meter_start_wh: int | None
    meter_stop_wh: int | None
    updated_at: datetime


_SHOWN = f"""
    s.id as number, station.public_id, coalesce(station.name, station.identity) as charger,
    site.name as site, coalesce(site.zone, $2) as zone, s.evse,
    (select count(*) from evse where evse.station_id = s.station_id) as evse_count,
    plug.type as connector_type, s.id_token, card.label as card,
    coalesce(card.is_app, false) as is_app, s.started_at, s.ended_at,
    greatest(
        coalesce(s.ended_at - s.started_at, {TOOK_SO_FAR}, now() - s.started_at), interval '0'
    ) as took,
    coalesce(live.energy_wh, s.energy_wh) as energy_wh, live.power_w, s.is_finalized,
    coalesce(live.updated_at, s.updated_at) as updated_at
"""
# $1 is the account. The label is that of the card while it is still this account's.
_JOINS = f"""
    join station on station.id = s.station_id
    left join site on site.id = station.site_id
    left join session_live live
        on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
    {PLUG}
    left join lateral (
        select label, is_app from id_token
        where lower(uid) = lower(s.id_token) and account_id = $1
        order by id limit 1
    ) card on true
"""


async def list_page(
    conn: Conn,
    account_id: int,
    *,
    zone: str,
    filters: Filters,
    limit: int,
    after: Place | None = None,
    down_to: Place | None = None,
) -> list[Listed]:
    """
    The latest start first: those behind one place, or those before it and it.

    `zone` is for chargers without a site.
    """
    values: list[Any] = [account_id, zone, limit]

    def argument(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    where = ""
    if filters.status == "active":
        where += " and id in (select session_id from session_live where account_id = $1)"
        where += " and not is_finalized"
    elif filters.status == "completed":
        where += " and is_finalized"
    if filters.since is not None:
        where += f" and started_at >= {argument(filters.since)}"
    if filters.until is not None:
        where += f" and started_at < {argument(filters.until)}"
    place = after or down_to
    if place is not None:
        compare = "<" if after else ">="
        where += f" and (started_at, id) {compare} ({argument(place[0])}, {argument(place[1])})"
    return await many(
        conn,
        Listed,
        f"""
        select {_SHOWN}
        from (
            select * from charging_session
            where account_id = $1 {where}
            order by started_at desc, id desc limit $3
        ) s
        {_JOINS}
        order by s.started_at desc, s.id desc
        """,
        *values,
    )


async def get(conn: Conn, account_id: int, number: int, *, zone: str) -> Own:
    """Raises NotFound, also for another's (decision 27)."""
    found = await maybe(
        conn,
        Own,
        f"""
        select {_SHOWN}, s.station_id, plug.max_power_w, live.soc_pct, s.is_end_inferred, s.flags,
            s.meter_start_wh, s.meter_stop_wh
        from charging_session s
        {_JOINS}
        where s.id = $3 and s.account_id = $1
        """,
        account_id,
        zone,
        number,
    )
    if found is None:
        raise NotFound("no such session")
    return found


async def has_any(conn: Conn, account_id: int) -> bool:
    """Whether the account has ever charged: a first-run user has not (S36)."""
    found: bool = await conn.fetchval(
        "select exists (select from charging_session where account_id = $1)", account_id
    )
    return found

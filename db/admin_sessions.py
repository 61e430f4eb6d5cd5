"""Sessions as the admin's table shows them: the last updated first, running ones among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from db import session_filters
from db.rows import Conn, many, one
from db.session_filters import Arguments, Place, Search

_ROW = """
    select s.id as number, station.identity, coalesce(station.name, station.identity) as charger,
        coalesce(site.zone, {zone}) as zone, s.evse,
        (select count(*) from evse where evse.station_id = s.station_id) as evse_count,
        s.id_token, coalesce(card.is_app, false) as is_app,
        coalesce(account.name, account.email) as driver, account.id as account_id,
        s.started_at, s.ended_at, coalesce(live.energy_wh, s.energy_wh) as energy_wh,
        live.power_w, s.is_finalized, s.flags,
        coalesce(live.updated_at, s.updated_at) as updated_at
    from ({source}) s
    join station on station.id = s.station_id
    left join site on site.id = station.site_id
    left join account on account.id = s.account_id
    left join session_live live on live.station_id = s.station_id and live.session_id = s.id
    left join lateral (
        select is_app from id_token where lower(uid) = lower(s.id_token) order by id limit 1
    ) card on true
"""


@dataclass(frozen=True, slots=True)
class SessionRow:
    number: int
    identity: str
    charger: str
    zone: str
    evse: int | None
    evse_count: int
    id_token: str | None
    is_app: bool  # started from the portal
    driver: str | None
    account_id: int | None
    started_at: datetime
    ended_at: datetime | None
    energy_wh: Decimal | None
    power_w: int | None
    is_finalized: bool
    flags: list[str]
    updated_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.updated_at, self.number)


@dataclass(frozen=True, slots=True)
class Now:
    """Sessions that are live: they run, and were heard of a moment ago, `heard_at` the last."""

    live: int
    power_w: int | None
    silent: int
    heard_at: datetime | None


async def list_page(
    conn: Conn,
    search: Search,
    *,
    zone: str,
    limit: int,
    after: Place | None = None,
    down_to: Place | None = None,
) -> list[SessionRow]:
    """
    The last updated first: behind `after`, down to and with `down_to`.

    A part of the list between two places stays that part, whatever comes in above it.
    """
    arguments = Arguments()
    shown_zone = arguments.add(zone)
    source = session_filters.source(search, arguments, limit=limit, after=after, down_to=down_to)
    return await many(
        conn,
        SessionRow,
        f"""
        {_ROW.format(zone=shown_zone, source=source)}
        order by updated_at desc, number desc limit {arguments.add(limit)}
        """,
        *arguments.values,
    )


async def list_of_station(
    conn: Conn, station_id: int, *, zone: str, limit: int
) -> list[SessionRow]:
    """Those that run there now, and then the last."""
    source = """
        select * from charging_session where station_id = $2
        order by is_finalized, updated_at desc limit $3
    """
    return await many(
        conn,
        SessionRow,
        f"{_ROW.format(zone='$1', source=source)} order by s.is_finalized, updated_at desc",
        zone,
        station_id,
        limit,
    )


async def list_of_account(
    conn: Conn, account_id: int, *, zone: str, limit: int
) -> list[SessionRow]:
    source = """
        select * from charging_session where account_id = $2
        order by started_at desc limit $3
    """
    return await many(
        conn,
        SessionRow,
        f"{_ROW.format(zone='$1', source=source)} order by s.started_at desc",
        zone,
        account_id,
        limit,
    )


async def now(conn: Conn, *, silent_s: int) -> Now:
    return await one(
        conn,
        Now,
        """
        select count(*) filter (where is_heard) as live,
            (sum(power_w) filter (where is_heard))::bigint as power_w,
            count(*) filter (where not is_heard) as silent,
            max(updated_at) filter (where is_heard) as heard_at
        from (
            select power_w, updated_at,
                updated_at >= now() - make_interval(secs => $1) as is_heard
            from session_live
        ) live
        """,
        silent_s,
    )

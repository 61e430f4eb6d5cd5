"""Sessions as the admin's table shows them: the last updated first, running ones among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.rows import Conn, many, one

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


class Place(NamedTuple):
    """Where a page ends."""

    updated_at: datetime
    number: int


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
    running: int
    power_w: int | None
    silent: int


async def list_page(
    conn: Conn,
    *,
    zone: str,
    limit: int,
    after: Place | None = None,
    down_to: Place | None = None,
) -> list[SessionRow]:
    """Those behind one place, or those before it and it: what is new above what is shown."""
    place = after or down_to
    within = "$2::timestamptz is null or ({key}) " + (">=" if down_to else "<") + " ($2, $3)"
    source = f"""
        (
            select s.* from session_live l
            join charging_session s on s.station_id = l.station_id and s.id = l.session_id
            where not s.is_finalized and ({within.format(key="l.updated_at, l.session_id")})
            order by l.updated_at desc, l.session_id desc limit $4
        ) union all (
            select s.* from charging_session s
            where s.is_finalized and ({within.format(key="s.updated_at, s.id")})
            order by s.updated_at desc, s.id desc limit $4
        )
    """
    return await many(
        conn,
        SessionRow,
        f"""
        {_ROW.format(zone="$1", source=source)}
        order by updated_at desc, number desc limit $4
        """,
        zone,
        None if place is None else place.updated_at,
        None if place is None else place.number,
        limit,
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
        select count(*) as running, sum(power_w) as power_w,
            count(*) filter (where updated_at < now() - make_interval(secs => $1)) as silent
        from session_live
        """,
        silent_s,
    )

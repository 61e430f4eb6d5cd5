"""What a driver's dashboard shows: own running and recent sessions, and the chargers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg

from db.model.stations import ConnectorStatus
from db.rows import Conn, many
from db.session_sql import PLUG, TOOK_SO_FAR

MOST_CHARGERS = 50  # decision 22
RECENT = 5


@dataclass(frozen=True, slots=True)
class Running:
    """An own session that runs, by its live row. `updated_at` is when it was last heard of."""

    number: int
    station_id: int
    public_id: str
    charger: str
    zone: str
    evse: int | None
    evse_count: int
    type: str | None
    max_power_w: int | None
    started_at: datetime
    took: timedelta
    energy_wh: Decimal
    power_w: int | None
    charging_state: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Recent:
    number: int
    charger: str
    zone: str
    started_at: datetime
    ended_at: datetime | None
    took: timedelta
    energy_wh: Decimal | None
    is_finalized: bool


@dataclass(frozen=True, slots=True)
class Plug:
    """A connector, and what is known of its EVSE's session."""

    evse: int
    connector: int
    type: str | None
    max_power_w: int | None
    status: ConnectorStatus | None
    reported: str | None
    is_left_in: bool  # a session ended there, and the connector has said nothing since
    taken_since: datetime | None  # the start of the session that runs there
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Charger:
    id: int
    public_id: str
    name: str
    site: str | None
    zone: str
    ocpp_version: str | None
    status: ConnectorStatus | None  # of the box as a whole
    last_seen_at: datetime | None
    is_connected: bool
    plugs: list[Plug] = field(default_factory=list)


_PLUG = [row.name for row in fields(Plug)]
_CHARGER = [row.name for row in fields(Charger) if row.name != "plugs"]


async def list_running(conn: Conn, account_id: int, *, zone: str) -> list[Running]:
    """The one that began first comes first. `zone` is for chargers without a site."""
    return await many(
        conn,
        Running,
        f"""
        select live.session_id as number, live.station_id, station.public_id,
            coalesce(station.name, station.identity) as charger,
            coalesce(site.zone, $2) as zone, live.evse,
            (select count(*) from evse where evse.station_id = live.station_id) as evse_count,
            plug.type, plug.max_power_w, live.started_at,
            {TOOK_SO_FAR} as took, live.energy_wh, live.power_w,
            live.charging_state, live.updated_at
        from session_live live
        join charging_session s on s.station_id = live.station_id and s.id = live.session_id
        join station on station.id = live.station_id
        left join site on site.id = station.site_id
        {PLUG}
        where live.account_id = $1 and not s.is_finalized
        order by live.started_at, live.session_id
        """,
        account_id,
        zone,
    )


async def list_recent(conn: Conn, account_id: int, *, zone: str) -> list[Recent]:
    """The latest first; of one that runs the live energy."""
    return await many(
        conn,
        Recent,
        f"""
        select s.id as number, coalesce(station.name, station.identity) as charger,
            coalesce(site.zone, $2) as zone, s.started_at, s.ended_at,
            coalesce(s.ended_at - s.started_at, {TOOK_SO_FAR}, now() - s.started_at) as took,
            coalesce(live.energy_wh, s.energy_wh) as energy_wh, s.is_finalized
        from (
            select * from charging_session
            where account_id = $1
            order by started_at desc, id desc
            limit $3
        ) s
        join station on station.id = s.station_id
        left join site on site.id = station.site_id
        left join session_live live
            on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
        order by s.started_at desc, s.id desc
        """,
        account_id,
        zone,
        RECENT,
    )


async def list_chargers(
    conn: Conn,
    account_id: int | None,
    *,
    zone: str,
    public_id: str | None = None,
    is_public: bool = False,
) -> list[Charger]:
    """
    Those in service that the account may see, own last used first, then by name; or the one with
    the public id.

    `is_public` leaves out who may see it and whether it is in service: for the page of a sticker.
    """
    return _grouped(
        await conn.fetch(
            """
            with used as (
                select station_id, max(started_at) as at from charging_session
                where account_id = $1
                group by station_id
            ), shown as (
                select station.id, public_id, coalesce(name, identity) as name, site_id,
                    ocpp_version, status, last_seen_at,
                    row_number() over (
                        order by used.at desc nulls last, lower(coalesce(name, identity)), id
                    ) as place
                from station
                left join used on used.station_id = station.id
                where ($3::text is null or public_id = $3) and ($5 or (
                    registration = 'Accepted' and out_of_service_at is null and not exists (
                        select from site
                        where site.id = site_id and is_members_only and not exists (
                            select from site_member member
                            where member.site_id = site.id and member.account_id = $1
                        )
                    )
                ))
                order by place
                limit $4
            )
            select shown.id, shown.public_id, shown.name, site.name as site,
                coalesce(site.zone, $2) as zone, shown.ocpp_version, shown.status as box_status,
                greatest(shown.last_seen_at, link.since) as last_seen_at,
                link.since is not null as is_connected,
                plug.evse, plug.connector, plug.type, plug.max_power_w, plug.status,
                plug.reported, live.started_at as taken_since,
                coalesce(live.account_id = $1, false) as is_mine,
                coalesce(last.heard_at >= plug.status_received_at, false) as is_left_in
            from shown
            left join site on site.id = shown.site_id
            left join link on link.station_id = shown.id
            left join lateral (
                select evse, connector, type, max_power_w, status, reported, status_received_at
                from connector
                where connector.station_id = shown.id
                union all -- a session may run where no connector was ever named
                select distinct live.evse, 1, null, null::int, null::connector_status, null,
                    null::timestamptz
                from session_live live
                where live.station_id = shown.id and live.evse is not null and not exists (
                    select from connector
                    where connector.station_id = live.station_id and connector.evse = live.evse
                )
            ) plug on true
            left join lateral (
                select started_at, account_id from session_live
                where session_live.station_id = shown.id and session_live.evse = plug.evse
                order by started_at desc limit 1
            ) live on true
            left join lateral (
                select coalesce(end_received_at, ended_at) as heard_at
                from charging_session s
                where s.station_id = shown.id and s.evse = plug.evse and plug.status = 'Occupied'
                order by started_at desc limit 1
            ) last on true
            order by shown.place, plug.evse, plug.connector
            """,
            account_id,
            zone,
            public_id,
            MOST_CHARGERS,
            is_public,
        )
    )


def _grouped(records: Iterable[asyncpg.Record]) -> list[Charger]:
    """One row for each connector, and one for a charger that has none yet."""
    chargers: dict[int, Charger] = {}
    for record in records:
        row = dict(record)
        plug = Plug(**{name: row[name] for name in _PLUG})
        row["status"] = row["box_status"]
        charger = chargers.setdefault(
            row["id"], Charger(**{name: row[name] for name in _CHARGER}, plugs=[])
        )
        if row["evse"] is not None:
            charger.plugs.append(plug)
    return list(chargers.values())

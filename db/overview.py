"""The figures of the admin's first page, and what runs now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from db.needs import UNSEEN_FOR
from db.rows import Conn, many, one

WEEK = timedelta(hours=168)  # decision 17


@dataclass(frozen=True, slots=True)
class Figures:
    """
    `power_w`, `flowing`: of the sessions that were heard of a moment ago. `online` of `chargers`
    in service were seen in the last hour (decision 20).
    """

    power_w: int
    running: int
    silent: int
    flowing: int
    energy_today_wh: Decimal
    energy_week_wh: Decimal
    chargers: int
    online: int
    faulted: int


@dataclass(frozen=True, slots=True)
class LiveNow:
    number: int
    identity: str
    charger: str
    driver: str | None
    type: str | None
    energy_wh: Decimal
    power_w: int | None
    took: timedelta


async def figures(
    conn: Conn, now: datetime, *, midnight: datetime, silent_for: timedelta
) -> Figures:
    """`midnight` is the last one of the operator's zone. Energy is by the hour of its arrival."""
    return await one(
        conn,
        Figures,
        """
        select live.*, energy.*, stations.*
        from (
            select
                coalesce(
                    sum(power_w) filter (where updated_at >= $1::timestamptz - $3::interval), 0
                )::bigint as power_w,
                count(*) as running,
                count(*) filter (where updated_at < $1::timestamptz - $3::interval) as silent,
                count(*) filter (
                    where updated_at >= $1::timestamptz - $3::interval and power_w > 0
                ) as flowing
            from session_live
        ) live, (
            select
                coalesce(sum(energy_wh) filter (where hour >= date_trunc('hour', $2::timestamptz)),
                    0) as energy_today_wh,
                coalesce(sum(energy_wh), 0) as energy_week_wh
            from energy_hourly where hour > $1::timestamptz - $4::interval
        ) energy, (
            select count(*) as chargers,
                count(*) filter (
                    where greatest(last_seen_at, since) > $1::timestamptz - $5::interval
                ) as online,
                count(*) filter (where status = 'Faulted' or exists (
                    select from connector
                    where connector.station_id = station.id and connector.status = 'Faulted'
                )) as faulted
            from station left join link on link.station_id = station.id
            where registration = 'Accepted' and out_of_service_at is null
        ) stations
        """,
        now,
        midnight,
        silent_for,
        WEEK,
        UNSEEN_FOR,
    )


async def list_live(
    conn: Conn, now: datetime, *, silent_for: timedelta, limit: int
) -> list[LiveNow]:
    """Sessions that were heard of a moment ago; the strongest first."""
    return await many(
        conn,
        LiveNow,
        """
        select session_id as number, identity, coalesce(station.name, identity) as charger,
            coalesce(account.name, account.email) as driver, plug.type, energy_wh, power_w,
            greatest(
                coalesce(
                    register_at - started_at + ($1::timestamptz - live.updated_at),
                    $1::timestamptz - started_at
                ),
                interval '0'
            ) as took
        from session_live live
        join station on station.id = live.station_id
        left join account on account.id = live.account_id
        left join lateral (
            select type from connector
            where connector.station_id = live.station_id and connector.evse = live.evse
            order by connector limit 1
        ) plug on true
        where live.updated_at >= $1::timestamptz - $2::interval
        order by power_w desc nulls last, session_id limit $3
        """,
        now,
        silent_for,
        limit,
    )

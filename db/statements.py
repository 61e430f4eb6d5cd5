"""A month of an account as it is billed: its sessions, and what was added or credited in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from db.rows import Conn, many


@dataclass(frozen=True, slots=True)
class Billed:
    """
    A session that began in the month. `amount` is what it was settled at, without what was added
    or credited later: that stands on the statement that its step names. None: unknown, or not yet.
    `is_adjusted`: something was added.
    """

    number: int
    charger: str
    public_id: str
    zone: str
    started_at: datetime
    ended_at: datetime | None
    took: timedelta | None
    energy_wh: Decimal | None
    is_finalized: bool
    currency: str | None
    amount: Decimal | None
    is_included: bool
    is_adjusted: bool


@dataclass(frozen=True, slots=True)
class Added:
    """An adjustment (by a rule) or a credit (by a person) that appears in the month."""

    id: int
    number: int
    at: datetime
    kind: Literal["adjustment", "credit"]
    currency: str
    amount: Decimal
    reason: str


async def list_sessions(
    conn: Conn, account_id: int, *, zone: str, since: datetime, until: datetime
) -> list[Billed]:
    """The first one first. `zone` is for chargers without a site."""
    return await many(
        conn,
        Billed,
        """
        select s.id as number, coalesce(station.name, station.identity) as charger,
            station.public_id, coalesce(site.zone, $2) as zone, s.started_at, s.ended_at,
            greatest(s.ended_at - s.started_at, interval '0') as took,
            coalesce(live.energy_wh, s.energy_wh) as energy_wh, s.is_finalized,
            price.currency,
            case when late.steps > 0 then told.amount else price.total end as amount,
            coalesce(price.is_included, false) and late.steps = 0 as is_included,
            late.steps > 0 as is_adjusted
        from charging_session s
        join station on station.id = s.station_id
        left join site on site.id = station.site_id
        left join session_live live
            on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
        left join session_price price on price.station_id = s.station_id and price.session_id = s.id
        cross join lateral (
            select count(*) as steps from price_step step
            where step.station_id = s.station_id and step.session_id = s.id
                and kind = 'adjustment'
        ) late
        left join lateral (
            select amount from price_step step
            where step.station_id = s.station_id and step.session_id = s.id
                and kind in ('priced', 'repriced')
            order by id desc limit 1
        ) told on late.steps > 0
        where s.account_id = $1 and s.started_at >= $3 and s.started_at < $4
        order by s.started_at, s.id
        """,
        account_id,
        zone,
        since,
        until,
    )


async def list_added(conn: Conn, account_id: int, month: date) -> list[Added]:
    """`month` is its first day."""
    return await many(
        conn,
        Added,
        """
        select id, session_id as number, at, kind, currency, amount, reason from price_step
        where account_id = $1 and statement_month = $2 and kind in ('adjustment', 'credit')
            and amount is not null
        order by at, id
        """,
        account_id,
        month,
    )

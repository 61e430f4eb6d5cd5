"""
What an account charged, by day.

A session counts whole on the day on which it began, in the operator's zone: so the sum of the days
is the total, and both agree with the statement and with the plan's use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from db.rows import Conn, many


@dataclass(frozen=True, slots=True)
class Day:
    """`unknown` sessions of it have an energy that nobody knows; it is in no sum."""

    day: date
    energy_wh: Decimal
    sessions: int
    unknown: int


async def list_days(
    conn: Conn, account_id: int, *, zone: str, since: datetime, until: datetime
) -> list[Day]:
    """Days on which a session began, the first one first; of one that runs the live energy."""
    return await many(
        conn,
        Day,
        """
        select (s.started_at at time zone $2)::date as day,
            coalesce(sum(coalesce(live.energy_wh, s.energy_wh)), 0) as energy_wh,
            count(*) as sessions,
            count(*) filter (where coalesce(live.energy_wh, s.energy_wh) is null) as unknown
        from charging_session s
        left join session_live live
            on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
        where s.account_id = $1 and s.started_at >= $3 and s.started_at < $4
        group by 1 order by 1
        """,
        account_id,
        zone,
        since,
        until,
    )


async def list_months(conn: Conn, account_id: int, *, zone: str) -> list[date]:
    """First days of the months that have a statement: a session, a credit, an adjustment."""
    records = await conn.fetch(
        """
        select date_trunc('month', started_at at time zone $2)::date as month
        from charging_session where account_id = $1
        union
        select statement_month from price_step
        where account_id = $1 and statement_month is not null
        order by month desc
        """,
        account_id,
        zone,
    )
    return [record["month"] for record in records]

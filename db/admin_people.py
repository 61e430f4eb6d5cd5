"""Drivers as the admin's list shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.rows import Conn, many, one


@dataclass(frozen=True, slots=True)
class DriverRow:
    id: int
    email: str
    name: str | None
    is_active: bool
    created_at: datetime
    plan: str | None
    seen_at: datetime | None
    cards: int
    last_session_at: datetime | None


class Counts(NamedTuple):
    all: int
    active: int
    off: int
    without_card: int  # active, and start from the portal only


async def counts(conn: Conn) -> Counts:
    return await one(
        conn,
        Counts,
        """
        select count(*) as all, count(*) filter (where is_active) as active,
            count(*) filter (where not is_active) as off,
            count(*) filter (
                where is_active and not exists (
                    select from id_token where account_id = account.id and not is_app
                )
            ) as without_card
        from account where role = 'driver'
        """,
    )


async def list_drivers(
    conn: Conn,
    *,
    text: str = "",
    is_active: bool | None = None,
    has_card: bool | None = None,
    after: int | None = None,
    limit: int,
) -> list[DriverRow]:
    """
    By name, or by address where there is none.

    Args:
        text: part of a name or an address.
        after: the account that the page before ended with.
    """
    return await many(
        conn,
        DriverRow,
        """
        select account.id, email, account.name, is_active, created_at, plan.name as plan,
            (select max(seen_at) from web_session w where w.account_id = account.id) as seen_at,
            (
                select count(*) from id_token where account_id = account.id and not is_app
            ) as cards,
            (
                select max(started_at) from charging_session s where s.account_id = account.id
            ) as last_session_at
        from account left join plan on plan.id = account.plan_id
        where role = 'driver'
            and ($1 = '' or strpos(lower(account.name), lower($1)) > 0
                or strpos(lower(email), lower($1)) > 0)
            and ($2::boolean is null or is_active = $2)
            and ($3::boolean is null or $3 = exists (
                select from id_token where account_id = account.id and not is_app
            ))
            and ($4::bigint is null or (lower(coalesce(account.name, email)), account.id) > (
                select lower(coalesce(last.name, last.email)), last.id
                from account last where last.id = $4
            ))
        order by lower(coalesce(account.name, email)), account.id
        limit $5
        """,
        text,
        is_active,
        has_card,
        after,
        limit,
    )


class Totals(NamedTuple):
    sessions: int
    energy_wh: Decimal
    last_at: datetime | None


async def totals(conn: Conn, account_id: int) -> Totals:
    """Of all sessions of the account, those that run among them."""
    return await one(
        conn,
        Totals,
        """
        select count(*) as sessions, max(s.started_at) as last_at,
            coalesce(sum(coalesce(live.energy_wh, s.energy_wh)), 0) as energy_wh
        from charging_session s
        left join session_live live on live.station_id = s.station_id and live.session_id = s.id
        where s.account_id = $1
        """,
        account_id,
    )

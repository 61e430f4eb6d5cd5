"""Plans: what accounts subscribe to; a tariff, and a fee each month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import asyncpg

from db.errors import Conflict
from db.rows import Conn, many, maybe


@dataclass(frozen=True, slots=True)
class Plan:
    """`currency` and `terms` are those of its tariff's newest version."""

    id: int
    name: str
    tariff_id: int
    tariff: str  # its name
    monthly_fee: Decimal
    currency: str
    terms: str
    accounts: int


@dataclass(frozen=True, slots=True)
class Subscriber:
    id: int
    email: str
    name: str | None


_PLAN = """
    select plan.id, plan.name, plan.tariff_id, tariff.name as tariff, monthly_fee, currency,
        terms::text as terms,
        (select count(*) from account where plan_id = plan.id) as accounts
    from plan join tariff on tariff.id = plan.tariff_id
    cross join lateral (
        select currency, terms from tariff_version
        where tariff_id = tariff.id order by version desc limit 1
    ) newest
"""


async def list_all(conn: Conn) -> list[Plan]:
    return await many(conn, Plan, f"{_PLAN} order by lower(plan.name), plan.id")


async def find(conn: Conn, id: int) -> Plan | None:
    return await maybe(conn, Plan, f"{_PLAN} where plan.id = $1", id)


async def find_of(conn: Conn, account_id: int) -> Plan | None:
    """What an account subscribed to."""
    return await maybe(
        conn,
        Plan,
        f"{_PLAN} where plan.id = (select plan_id from account where id = $1)",
        account_id,
    )


async def list_choices(conn: Conn) -> list[tuple[int, str]]:
    """(id, name), for the select field of an account's form."""
    records = await conn.fetch("select id, name from plan order by lower(name), id")
    return [(record["id"], record["name"]) for record in records]


async def list_drivers(conn: Conn, id: int, *, most: int) -> list[Subscriber]:
    """Who has the plan, by name."""
    return await many(
        conn,
        Subscriber,
        """
        select id, email, name from account where plan_id = $1
        order by lower(coalesce(name, email)), id limit $2
        """,
        id,
        most,
    )


async def add(conn: Conn, *, name: str, tariff_id: int, monthly_fee: Decimal) -> int:
    """The id. Raises Conflict when a plan has the name."""
    try:
        async with conn.transaction():
            id_: int = await conn.fetchval(
                "insert into plan (name, tariff_id, monthly_fee) values ($1, $2, $3) returning id",
                name,
                tariff_id,
                monthly_fee,
            )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"there is a plan {name} already") from None
    return id_


async def update(conn: Conn, id: int, *, name: str, tariff_id: int, monthly_fee: Decimal) -> None:
    """Raises Conflict when another plan has the name."""
    try:
        async with conn.transaction():
            await conn.execute(
                "update plan set name = $2, tariff_id = $3, monthly_fee = $4 where id = $1",
                id,
                name,
                tariff_id,
                monthly_fee,
            )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"there is a plan {name} already") from None


async def set_of(conn: Conn, account_id: int, plan_id: int | None) -> None:
    """From now on; sessions that began before keep what was in force."""
    await conn.execute("update account set plan_id = $2 where id = $1", account_id, plan_id)


async def used_wh(conn: Conn, account_id: int, month: date, *, zone: str) -> int:
    """
    The energy of all sessions of an account that began in a month of `zone`, in Wh.

    With what sessions that run have taken by now: what a driver sees as used of an allowance.
    """
    wh: Decimal = await conn.fetchval(
        """
        select coalesce(sum(coalesce(live.energy_wh, session.energy_wh)), 0)
        from charging_session session
        left join session_live live
            on live.station_id = session.station_id and live.session_id = session.id
        where session.account_id = $1
            and session.started_at >= $2::date::timestamp at time zone $3
            and session.started_at < ($2::date + interval '1 month')::timestamp at time zone $3
        """,
        account_id,
        month,
        zone,
    )
    return int(wh)

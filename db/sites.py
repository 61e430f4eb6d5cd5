"""Sites: stations behind one grid connection, with a time zone, a currency and an address."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from db.errors import Conflict
from db.rows import Conn, columns, many, maybe, one


@dataclass(frozen=True, slots=True)
class Site:
    id: int
    name: str
    zone: str  # IANA
    currency: str
    address: str | None
    tariff_id: int | None
    is_members_only: bool  # only its members are offered its chargers


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site, how many chargers stand there, and its tariff's name."""

    id: int
    name: str
    zone: str
    currency: str
    address: str | None
    is_members_only: bool
    tariff: str | None
    chargers: int


@dataclass(frozen=True, slots=True)
class Member:
    id: int  # of the account
    name: str | None
    email: str


SITE = columns(Site)


async def find(conn: Conn, id: int) -> Site | None:
    return await maybe(conn, Site, f"select {SITE} from site where id = $1", id)


async def may_see(conn: Conn, account_id: int, station_id: int) -> bool:
    """Whether the charger's site is for all, or the account is one of its members."""
    found: bool = await conn.fetchval(
        """
        select not exists (
            select from station join site on site.id = site_id
            where station.id = $2 and is_members_only and not exists (
                select from site_member member
                where member.site_id = site.id and member.account_id = $1
            )
        )
        """,
        account_id,
        station_id,
    )
    return found


async def list_all(conn: Conn) -> list[SiteRow]:
    return await many(
        conn,
        SiteRow,
        """
        select id, name, zone, currency, address, is_members_only,
            (select tariff.name from tariff where tariff.id = tariff_id) as tariff,
            (select count(*) from station where station.site_id = site.id) as chargers
        from site order by lower(name), id
        """,
    )


async def add(
    conn: Conn,
    *,
    name: str,
    zone: str,
    currency: str,
    address: str | None,
    tariff_id: int | None = None,
    is_members_only: bool = False,
) -> Site:
    """Raises Conflict when a site has the name."""
    try:
        return await one(
            conn,
            Site,
            f"""
            insert into site (name, zone, currency, address, tariff_id, is_members_only)
            values ($1, $2, $3, $4, $5, $6)
            returning {SITE}
            """,
            name,
            zone,
            currency,
            address,
            tariff_id,
            is_members_only,
        )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"there is a site {name} already") from None


async def update(
    conn: Conn,
    id: int,
    *,
    name: str,
    zone: str,
    currency: str,
    address: str | None,
    tariff_id: int | None,
    is_members_only: bool,
) -> None:
    """Raises Conflict when another site has the name."""
    try:
        await conn.execute(
            """
            update site
            set name = $2, zone = $3, currency = $4, address = $5, tariff_id = $6,
                is_members_only = $7
            where id = $1
            """,
            id,
            name,
            zone,
            currency,
            address,
            tariff_id,
            is_members_only,
        )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"there is a site {name} already") from None


async def list_members(conn: Conn, id: int) -> list[Member]:
    return await many(
        conn,
        Member,
        """
        select account.id, name, email from site_member join account on account.id = account_id
        where site_id = $1 order by lower(coalesce(name, email)), account.id
        """,
        id,
    )


async def add_member(conn: Conn, id: int, account_id: int) -> None:
    """Raises Conflict when the account is one already."""
    done = await conn.execute(
        "insert into site_member (site_id, account_id) values ($1, $2) on conflict do nothing",
        id,
        account_id,
    )
    if not done.endswith(" 1"):
        raise Conflict("the account is a member already")


async def remove_member(conn: Conn, id: int, account_id: int) -> bool:
    done = await conn.execute(
        "delete from site_member where site_id = $1 and account_id = $2", id, account_id
    )
    return done.endswith(" 1")


async def list_station_ids(conn: Conn, id: int) -> list[int]:
    records = await conn.fetch("select id from station where site_id = $1 order by id", id)
    return [record["id"] for record in records]

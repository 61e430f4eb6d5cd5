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


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site, and how many chargers stand there."""

    id: int
    name: str
    zone: str
    currency: str
    address: str | None
    chargers: int


SITE = columns(Site)


async def find(conn: Conn, id: int) -> Site | None:
    return await maybe(conn, Site, f"select {SITE} from site where id = $1", id)


async def list_all(conn: Conn) -> list[SiteRow]:
    return await many(
        conn,
        SiteRow,
        f"""
        select {SITE},
            (select count(*) from station where station.site_id = site.id) as chargers
        from site order by lower(name), id
        """,
    )


async def add(conn: Conn, *, name: str, zone: str, currency: str, address: str | None) -> Site:
    """Raises Conflict when a site has the name."""
    try:
        return await one(
            conn,
            Site,
            f"""
            insert into site (name, zone, currency, address) values ($1, $2, $3, $4)
            returning {SITE}
            """,
            name,
            zone,
            currency,
            address,
        )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"there is a site {name} already") from None


async def update(
    conn: Conn, id: int, *, name: str, zone: str, currency: str, address: str | None
) -> None:
    """Raises Conflict when another site has the name."""
    try:
        await conn.execute(
            "update site set name = $2, zone = $3, currency = $4, address = $5 where id = $1",
            id,
            name,
            zone,
            currency,
            address,
        )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"there is a site {name} already") from None

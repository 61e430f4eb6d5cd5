"""Tariffs and their versions: which there are, and where each is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from db.errors import Conflict
from db.rows import Conn, many, maybe

_LOCK = 5


@dataclass(frozen=True, slots=True)
class Tariff:
    """With its newest version; `terms` is JSON for csms.rules.pricing_terms."""

    id: int
    name: str
    is_default: bool
    created_at: datetime
    retired_at: datetime | None
    version: int
    currency: str
    terms: str


@dataclass(frozen=True, slots=True)
class Version:
    version: int
    currency: str
    terms: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """Where a tariff is used: the names of plans, chargers and sites."""

    plans: list[str]
    stations: list[str]
    sites: list[str]

    @property
    def is_any(self) -> bool:
        return bool(self.plans or self.stations or self.sites)


_TARIFF = """
    select tariff.id, name, is_default, tariff.created_at, retired_at, version, currency,
        terms::text as terms
    from tariff cross join lateral (
        select version, currency, terms from tariff_version
        where tariff_id = tariff.id order by version desc limit 1
    ) newest
"""


async def list_all(conn: Conn) -> list[Tariff]:
    """Those that are in use first, then by name."""
    return await many(
        conn, Tariff, f"{_TARIFF} order by retired_at is not null, lower(name), tariff.id"
    )


async def find(conn: Conn, id: int) -> Tariff | None:
    return await maybe(conn, Tariff, f"{_TARIFF} where tariff.id = $1", id)


async def list_choices(conn: Conn) -> list[tuple[int, str]]:
    """(id, words) of those that a site, a charger or a plan may get, for a select field."""
    records = await conn.fetch(
        "select id, name from tariff where retired_at is null order by lower(name), id"
    )
    return [(record["id"], record["name"]) for record in records]


async def list_versions(conn: Conn, id: int) -> list[Version]:
    """The newest first."""
    return await many(
        conn,
        Version,
        """
        select version, currency, terms::text as terms, created_at from tariff_version
        where tariff_id = $1 order by version desc
        """,
        id,
    )


async def uses(conn: Conn) -> dict[int, Use]:
    """By tariff; one that is used nowhere has none."""
    records = await conn.fetch(
        """
        select tariff_id, 'plans' as kind, name from plan
        union all
        select tariff_id, 'stations', coalesce(name, identity) from station
        where tariff_id is not null
        union all
        select tariff_id, 'sites', name from site where tariff_id is not null
        order by name
        """
    )
    found: dict[int, Use] = {}
    for record in records:
        use = found.setdefault(record["tariff_id"], Use([], [], []))
        getattr(use, record["kind"]).append(record["name"])
    return found


async def add(
    conn: Conn, *, name: str, currency: str, terms: str, created_at: datetime | None = None
) -> int:
    """The id. Raises Conflict when a tariff has the name."""
    try:
        async with conn.transaction():
            id_: int = await conn.fetchval(
                """
                insert into tariff (name, created_at) values ($1, coalesce($2, now()))
                returning id
                """,
                name,
                created_at,
            )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"there is a tariff {name} already") from None
    await _add_version(conn, id_, 1, currency, terms, created_at)
    return id_


async def change(
    conn: Conn, id: int, *, name: str, currency: str, terms: str, seen_version: int
) -> int:
    """
    The version that is now the newest: another one only where the terms are other ones.

    Raises Conflict when a tariff has the name, or somebody changed the terms since `seen_version`.
    """
    try:
        async with conn.transaction():
            await conn.execute("update tariff set name = $2 where id = $1", id, name)
    except asyncpg.UniqueViolationError:
        raise Conflict("name") from None
    newest = (await list_versions(conn, id))[0]
    if newest.version != seen_version:
        raise Conflict("version")
    is_same: bool = await conn.fetchval("select $1::jsonb = $2::jsonb", newest.terms, terms)
    if is_same:
        return newest.version
    await _add_version(conn, id, newest.version + 1, currency, terms, None)
    return newest.version + 1


async def make_default(conn: Conn, id: int) -> None:
    """Instead of the one that is. Who decides about it takes turns."""
    await conn.execute("select pg_advisory_xact_lock($1, 0)", _LOCK)
    await conn.execute("update tariff set is_default = false where is_default and id <> $1", id)
    await conn.execute(
        "update tariff set is_default = true where id = $1 and retired_at is null", id
    )


async def retire(conn: Conn, id: int) -> bool:
    """False, and nothing done, while it is used somewhere."""
    done: str = await conn.execute(
        """
        update tariff set retired_at = now()
        where id = $1 and retired_at is null and not is_default
            and not exists (select from plan where tariff_id = $1)
            and not exists (select from station where tariff_id = $1)
            and not exists (select from site where tariff_id = $1)
        """,
        id,
    )
    return done.endswith(" 1")


async def _add_version(
    conn: Conn, id: int, version: int, currency: str, terms: str, created_at: datetime | None
) -> None:
    try:
        await conn.execute(
            """
            insert into tariff_version (tariff_id, version, currency, terms, created_at)
            values ($1, $2, $3, $4, coalesce($5, now()))
            """,
            id,
            version,
            currency,
            terms,
            created_at,
        )
    except asyncpg.UniqueViolationError:
        raise Conflict("version") from None  # somebody else was quicker

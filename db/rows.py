"""Rows to frozen dataclasses: the whole mapper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from typing import Any, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from db.errors import NotFound

# As texts: asyncpg's classes are generic for the type checker only.
Conn: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Row = TypeVar("Row")


@cache
def columns(kind: type, prefix: str = "") -> str:
    """The columns a dataclass needs; never `*`, which a new column would break."""
    names = getattr(kind, "_fields", None) or [field.name for field in fields(kind)]
    return ", ".join(prefix + name for name in names)


def typed(kind: type[Row], records: Iterable[asyncpg.Record]) -> list[Row]:
    return [kind(**record) for record in records]


async def maybe(conn: Conn, kind: type[Row], sql: str, *args: Any) -> Row | None:
    record = await conn.fetchrow(sql, *args)
    return None if record is None else kind(**record)


async def one(conn: Conn, kind: type[Row], sql: str, *args: Any) -> Row:
    """Raises NotFound when there is no such row."""
    row = await maybe(conn, kind, sql, *args)
    if row is None:
        raise NotFound(f"no such {kind.__name__.lower()}")
    return row


async def many(conn: Conn, kind: type[Row], sql: str, *args: Any) -> list[Row]:
    return typed(kind, await conn.fetch(sql, *args))

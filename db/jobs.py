"""Background work: rows taken by whoever comes first when their time has come."""

from __future__ import annotations

from datetime import timedelta

from db.rows import Conn


async def add(conn: Conn, name: str) -> None:
    await conn.execute(
        "insert into job (name, next_at) values ($1, now()) on conflict do nothing", name
    )


async def take(conn: Conn, names: list[str]) -> str | None:
    """A job whose time has come, locked until the caller's transaction ends."""
    name: str | None = await conn.fetchval(
        """
        select name from job
        where name = any($1) and next_at <= now()
        order by next_at
        limit 1
        for update skip locked
        """,
        names,
    )
    return name


async def record_run(
    conn: Conn, name: str, *, again_after: timedelta, took_ms: int, error: str | None
) -> None:
    await conn.execute(
        """
        update job set next_at = now() + $2, ran_at = now(), took_ms = $3, error = $4
        where name = $1
        """,
        name,
        again_after,
        took_ms,
        error,
    )

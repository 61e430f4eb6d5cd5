"""Who tried to connect, and how it went: for people, kept for 30 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from db.rows import Conn, columns, many

_LATEST = 500


@dataclass(frozen=True, slots=True)
class Attempt:
    at: datetime
    remote_address: str | None
    offered: str | None
    http_status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """
    What somebody tried again and again who named no charger that we know.

    `identity` is what they called themselves, `path` what they asked for; neither is there when the
    try ended before they could say it.
    """

    identity: str | None
    path: str
    remote_address: str | None
    reason: str
    times: int
    first_at: datetime
    last_at: datetime


class Tried(NamedTuple):
    """`http_status`: 101 when it got as far as a WebSocket, 0 when no further than TLS."""

    at: datetime
    http_status: int
    reason: str
    identity: str | None = None
    station_id: int | None = None
    remote_address: str | None = None
    path: str = ""
    offered: str | None = None
    user_agent: str | None = None


TRIED = ", ".join(Tried._fields)


async def record(conn: Conn, tried: Tried) -> None:
    await conn.execute(
        f"insert into connection_attempt ({TRIED}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *tried,
    )


async def list_of_station(conn: Conn, identity: str, *, limit: int) -> list[Attempt]:
    """Those that named it, also from before it was added; the latest first."""
    return await many(
        conn,
        Attempt,
        f"""
        select {columns(Attempt)} from connection_attempt where identity = $1
        order by at desc limit $2
        """,
        identity,
        limit,
    )


async def list_of_strangers(conn: Conn, *, limit: int) -> list[Stranger]:
    """Of the latest attempts that no charger's page shows; who tried last comes first."""
    return await many(
        conn,
        Stranger,
        f"""
        select identity, path, remote_address, reason, count(*) as times,
            min(at) as first_at, max(at) as last_at
        from (
            select * from connection_attempt attempt
            where station_id is null
                and not exists (select from station where station.identity = attempt.identity)
            order by at desc limit {_LATEST}
        ) latest
        group by identity, path, remote_address, reason
        order by last_at desc, reason limit $1
        """,
        limit,
    )

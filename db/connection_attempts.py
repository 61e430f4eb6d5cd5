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


async def record(
    conn: Conn,
    *,
    at: datetime,
    identity: str | None,
    station_id: int | None,
    remote_address: str | None,
    path: str,
    offered: str | None,
    user_agent: str | None,
    http_status: int,
    reason: str,
) -> None:
    await conn.execute(
        """
        insert into connection_attempt
            (at, identity, station_id, remote_address, path, offered, user_agent, http_status,
                reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        at,
        identity,
        station_id,
        remote_address,
        path,
        offered,
        user_agent,
        http_status,
        reason,
    )


class Before(NamedTuple):
    """What a station did before it comes in: where it is now, how often it came."""

    held_from: str | None
    let_in: int  # at most 1,000


async def before(conn: Conn, station_id: int, identity: str, *, since: datetime) -> Before:
    row = await conn.fetchrow(
        """
        select (select remote_address from link where station_id = $1),
            (select count(*) from (
                select from connection_attempt
                where identity = $2 and at > $3 and http_status = 101
                limit 1000
            ) let_in)
        """,
        station_id,
        identity,
        since,
    )
    assert row is not None
    return Before(*row)


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

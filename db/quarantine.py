"""What a charger said of a session and nobody could read as it stands: for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.rows import Conn, many


@dataclass(frozen=True, slots=True)
class Kept:
    """`body` is the frame, byte for byte; `session` the number that was made of it, if any."""

    id: int
    station_id: int
    identity: str
    charger: str
    zone: str
    received_at: datetime
    action: str
    problem: str
    body: bytes
    session: int | None
    looked_at: datetime | None


async def list_page(conn: Conn, *, zone: str, is_looked_at: bool, limit: int) -> list[Kept]:
    """The newest first: those that wait, or those that somebody has looked at."""
    return await many(
        conn,
        Kept,
        f"""
        select kept.id, station_id, identity, coalesce(station.name, identity) as charger,
            coalesce(site.zone, $1) as zone, received_at, action, problem, body,
            session_id as session, looked_at
        from (
            select * from quarantine
            where looked_at is {"not" if is_looked_at else ""} null
            order by received_at desc, id desc limit $2
        ) kept
        join station on station.id = station_id
        left join site on site.id = site_id
        order by received_at desc, kept.id desc
        """,
        zone,
        limit,
    )


async def count_open(conn: Conn) -> int:
    count: int = await conn.fetchval("select count(*) from quarantine where looked_at is null")
    return count


async def set_looked_at(conn: Conn, station_id: int, id: int, now: datetime) -> bool:
    """False when there is no such one, or somebody was faster."""
    done = await conn.execute(
        """
        update quarantine set looked_at = $3
        where station_id = $1 and id = $2 and looked_at is null
        """,
        station_id,
        id,
        now,
    )
    return done.endswith(" 1")

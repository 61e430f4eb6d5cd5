"""A person's wish that a session ends whose charger never said so: asked here, done by csms."""

from __future__ import annotations

from db.rows import Conn


async def ask(conn: Conn, station_id: int, session_id: int, *, by: int, reason: str) -> bool:
    """False when it is over already. Asked again, the first wish and its reason stand."""
    done = await conn.execute(
        """
        update charging_session
        set close_asked_at = coalesce(close_asked_at, now()),
            close_asked_by = coalesce(close_asked_by, $3), close_reason = coalesce(close_reason, $4)
        where station_id = $1 and id = $2 and not is_finalized
        """,
        station_id,
        session_id,
        by,
        reason,
    )
    return done == "UPDATE 1"


async def list_asked(conn: Conn, limit: int) -> list[tuple[int, int]]:
    """(station, session) of those that wait for it; in no order, so that none blocks the others."""
    records = await conn.fetch(
        """
        select station_id, id from charging_session
        where close_asked_at is not null and not is_finalized
        order by random()
        limit $1
        """,
        limit,
    )
    return [(record["station_id"], record["id"]) for record in records]

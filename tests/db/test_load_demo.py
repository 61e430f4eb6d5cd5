"""The load that shows how pages fare: at its usual size, of which only the end is made here."""

from __future__ import annotations

from datetime import UTC, datetime

from db import load_demo
from db.load_demo import SESSIONS
from db.rows import Pool


async def test_the_last_session_of_the_usual_size_can_be_made(pool: Pool) -> None:
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        await load_demo.prepare(conn, now)

        await load_demo.add_sessions(
            conn, SESSIONS - 40, SESSIONS, sessions=SESSIONS, readings_each=3, now=now
        )

        assert await conn.fetchval("select count(*) from charging_session") == 40
        assert await conn.fetchval("select count(*) from reading") == 120
        strays = "select count(*) from charging_session where account_id is null"
        assert await conn.fetchval(strays) == 2
        assert await conn.fetchval("select max(started_at) < $1 from charging_session", now)

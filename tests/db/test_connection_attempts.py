"""Who tried to connect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from db import connection_attempts
from db.rows import Pool
from tests.portal.build import NOON, station

TLS: dict[str, Any] = {
    "identity": None,
    "station_id": None,
    "remote_address": "192.0.2.7",
    "path": "",
    "offered": None,
    "user_agent": None,
    "http_status": 0,
    "reason": "no cipher suite in common",
}


async def test_an_attempt_of_nobody_known_is_recorded(pool: Pool) -> None:
    attempt = TLS | {"at": NOON, "path": "/", "remote_address": "::1", "http_status": 404}
    async with pool.acquire() as conn:
        await connection_attempts.record(conn, **attempt)

    row = await pool.fetchrow("select * from connection_attempt")
    assert row is not None
    assert {name: value for name, value in row.items() if name != "id"} == attempt


async def test_strangers_are_listed_once_for_each_thing_that_they_try(pool: Pool) -> None:
    async with pool.acquire() as conn:
        known = await station(conn, "CP-1")
        tries = [
            TLS,
            TLS,
            TLS | {"remote_address": "192.0.2.8"},
            TLS | {"identity": "CP-9", "http_status": 404, "path": "/ocpp/CP-9"},
            TLS | {"identity": "CP-1", "station_id": known.id, "http_status": 401},
            # Refused before it was looked for: its own page shows it.
            TLS | {"identity": "CP-1", "http_status": 503},
        ]
        for minute, attempt in enumerate(tries):
            at = NOON + timedelta(minutes=minute)
            await connection_attempts.record(conn, at=at, **attempt)

        found = await connection_attempts.list_of_strangers(conn, limit=20)
        latest = await connection_attempts.list_of_strangers(conn, limit=1)

    assert [(each.identity, each.remote_address, each.times) for each in found] == [
        ("CP-9", "192.0.2.7", 1),
        (None, "192.0.2.8", 1),
        (None, "192.0.2.7", 2),
    ]
    assert (found[2].first_at, found[2].last_at) == (NOON, NOON + timedelta(minutes=1))
    assert latest == found[:1]

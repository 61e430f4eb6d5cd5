"""Who tried to connect."""

from __future__ import annotations

from datetime import timedelta

from db import connection_attempts
from db.connection_attempts import Tried
from db.rows import Pool
from tests.portal.build import NOON, station

TLS = Tried(NOON, 0, "no cipher suite in common", remote_address="192.0.2.7")


async def test_an_attempt_of_nobody_known_is_recorded(pool: Pool) -> None:
    tried = TLS._replace(path="/", offered="ocpp1.5", user_agent="a box", http_status=404)
    async with pool.acquire() as conn:
        await connection_attempts.record(conn, tried)

    row = await pool.fetchrow("select * from connection_attempt")
    assert row is not None
    assert {name: value for name, value in row.items() if name != "id"} == (
        tried._asdict() | {"is_takeover": False}
    )


async def test_strangers_are_listed_once_for_each_thing_that_they_try(pool: Pool) -> None:
    async with pool.acquire() as conn:
        known = await station(conn, "CP-1")
        tries = [
            TLS,
            TLS,
            TLS._replace(remote_address="192.0.2.8"),
            TLS._replace(identity="CP-9", http_status=404, path="/ocpp/CP-9"),
            TLS._replace(identity="CP-1", http_status=401, station_id=known.id),
            # Refused before it was looked for: its own page shows it.
            TLS._replace(identity="CP-1", http_status=503),
        ]
        for minute, tried in enumerate(tries):
            at = NOON + timedelta(minutes=minute)
            await connection_attempts.record(conn, tried._replace(at=at))

        found = await connection_attempts.list_of_strangers(conn, limit=20)
        latest = await connection_attempts.list_of_strangers(conn, limit=1)

    assert [(each.identity, each.remote_address, each.times) for each in found] == [
        ("CP-9", "192.0.2.7", 1),
        (None, "192.0.2.8", 1),
        (None, "192.0.2.7", 2),
    ]
    assert (found[2].first_at, found[2].last_at) == (NOON, NOON + timedelta(minutes=1))
    assert latest == found[:1]

"""What a BootNotification does, in any version."""

from __future__ import annotations

import random

from csms import charging
from csms.ocpp.handling import Call
from csms.rules.sessions import CHARGER_REPLACED
from db import changes, sessions, stations
from db.model.stations import Registration
from db.rows import Conn

_RETRY_S = 60
_JITTER = 0.15  # so that a fleet that boots together does not beat together


async def boot(
    call: Call,
    conn: Conn,
    *,
    vendor: str | None,
    model: str | None,
    serial_number: str | None,
    firmware: str | None,
) -> tuple[Registration, int]:
    """
    Record a boot: (registration, seconds to the next heartbeat, or to the next try).

    A running session is not ended merely because of a boot (digest 7.6); but a box that was
    exchanged will never end it (reliability C18).
    """
    before = await stations.get(conn, call.station.identity)
    if serial_number and before.serial_number and serial_number != before.serial_number:
        await sessions.lock_station(conn, before.id)
        for session in await sessions.list_open(conn, before.id):
            await charging.end_by_rule(
                conn, call.topics, session, now=call.received_at, flag=CHARGER_REPLACED
            )
    # Last, as in ingest: who holds a station's row waits for nothing more.
    await stations.record_boot(
        conn,
        before.id,
        vendor=vendor,
        model=model,
        serial_number=serial_number,
        firmware=firmware,
        booted_at=call.received_at,
    )
    call.topics.add(changes.topic("station", before.id))
    interval_s = call.config.heartbeat_interval_s if before.registration == "Accepted" else _RETRY_S
    spread = random.uniform(1 - _JITTER, 1 + _JITTER)
    return before.registration, max(1, round(interval_s * spread))

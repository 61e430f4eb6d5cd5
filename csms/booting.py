"""What a BootNotification does, in any version."""

from __future__ import annotations

import random

import structlog

from csms import charging
from csms.ocpp.handling import Call
from csms.rules.sessions import CHARGER_REPLACED
from db import changes, connection_attempts, links, sessions, stations
from db.connection_attempts import Tried
from db.model.stations import Registration
from db.rows import Conn

log = structlog.get_logger()

_RETRY_S = 60
_CLOSE = 1008, "the serial number is not that of the certificate"
_LET_IN = 101
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
    exchanged will never end it (reliability C18). A boot that contradicts the certificate of its
    link changes nothing, and the link is closed.
    """
    before = await stations.get(conn, call.station.identity)
    if _contradicts(call, serial_number):
        await _turn_away(call, conn, serial_number)
        return "Rejected", _spread(_RETRY_S)
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
    return before.registration, _spread(interval_s)


def _contradicts(call: Call, serial_number: str | None) -> bool:
    """Who says another serial number than its certificate is another box (B01.FR.11, .12; T05)."""
    name = call.certificate_name
    # One that is made out to the identity says nothing of the box (digest 9.76).
    return name is not None and name != call.station.identity and serial_number not in (None, name)


async def _turn_away(call: Call, conn: Conn, serial_number: str | None) -> None:
    why = (
        f"closed: it says that its serial number is {serial_number}, and showed the certificate"
        f" of {call.certificate_name}: a copied certificate, or a part that was exchanged?"
    )
    held = await links.find(conn, call.station.id)
    tried = Tried(
        call.received_at,
        _LET_IN,
        why,
        identity=call.station.identity,
        station_id=call.station.id,
        remote_address=held.remote_address if held else None,
    )
    await connection_attempts.record(conn, tried)
    call.topics.add(changes.topic("station", call.station.id))
    call.end = _CLOSE
    log.warning("station.contradicts_certificate", station=call.station.identity, why=why)


def _spread(interval_s: int) -> int:
    return max(1, round(interval_s * random.uniform(1 - _JITTER, 1 + _JITTER)))

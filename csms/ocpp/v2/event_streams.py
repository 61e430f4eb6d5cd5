"""Periodic event streams of 2.1 (N11 to N15): opened, closed, and their values."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog

from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer, text
from csms.ocpp.v2.words import status_info
from csms.say import Payload
from db import event_streams
from db.rows import Conn

log = structlog.get_logger()

_VALUE_CHARACTERS = 2_500
_MOST_OFFSET_S = 10 * 366 * 86_400  # further from its frame no value is meant


async def open_stream(call: Call, conn: Conn) -> Payload:
    """
    The same once more is the same; another one of its number ends the one before.

    Rejected, a station says the same by NotifyEvent (N11).
    """
    said = call.payload["constantStreamData"]
    params = said["params"]
    number, monitor = integer(said["id"]), integer(said["variableMonitoringId"])
    interval_s, count = integer(params.get("interval")), integer(params.get("values"))
    if number is None or monitor is None:
        return _rejected("ValueTooHigh", "its numbers do not fit 64 bits")
    known = await event_streams.find_open(conn, call.station.id, number)
    if known is not None:
        if (known.monitor, known.interval_s, known.value_count) == (monitor, interval_s, count):
            return {"status": "Accepted"}
        await event_streams.close(
            conn, station_id=call.station.id, number=number, at=call.received_at
        )
    elif await event_streams.count_open(conn, call.station.id) >= event_streams.MOST_OPEN:
        return _rejected("TooManyElements", f"{event_streams.MOST_OPEN} streams are open")
    await event_streams.open_stream(
        conn,
        station_id=call.station.id,
        number=number,
        monitor=monitor,
        interval_s=interval_s,
        value_count=count,
        at=call.received_at,
    )
    return {"status": "Accepted"}


async def close_stream(call: Call, conn: Conn) -> Payload:
    number = integer(call.payload["id"])
    if number is not None:
        await event_streams.close(
            conn, station_id=call.station.id, number=number, at=call.received_at
        )
    return {}


async def notify(call: Call, conn: Conn) -> Payload:
    """Values of a stream that was not opened are only logged (digest 9.87)."""
    number = integer(call.payload["id"])
    stream = None
    if number is not None:
        stream = await event_streams.find_open(conn, call.station.id, number)
    if stream is None:
        log.info("stream.not_open", station=call.station.identity, number=number)
        return {}
    base, _ = call.when(call.payload["basetime"])
    await event_streams.add_values(
        conn,
        station_id=call.station.id,
        stream_id=stream.id,
        received_at=call.received_at,
        pending=integer(call.get("pending")),
        values=[
            (_at(base, element["t"]), text(element["v"], _VALUE_CHARACTERS) or "")
            for element in call.payload["data"]
        ],
    )
    return {}


def _at(base: datetime, offset_s: Any) -> datetime:
    """Seconds after the frame's time; an absurd number is none."""
    return base + timedelta(seconds=offset_s) if abs(offset_s) <= _MOST_OFFSET_S else base


def _rejected(reason_code: str, why: str) -> Payload:
    return {"status": "Rejected", "statusInfo": status_info(reason_code, why)}

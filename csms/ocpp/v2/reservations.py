"""ReservationStatusUpdate: a station let a reservation go."""

from __future__ import annotations

from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer
from csms.ocpp.v2.stating import record, statement
from csms.say import Payload
from db import changes, reservations
from db.reservations import Status
from db.rows import Conn

# Ours for the station's word: it ran out, or nobody came; or something took it away.
_FOLLOWS: dict[str, tuple[str, Status]] = {
    "Expired": ("expired", "completed"),
    "NoTransaction": ("no_transaction", "completed"),
    "Removed": ("removed", "cancelled"),
}


async def reservation_status_update(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 H04. A number that is not ours is a fact like any other (reliability D-P53)."""
    said = clean(call.payload)
    number = integer(said.get("reservationId"))
    state, status = _FOLLOWS[said["reservationUpdateStatus"]]
    await record(call, conn, statement(call, "reservation", said.get("reservationId"), state, {}))
    if number is not None and await reservations.end(
        conn, number, station_id=call.station.id, status=status, now=call.received_at
    ):
        call.topics.add(changes.topic("station", call.station.id))
    return {}

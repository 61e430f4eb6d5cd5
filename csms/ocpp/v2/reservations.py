"""ReservationStatusUpdate: a station let a reservation go."""

from __future__ import annotations

from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer
from csms.ocpp.v2.stating import record, statement
from csms.say import Payload
from db import changes, notices, reservations
from db.reservations import Status
from db.rows import Conn

# Ours for the station's word: it ran out, or nobody came; or something took it away.
_FOLLOWS: dict[str, tuple[str, Status]] = {
    "Expired": ("expired", "completed"),
    "NoTransaction": ("no_transaction", "completed"),
    "Removed": ("removed", "cancelled"),
}

_RAN_OUT = "Your reservation ran out", "nobody began to charge in time."
# What its driver reads: title, and the end of a sentence.
_TOLD = {
    "expired": _RAN_OUT,
    "no_transaction": _RAN_OUT,
    "removed": ("Your reservation is gone", "the charger does not hold it for you any more."),
}


async def reservation_status_update(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 H04. A number that is not ours is a fact like any other (reliability D-P53)."""
    said = clean(call.payload)
    number = integer(said.get("reservationId"))
    state, status = _FOLLOWS[said["reservationUpdateStatus"]]
    await record(call, conn, statement(call, "reservation", said.get("reservationId"), state, {}))
    if number is None:
        return {}
    ended = await reservations.end(
        conn, number, station_id=call.station.id, status=status, now=call.received_at
    )
    if ended is not None:
        title, why = _TOLD[state]
        where = ended.charger if ended.evse is None else f"{ended.charger}, connector {ended.evse}"
        body = f"{where}: {why}"
        await notices.add(
            conn, ended.account_id, "reservation.ended", title=title, body=body, path="/"
        )
        call.topics |= {
            changes.topic("station", call.station.id),
            notices.topic(ended.account_id),
        }
    return {}

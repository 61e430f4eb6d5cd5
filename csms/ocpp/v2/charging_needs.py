"""NotifyEVChargingNeeds, NotifyEVChargingSchedule (K15 to K17): kept with their session."""

from __future__ import annotations

from typing import Any

import msgspec

from csms.errors import OcppError
from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer, text
from csms.ocpp.v2 import words
from csms.say import Payload
from db import charging_needs
from db.rows import Conn

# Where a vehicle says how much it wants, by the kind of its charging.
_ENERGY = (
    ("acChargingParameters", "energyAmount"),
    ("dcChargingParameters", "energyAmount"),
    ("v2xChargingParameters", "evTargetEnergyRequest"),
)
_NO_SCHEDULES = "no charging schedules are made here yet"


async def notify_needs(call: Call, conn: Conn) -> Payload:
    """
    Nobody here makes a schedule: 2.1 has a word for that, which lets the vehicle charge on.

    In 2.1 a Rejected would end the transaction of a vehicle that can also give (Q01).
    """
    answer: Payload = {"status": "NoChargingProfile"}
    if call.version == "2.0.1":
        answer["status"] = "Rejected"
    answer["statusInfo"] = words.status_info("NotEnabled", _NO_SCHEDULES)
    needs = call.payload["chargingNeeds"]
    await charging_needs.add(
        conn,
        station_id=call.station.id,
        received_at=call.received_at,
        kind="needs",
        evse=_evse(call),
        at=call.when(call.get("timestamp"))[0],
        energy_transfer=text(needs.get("requestedEnergyTransfer"), 50),
        energy_wh=_energy_wh(needs),
        departure_at=call.moment(needs.get("departureTime")),
        payload=msgspec.json.encode(call.payload),
        answered=answer["status"],
    )
    return answer


async def notify_schedule(call: Call, conn: Conn) -> Payload:
    await charging_needs.add(
        conn,
        station_id=call.station.id,
        received_at=call.received_at,
        kind="schedule",
        evse=_evse(call),
        at=call.when(call.get("timeBase"))[0],
        payload=msgspec.json.encode(call.payload),
        answered="Accepted",
    )
    return {"status": "Accepted"}


def _evse(call: Call) -> int:
    """A vehicle stands at one (reliability D-P44). Raises OcppError."""
    evse = words.number_of(call.get("evseId"))
    if evse is None:
        raise OcppError("PropertyConstraintViolation", "evseId: there is no such EVSE")
    return evse


def _energy_wh(needs: dict[str, Any]) -> int | None:
    for kind, name in _ENERGY:
        said = needs.get(kind)
        if isinstance(said, dict) and (energy_wh := integer(said.get(name))) is not None:
            return energy_wh
    return None

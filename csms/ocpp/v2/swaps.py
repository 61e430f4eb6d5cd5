"""OCPP 2.1: batteries that are swapped, and payments that a terminal settled."""

from __future__ import annotations

from typing import Any

from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.v2 import words
from csms.ocpp.v2.stating import moment, objects, record, statement
from csms.say import Payload
from db.rows import Conn

_SWAPS = {"BatteryIn": "in", "BatteryOut": "out", "BatteryOutTimeout": "out_timeout"}


async def battery_swap(call: Call, conn: Conn) -> Payload:
    """S01 to S03: in and out are one swap by their number; the slot is an EVSE."""
    said = clean(call.payload)
    uid, kind = words.id_token_of(said.get("idToken")) or (None, None)
    facts: dict[str, Any] = {
        "request_id": said.get("requestId"),
        "id_token": uid,
        "id_token_type": kind,
        "batteries": [
            {
                "evse": battery.get("evseId"),
                "serial_number": battery.get("serialNumber"),
                "soc_pct": battery.get("soC"),
                "soh_pct": battery.get("soH"),
                "produced_at": moment(battery.get("productionDate")),
                "vendor_info": battery.get("vendorInfo"),
            }
            for battery in objects(said.get("batteryData"))
        ],
    }
    state = _SWAPS.get(str(said.get("eventType")), "unknown")
    await record(call, conn, statement(call, "battery_swap", said.get("requestId"), state, facts))
    return {}


async def notify_settlement(call: Call, conn: Conn) -> Payload:
    """C21 to C23: matched by the payment provider's reference; we make no receipt."""
    said = clean(call.payload)
    facts = {
        "psp_ref": said.get("pspRef"),
        "amount": said.get("settlementAmount"),
        "reason": said.get("statusInfo"),
        "receipt_id": said.get("receiptId"),
        "receipt_url": said.get("receiptUrl"),
        "vat_number": said.get("vatNumber"),
        "vat_company": said.get("vatCompany"),
    }
    await record(
        call,
        conn,
        statement(
            call,
            "settlement",
            said.get("pspRef"),
            str(said.get("status", "unknown")).lower(),
            facts,
            said_at=said.get("settlementTime"),
            transaction_id=said.get("transactionId"),
        ),
    )
    return {}

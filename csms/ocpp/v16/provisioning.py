"""BootNotification, Heartbeat, StatusNotification, DataTransfer."""

from __future__ import annotations

from csms import booting
from csms.errors import OcppError
from csms.items import Item
from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer, text
from csms.ocpp.v16 import words
from csms.rules import clocks
from csms.say import Payload
from db.rows import Conn
from db.stations import StatusReport


async def boot_notification(call: Call, conn: Conn) -> Payload:
    registration, interval_s = await booting.boot(
        call,
        conn,
        vendor=text(call.get("chargePointVendor"), 255),
        model=text(call.get("chargePointModel"), 255),
        serial_number=text(call.get("chargePointSerialNumber"), 255)
        or text(call.get("chargeBoxSerialNumber"), 255),
        firmware=text(call.get("firmwareVersion"), 255),
    )
    return {
        "status": registration,
        "currentTime": clocks.wire(call.received_at),
        "interval": interval_s,
    }


def heartbeat(call: Call) -> Payload:
    return {"currentTime": clocks.wire(call.received_at)}


def status_notification(call: Call) -> tuple[Item, Payload]:
    connector_id = integer(call.get("connectorId"))
    if connector_id is None or not 0 <= connector_id <= words.MOST_CONNECTORS:
        raise OcppError("PropertyConstraintViolation", "connectorId: there is no such connector")
    reported = call.payload["status"]
    error = call.payload["errorCode"]
    details = [text(call.get(key), 255) for key in ("vendorErrorCode", "info")]
    faults = [error] if error != "NoError" else []
    # Old or missing times lose against the time of receipt (digest 2.3).
    at, _ = call.when(call.get("timestamp"))
    item = Item(call.station.id, "v16", call.received_at)
    report = StatusReport(
        call.station.id,
        connector_id or None,
        1 if connector_id else None,
        words.STATUS[reported],
        reported,
        ": ".join([*faults, *(detail for detail in details if detail)]) if faults else None,
        at,
        call.received_at,
    )
    item.statuses = (report,)
    return item, {}


def data_transfer(_call: Call) -> Payload:
    """No vendor's messages are known yet: never a CALLERROR (digest 9.83)."""
    return {"status": "UnknownVendorId"}

"""BootNotification, Heartbeat, StatusNotification, Authorize, DataTransfer."""

from __future__ import annotations

from csms import booting, cards
from csms.errors import OcppError
from csms.items import Item
from csms.ocpp.handling import Call
from csms.ocpp.salvage import text
from csms.ocpp.v2 import words
from csms.rules import clocks
from csms.say import Payload
from db.rows import Conn


async def boot_notification(call: Call, conn: Conn) -> Payload:
    box = call.payload["chargingStation"]
    registration, interval_s = await booting.boot(
        call,
        conn,
        vendor=text(box.get("vendorName"), 255),
        model=text(box.get("model"), 255),
        serial_number=text(box.get("serialNumber"), 255),
        firmware=text(box.get("firmwareVersion"), 255),
    )
    return {
        "status": registration,
        "currentTime": clocks.wire(call.received_at),
        "interval": interval_s,
    }


def heartbeat(call: Call) -> Payload:
    return {"currentTime": clocks.wire(call.received_at)}


def status_notification(call: Call) -> tuple[Item, Payload]:
    at, _ = call.when(call.get("timestamp"))
    status = call.payload["connectorStatus"]
    for key in ("evseId", "connectorId"):
        if not 0 <= call.payload[key] <= words.MOST_NUMBER:
            raise OcppError("PropertyConstraintViolation", f"{key}: there is none of this number")
    evse = words.number_of(call.get("evseId"))
    connector = words.number_of(call.get("connectorId"))
    item = Item(call.station.id, "v2", call.received_at)
    connector = (connector or 1) if evse else None
    item.statuses = (
        words.status_report(call.station.id, evse, connector, status, at, call.received_at),
    )
    return item, {}


async def authorize(call: Call, conn: Conn) -> Payload:
    """Never ConcurrentTx here: the driver may be about to stop (digest 4.1)."""
    presented = words.id_token_of(call.get("idToken")) or ("", "Central")
    decision, _ = await cards.judge(
        conn,
        master_pass_group=call.config.master_pass_group,
        station_id=call.station.id,
        uid=presented[0],
        type=presented[1],
        purpose="authorize",
        at=call.received_at,
    )
    info = words.id_token_info(decision, call.received_at)
    answer: Payload = {"idTokenInfo": info}
    if call.get("certificate") or call.get("iso15118CertificateHashData"):
        # A contract that nobody here can verify is not accepted (C07.FR.13 to 17).
        info["status"] = "Invalid"
        answer["certificateStatus"] = "CertChainError"
    return answer


def data_transfer(_call: Call) -> Payload:
    """No vendor's messages are known yet: never a CALLERROR (digest 9.83)."""
    return {"status": "UnknownVendorId"}

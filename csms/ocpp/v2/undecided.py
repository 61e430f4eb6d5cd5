"""
Questions whose answer is a decision that nobody here takes yet: kept, and answered with a no.

Each no is the one that the standard has for it, and says why (digest 4.6, 1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec

from csms.masking import masked
from csms.ocpp.handling import Call, Rare
from csms.ocpp.v2.words import status_info
from csms.rules import clocks
from csms.say import Payload
from db import station_requests
from db.rows import Conn

_ASK_AGAIN_AFTER = timedelta(days=1)
_NOT_HERE = "UnsupportedRequest"


def answered(no: Callable[[Call], Payload]) -> Rare:
    """A handler that keeps the question with the answer that `no` gives."""

    async def run(call: Call, conn: Conn) -> Payload:
        answer = no(call)
        await station_requests.add(
            conn,
            station_id=call.station.id,
            received_at=call.received_at,
            action=call.action,
            payload=masked(msgspec.json.encode(call.payload)),
            answer=msgspec.json.encode(answer),
        )
        return answer

    return Rare(run)


def get_15118_ev_certificate(_call: Call) -> Payload:
    """M01, M02: there is no pool of contract certificates to ask."""
    return {
        "status": "Failed",
        "exiResponse": "",
        "statusInfo": status_info(_NOT_HERE, "no contract certificates are kept here"),
    }


def get_certificate_status(_call: Call) -> Payload:
    """M06: an address that a charger names is not one that we ask."""
    info = status_info(_NOT_HERE, "certificates are not checked here yet")
    return {"status": "Failed", "statusInfo": info}


def get_certificate_chain_status(call: Call) -> Payload:
    """M07: of each certificate, that its status could not be had."""
    next_update = clocks.wire(call.received_at + _ASK_AGAIN_AFTER)
    return {
        "certificateStatus": [
            {
                "certificateHashData": asked["certificateHashData"],
                "source": asked["source"],
                "status": "Failed",
                "nextUpdate": next_update,
            }
            for asked in call.payload["certificateStatusRequests"]
        ]
    }


def vat_number_validation(call: Call) -> Payload:
    """C18: its own words back, as it must be, and no company."""
    answer: Payload = {
        "vatNumber": call.payload["vatNumber"],
        "status": "Rejected",
        "statusInfo": status_info(_NOT_HERE, "VAT numbers are not checked here yet"),
    }
    if "evseId" in call.payload:
        answer["evseId"] = call.payload["evseId"]
    return answer


def pull_dynamic_schedule_update(_call: Call) -> Payload:
    """K28: no dynamic profile was given out."""
    info = status_info("InvalidProfileId", "no such dynamic profile was given out here")
    return {"status": "Rejected", "statusInfo": info}

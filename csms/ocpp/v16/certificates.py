"""SignCertificate of the security extension."""

from __future__ import annotations

from csms import certificate_requests
from csms.ocpp.handling import Call
from csms.rules.certificate_requests import FOR_THE_STATION
from csms.say import Payload
from db.rows import Conn


async def sign_certificate(call: Call, conn: Conn) -> Payload:
    """Rejected while nobody here signs; 1.6 has no words for why."""
    await certificate_requests.judge(
        conn,
        call.topics,
        station=call.station,
        at=call.received_at,
        csr=call.payload["csr"],
        kind=FOR_THE_STATION,
        request_id=None,
        organization=call.config.certificate_organization,
    )
    return {"status": "Rejected"}

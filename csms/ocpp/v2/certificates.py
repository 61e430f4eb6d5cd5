"""SignCertificate (A02, A03)."""

from __future__ import annotations

from csms import certificate_requests
from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer, text
from csms.ocpp.v2.words import status_info
from csms.rules.certificate_requests import FOR_THE_STATION
from csms.say import Payload
from db.rows import Conn


async def sign_certificate(call: Call, conn: Conn) -> Payload:
    """Rejected while nobody here signs, with the reason."""
    verdict = await certificate_requests.judge(
        conn,
        call.topics,
        station=call.station,
        at=call.received_at,
        csr=call.payload["csr"],
        kind=text(call.get("certificateType"), 50) or FOR_THE_STATION,
        request_id=integer(call.get("requestId")),
        organization=call.config.certificate_organization,
    )
    if verdict.problem is not None:
        info = status_info("InvalidCSR", verdict.problem)
    else:
        info = status_info("NotEnabled", certificate_requests.NO_AUTHORITY)
    return {"status": "Rejected", "statusInfo": info}

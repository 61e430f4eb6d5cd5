"""What stations ask for and nobody decides yet: certificates, schedules for vehicles, others."""

from __future__ import annotations

import msgspec
from aiohttp import web

from db import certificate_requests, charging_needs, station_requests
from db.certificate_requests import CertificateRequest
from db.charging_needs import ChargingNeed
from db.station_requests import StationRequest
from portal.api.replies import Time, maybe_time, time
from portal.api.v1.station_lists import reply_list

routes = web.RouteTableDef()


class CertificateRequestShown(msgspec.Struct):
    """`is_good`: nothing is wrong with it; else `problem` says what."""

    id: int
    kind: str
    request_id: int | None
    is_good: bool
    problem: str | None
    subject: str | None
    key: str | None
    key_sha256: str | None
    csr: str
    first_at: Time
    last_at: Time
    times: int


class ChargingNeedShown(msgspec.Struct):
    """`payload` is the whole of it in the station's words."""

    id: int
    kind: str
    evse: int
    session: int | None
    transaction_id: str | None
    at: Time
    received_at: Time
    energy_transfer: str | None
    energy_wh: int | None
    departure_at: Time | None
    answered: str
    payload: msgspec.Raw


class StationRequestShown(msgspec.Struct):
    id: int
    action: str
    received_at: Time
    payload: msgspec.Raw
    answer: msgspec.Raw


@routes.get(
    "/api/v1/stations/{identity:[^/]+}/certificate-requests", name="api.station.certificates"
)
async def list_certificate_requests(request: web.Request) -> web.Response:
    return await reply_list(request, certificate_requests.list_by_station, _certificate_request)


@routes.get("/api/v1/stations/{identity:[^/]+}/charging-needs", name="api.station.needs")
async def list_charging_needs(request: web.Request) -> web.Response:
    return await reply_list(request, charging_needs.list_by_station, _charging_need)


@routes.get("/api/v1/stations/{identity:[^/]+}/requests", name="api.station.requests")
async def list_requests(request: web.Request) -> web.Response:
    return await reply_list(request, station_requests.list_by_station, _station_request)


def _certificate_request(row: CertificateRequest) -> CertificateRequestShown:
    return CertificateRequestShown(
        id=row.id,
        kind=row.kind,
        request_id=row.request_id,
        is_good=row.problem is None,
        problem=row.problem,
        subject=row.subject,
        key=row.key,
        key_sha256=row.key_digest.hex() if row.key_digest else None,
        csr=row.csr,
        first_at=time(row.first_at),
        last_at=time(row.last_at),
        times=row.times,
    )


def _charging_need(row: ChargingNeed) -> ChargingNeedShown:
    return ChargingNeedShown(
        id=row.id,
        kind=row.kind,
        evse=row.evse,
        session=row.session_id,
        transaction_id=row.transaction_id,
        at=time(row.at),
        received_at=time(row.received_at),
        energy_transfer=row.energy_transfer,
        energy_wh=row.energy_wh,
        departure_at=maybe_time(row.departure_at),
        answered=row.answered,
        payload=msgspec.Raw(row.payload),
    )


def _station_request(row: StationRequest) -> StationRequestShown:
    return StationRequestShown(
        id=row.id,
        action=row.action,
        received_at=time(row.received_at),
        payload=msgspec.Raw(row.payload),
        answer=msgspec.Raw(row.answer),
    )

"""Sessions, and what was measured in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, cast

import msgspec
from aiohttp import web
from msgspec import Meta

from db import readings, session_lists, stations
from db.model.readings import Reading, decode_samples
from db.session_lists import ListedSession, SessionStatus
from portal.api import params
from portal.api.replies import Page, Time, maybe_time, number, reply, time
from portal.context import connection

routes = web.RouteTableDef()

_MAX_READINGS = 1000
_Instant = Annotated[datetime, Meta(tz=True)]
_Id = Annotated[int, Meta(ge=0, le=params.MAX_ID)]


class SessionShown(msgspec.Struct):
    id: int
    transaction_id: str
    station: str
    evse: int | None
    connector: int | None
    id_token: str | None
    started_at: Time
    ended_at: Time | None
    energy_wh: int | None
    is_finalized: bool
    stop_reason: str | None
    updated_at: Time
    flags: list[str]


class SampleShown(msgspec.Struct):
    measurand: str
    value: Decimal | None
    unit: str
    phase: str | None
    location: str
    context: str
    format: str


class ReadingShown(msgspec.Struct):
    at: Time
    received_at: Time
    context: str | None
    energy_wh: int | None
    delta_wh: int | None
    power_w: int | None
    soc_pct: Decimal | None
    samples: list[SampleShown]
    flags: list[str]


@routes.get("/api/v1/sessions", name="api.sessions.list")
async def list_(request: web.Request) -> web.Response:
    size = params.limit(request)
    before = params.cursor(request, tuple[_Instant, _Id])
    station = params.text(request, "station")
    id_token = params.text(request, "id_token")
    async with connection(request) as conn:
        of_station = await stations.find(conn, station) if station else None
        if station and of_station is None:
            return reply(Page[SessionShown]([], None))
        found = await session_lists.list_page(
            conn,
            station_id=of_station.id if of_station else None,
            id_token=id_token,
            status=_status(request),
            before=before,
            limit=size + 1,
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].updated_at, page[-1].id) if has_more else None
    return reply(Page([_shown(session) for session in page], cursor))


@routes.get("/api/v1/sessions/{session_id}", name="api.session")
async def get(request: web.Request) -> web.Response:
    session_id = params.number(request, "session_id", noun="session")
    async with connection(request) as conn:
        return reply(_shown(await session_lists.get_listed(conn, session_id)))


@routes.get("/api/v1/sessions/{session_id}/readings", name="api.session.readings")
async def list_readings(request: web.Request) -> web.Response:
    session_id = params.number(request, "session_id", noun="session")
    size = params.limit(request, default=200, most=_MAX_READINGS)
    after = params.cursor(request, tuple[_Instant, _Instant, bytes])
    async with connection(request) as conn:
        session = await session_lists.get_listed(conn, session_id)
        found = await readings.list_page(
            conn,
            session.station_id,
            session.id,
            started_at=session.started_at,
            until=session.ended_at or datetime.now(UTC),
            after=after,
            limit=size + 1,
        )
        register_wh = None
        if after:
            register_wh = await readings.register_until(
                conn, session.station_id, session.id, started_at=session.started_at, place=after
            )
    page, has_more = params.cut(found, size)
    last = page[-1] if has_more else None
    cursor = params.cursor_at(last.at, last.received_at, last.fingerprint) if last else None
    return reply(Page(_readings(page, register_wh), cursor))


def _status(request: web.Request) -> SessionStatus:
    said = request.query.get("status", "all")
    return cast("SessionStatus", said) if said in {"active", "completed"} else "all"


def _shown(session: ListedSession) -> SessionShown:
    return SessionShown(
        id=session.id,
        transaction_id=session.transaction_id,
        station=session.station,
        evse=session.evse,
        connector=session.connector,
        id_token=session.id_token,
        started_at=time(session.started_at),
        ended_at=maybe_time(session.ended_at),
        energy_wh=session.energy_wh,
        is_finalized=session.is_finalized,
        stop_reason=session.stop_reason,
        updated_at=time(session.updated_at),
        flags=sorted(session.flags),
    )


def _readings(page: Sequence[Reading], register_wh: int | None) -> list[ReadingShown]:
    """
    With what each adds to the last register that was said before it.

    A reading without a register has no delta; the next one that has a register tells the rise
    over both, so that the deltas add up to the energy.
    """
    shown = []
    for reading in page:
        delta_wh = None
        if reading.energy_wh is not None:
            if register_wh is not None:
                delta_wh = reading.energy_wh - register_wh
            register_wh = reading.energy_wh
        shown.append(_reading(reading, delta_wh))
    return shown


def _reading(reading: Reading, delta_wh: int | None) -> ReadingShown:
    return ReadingShown(
        at=time(reading.at),
        received_at=time(reading.received_at),
        context=reading.context,
        energy_wh=reading.energy_wh,
        delta_wh=delta_wh,
        power_w=reading.power_w,
        soc_pct=number(reading.soc_pct),
        samples=[
            SampleShown(
                measurand=sample.measurand,
                value=number(sample.value),
                unit=sample.unit,
                phase=sample.phase,
                location=sample.location,
                context=sample.context,
                format=sample.format,
            )
            for sample in decode_samples(reading.samples)
        ],
        flags=sorted(reading.flags.split()),
    )

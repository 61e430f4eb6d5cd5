"""What was read in a session, to save: all of it as it came, and the values the charger signed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC

from aiohttp import web

from db import session_readings
from db.driver_sessions import Own
from db.errors import NotFound
from db.model.readings import Sample
from db.session_readings import Whole
from portal import downloads
from portal.context import connection
from portal.views.driver.session import number_of, own, until

routes = web.RouteTableDef()

_HEAD = (
    "session",
    "time",
    "time_as_said",
    "received",
    "context",
    "measurand",
    "value",
    "unit",
    "phase",
    "location",
    "value_as_said",
    "flags",
)


@routes.get("/sessions/{number}/readings.csv", name="driver.session.csv")
async def readings(request: web.Request) -> web.StreamResponse:
    """One line a sampled value."""
    number = number_of(request)
    async with connection(request) as conn:
        session = await own(request, conn, number)
    return await downloads.stream(
        request,
        name=f"session-{number}-readings.csv",
        content_type="text/csv; charset=utf-8",
        parts=_lines(request, session),
    )


@routes.get("/sessions/{number}/signed", name="driver.session.signed")
async def signed(request: web.Request) -> web.StreamResponse:
    """The signed meter values word for word, for the maker's own checking software."""
    number = number_of(request)
    values = []
    async with connection(request) as conn:
        session = await own(request, conn, number)
        async for rows in _pages(request, session, is_signed=True):
            values += [_signed(row, sample) for row in rows for sample in row.samples]
    found = [value for value in values if value is not None]
    if not found:
        raise NotFound("no signed values")
    return web.Response(
        body=json.dumps({"session": number, "values": found}, indent=1).encode(),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="session-{number}-signed.json"',
            "Cache-Control": "no-store",
        },
    )


async def _lines(request: web.Request, session: Own) -> AsyncIterator[Sequence[bytes]]:
    yield [downloads.line(_HEAD)]
    async for rows in _pages(request, session):
        yield [_line(session, row, sample) for row in rows for sample in row.samples]


async def _pages(
    request: web.Request, session: Own, *, is_signed: bool = False
) -> AsyncIterator[list[Whole]]:
    """Each with a connection of its own: a slow reader holds none."""
    after: session_readings.Place | None = None
    while True:
        async with connection(request) as conn:
            rows, after = await session_readings.list_whole(
                conn,
                session.station_id,
                session.number,
                started_at=session.started_at,
                until=until(session),
                is_signed=is_signed,
                after=after,
            )
        yield rows
        if after is None:
            return


def _line(session: Own, row: Whole, sample: Sample) -> bytes:
    return downloads.line(
        (
            session.number,
            row.at,
            row.said_at,
            row.received_at,
            sample.context,
            sample.measurand,
            sample.value,
            sample.unit,
            sample.phase,
            sample.location,
            sample.said,
            " ".join(row.flags),
        )
    )


def _signed(row: Whole, sample: Sample) -> dict[str, object] | None:
    if sample.signed is None:
        return None
    return {
        "time": row.said_at or row.at.astimezone(UTC).isoformat(),
        "context": sample.context,
        "measurand": sample.measurand,
        "signed": sample.signed,
    }

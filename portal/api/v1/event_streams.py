"""Streams of monitored variables that stations opened (OCPP 2.1), and their values."""

from __future__ import annotations

import msgspec
from aiohttp import web

from db import event_streams, stations
from db.event_streams import EventStream, Value
from portal.api import params
from portal.api.replies import Time, maybe_time, reply, time
from portal.api.v1.station_lists import id_cursor, page_of, reply_list
from portal.context import connection

routes = web.RouteTableDef()

_MOST_VALUES = 1000


class EventStreamShown(msgspec.Struct):
    """`number` and `variable_monitoring_id` are the station's; `id` is ours."""

    id: int
    number: int
    variable_monitoring_id: int
    interval_s: int | None
    values_per_message: int | None
    opened_at: Time
    closed_at: Time | None
    last_heard_at: Time | None
    pending: int | None


class ValueShown(msgspec.Struct):
    id: int
    at: Time
    received_at: Time
    value: str


@routes.get("/api/v1/stations/{identity:[^/]+}/event-streams", name="api.station.streams")
async def list_(request: web.Request) -> web.Response:
    return await reply_list(request, event_streams.list_by_station, _stream)


@routes.get(
    "/api/v1/stations/{identity:[^/]+}/event-streams/{stream_id}/values",
    name="api.station.stream.values",
)
async def list_values(request: web.Request) -> web.Response:
    """The last heard first."""
    stream_id = params.number(request, "stream_id", noun="event stream")
    size, before = params.limit(request, default=200, most=_MOST_VALUES), id_cursor(request)
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        stream = await event_streams.get(conn, station.id, stream_id)
        found = await event_streams.list_values(
            conn, station.id, stream.id, before=before, limit=size + 1
        )
    return reply(page_of(found, size, _value))


def _stream(row: EventStream) -> EventStreamShown:
    return EventStreamShown(
        id=row.id,
        number=row.number,
        variable_monitoring_id=row.monitor,
        interval_s=row.interval_s,
        values_per_message=row.value_count,
        opened_at=time(row.opened_at),
        closed_at=maybe_time(row.closed_at),
        last_heard_at=maybe_time(row.heard_at),
        pending=row.pending,
    )


def _value(row: Value) -> ValueShown:
    return ValueShown(
        id=row.id, at=time(row.at), received_at=time(row.received_at), value=row.value
    )

"""What stations tell of themselves: events of all kinds, and how far their jobs are."""

from __future__ import annotations

from typing import Annotated, cast, get_args

import msgspec
from aiohttp import web
from msgspec import Meta

from db import station_events, station_jobs, stations
from db.model.reports import EventKind, JobKind, Progress
from db.station_events import ListedEvent
from db.station_jobs import Job, Step
from portal.api import params
from portal.api.replies import Page, Time, reply, time
from portal.context import connection
from portal.errors import invalid

routes = web.RouteTableDef()

_Id = Annotated[int, Meta(ge=0, le=params.MAX_ID)]


class ComponentShown(msgspec.Struct):
    name: str
    instance: str | None
    evse: int | None
    connector: int | None


class VariableNamed(msgspec.Struct):
    name: str
    instance: str | None


class EventShown(msgspec.Struct):
    """`critical`: a person should know of it. `cleared` null: the station did not say."""

    id: int
    kind: EventKind
    type: str
    at: Time
    received_at: Time
    critical: bool
    cleared: bool | None
    severity: int | None
    trigger: str | None
    event_number: int | None
    cause_number: int | None
    monitor_number: int | None
    source: str | None
    component: ComponentShown | None
    variable: VariableNamed | None
    value: str | None
    tech_code: str | None
    tech_info: str | None
    transaction_id: str | None
    session_id: int | None
    flags: list[str]


class StepShown(msgspec.Struct):
    at: Time
    status: str
    detail: str | None


class JobShown(msgspec.Struct):
    """`status` is the station's own word; `steps` are its latest 50, oldest first."""

    id: int
    kind: JobKind
    request_id: int | None
    progress: Progress
    status: str
    detail: str | None
    started_at: Time
    changed_at: Time
    steps: list[StepShown]


@routes.get("/api/v1/stations/{identity:[^/]+}/events", name="api.station.events")
async def list_events(request: web.Request) -> web.Response:
    size = params.limit(request)
    before = params.cursor(request, tuple[_Id])
    kind = params.text(request, "kind")
    if kind is not None and kind not in get_args(EventKind):
        raise invalid("kind", f"is one of {', '.join(get_args(EventKind))}")
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await station_events.list_by_station(
            conn,
            station.id,
            before=before[0] if before else None,
            limit=size + 1,
            kind=cast("EventKind | None", kind),
            is_critical=params.flag(request, "critical"),
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].id) if has_more else None
    return reply(Page([_event(row) for row in page], cursor))


@routes.get("/api/v1/stations/{identity:[^/]+}/jobs", name="api.station.jobs")
async def list_jobs(request: web.Request) -> web.Response:
    size = params.limit(request)
    before = params.cursor(request, tuple[_Id])
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await station_jobs.list_by_station(
            conn, station.id, before=before[0] if before else None, limit=size + 1
        )
        page, has_more = params.cut(found, size)
        steps = await station_jobs.list_steps(conn, station.id, [row.id for row in page])
    cursor = params.cursor_at(page[-1].id) if has_more else None
    return reply(Page([_job(row, steps) for row in page], cursor))


def _event(row: ListedEvent) -> EventShown:
    component, variable = None, None
    if row.component is not None:
        component = ComponentShown(row.component, row.component_instance, row.evse, row.connector)
    if row.variable is not None:
        variable = VariableNamed(row.variable, row.variable_instance)
    return EventShown(
        id=row.id,
        kind=row.kind,
        type=row.type,
        at=time(row.at),
        received_at=time(row.received_at),
        critical=row.is_critical,
        cleared=row.is_cleared,
        severity=row.severity,
        trigger=row.trigger,
        event_number=row.event_number,
        cause_number=row.cause_number,
        monitor_number=row.monitor_number,
        source=row.source,
        component=component,
        variable=variable,
        value=row.value,
        tech_code=row.tech_code,
        tech_info=row.tech_info,
        transaction_id=row.transaction_id,
        session_id=row.session_id,
        flags=row.flags,
    )


def _job(row: Job, steps: list[Step]) -> JobShown:
    return JobShown(
        id=row.id,
        kind=row.kind,
        request_id=row.request_id,
        progress=row.progress,
        status=row.status,
        detail=row.detail,
        started_at=time(row.started_at),
        changed_at=time(row.changed_at),
        steps=[
            StepShown(time(step.at), step.status, step.detail)
            for step in steps
            if step.job_id == row.id
        ],
    )

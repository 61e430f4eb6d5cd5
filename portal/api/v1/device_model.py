"""What stations are made of, what they watch, and the reports in which they said it."""

from __future__ import annotations

from typing import Annotated, cast, get_args

import msgspec
from aiohttp import web
from msgspec import Meta

from db import reports, stations, variables
from db.model.reports import ReportKind, ReportState
from db.reports import Report
from db.variables import KnownMonitor, KnownVariable
from portal.api import params
from portal.api.replies import Page, Time, maybe_time, reply, time
from portal.api.v1.events import ComponentShown, VariableNamed
from portal.context import connection
from portal.errors import invalid

routes = web.RouteTableDef()

_Id = Annotated[int, Meta(ge=0, le=params.MAX_ID)]
_AnyId = Annotated[int, Meta(ge=-params.MAX_ID - 1, le=params.MAX_ID)]
_Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class ReportShown(msgspec.Struct):
    """`missing` says in words which parts of an incomplete one did not come."""

    id: int
    kind: ReportKind
    request_id: int | None
    state: ReportState
    missing: str | None
    generated_at: Time | None
    started_at: Time
    heard_at: Time
    parts: int
    items: int


class OneReportShown(ReportShown):
    """`text`: of customer information, what the parts that came say one after the other."""

    text: str | None


class VariableShown(msgspec.Struct):
    component: ComponentShown
    variable: VariableNamed
    attribute: str
    value: str | None
    mutability: str
    persistent: bool
    constant: bool
    unit: str | None
    data_type: str | None
    min_limit: float | None
    max_limit: float | None
    max_elements: int | None
    values_list: str | None
    supports_monitoring: bool | None
    reported_at: Time


class MonitorShown(msgspec.Struct):
    number: int
    component: ComponentShown
    variable: VariableNamed
    type: str
    value: float | None
    severity: int | None
    in_transactions_only: bool
    source: str | None
    reported_at: Time


@routes.get("/api/v1/stations/{identity:[^/]+}/reports", name="api.station.reports")
async def list_reports(request: web.Request) -> web.Response:
    size = params.limit(request)
    before = params.cursor(request, tuple[_Id])
    kind = params.text(request, "kind")
    if kind is not None and kind not in get_args(ReportKind):
        raise invalid("kind", f"is one of {', '.join(get_args(ReportKind))}")
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await reports.list_by_station(
            conn,
            station.id,
            before=before[0] if before else None,
            limit=size + 1,
            kind=cast("ReportKind | None", kind),
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].id) if has_more else None
    return reply(Page([_report(row) for row in page], cursor))


@routes.get("/api/v1/stations/{identity:[^/]+}/reports/{report_id}", name="api.station.report")
async def get_report(request: web.Request) -> web.Response:
    report_id = params.number(request, "report_id", noun="report")
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        row = await reports.get(conn, station.id, report_id)
        is_text = row.kind == "customer_information"
        text = await reports.text_of(conn, row) if is_text else None
    return reply(OneReportShown(**msgspec.structs.asdict(_report(row)), text=text))


@routes.get("/api/v1/stations/{identity:[^/]+}/variables", name="api.station.variables")
async def list_variables(request: web.Request) -> web.Response:
    size = params.limit(request)
    after = params.cursor(request, tuple[str, str, _Number, _Number, str, str, str])
    component, variable = params.text(request, "component"), params.text(request, "variable")
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await variables.list_by_station(
            conn, station.id, after=after, limit=size + 1, component=component, variable=variable
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(*_place(page[-1])) if has_more else None
    return reply(Page([_variable(row) for row in page], cursor))


@routes.get("/api/v1/stations/{identity:[^/]+}/monitors", name="api.station.monitors")
async def list_monitors(request: web.Request) -> web.Response:
    size = params.limit(request)
    after = params.cursor(request, tuple[_AnyId])
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await variables.list_monitors(
            conn, station.id, after=after[0] if after else None, limit=size + 1
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].number) if has_more else None
    return reply(Page([_monitor(row) for row in page], cursor))


def _report(row: Report) -> ReportShown:
    return ReportShown(
        id=row.id,
        kind=row.kind,
        request_id=row.request_id,
        state=row.state,
        missing=row.missing,
        generated_at=maybe_time(row.generated_at),
        started_at=time(row.started_at),
        heard_at=time(row.heard_at),
        parts=row.parts,
        items=row.items,
    )


def _place(row: KnownVariable) -> variables.Place:
    return (
        row.component,
        row.component_instance,
        row.evse,
        row.connector,
        row.variable,
        row.variable_instance,
        row.attribute,
    )


def _variable(row: KnownVariable) -> VariableShown:
    return VariableShown(
        component=ComponentShown(
            row.component,
            row.component_instance or None,
            row.evse or None,
            row.connector or None,
        ),
        variable=VariableNamed(row.variable, row.variable_instance or None),
        attribute=row.attribute,
        value=row.value,
        mutability=row.mutability,
        persistent=row.is_persistent,
        constant=row.is_constant,
        unit=row.unit,
        data_type=row.data_type,
        min_limit=row.min_limit,
        max_limit=row.max_limit,
        max_elements=row.max_elements,
        values_list=row.values_list,
        supports_monitoring=row.supports_monitoring,
        reported_at=time(row.reported_at),
    )


def _monitor(row: KnownMonitor) -> MonitorShown:
    return MonitorShown(
        number=row.number,
        component=ComponentShown(row.component, row.component_instance, row.evse, row.connector),
        variable=VariableNamed(row.variable, row.variable_instance),
        type=row.type,
        value=row.value,
        severity=row.severity,
        in_transactions_only=row.is_in_transactions_only,
        source=row.source,
        reported_at=time(row.reported_at),
    )

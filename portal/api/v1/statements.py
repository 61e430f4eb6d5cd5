"""What stations state beside all else: limits, profiles, swaps, payments, messages on screens."""

from __future__ import annotations

from typing import Annotated, cast, get_args

import msgspec
from aiohttp import web
from msgspec import Meta

from db import station_statements, stations
from db.model.reports import StatementKind
from db.station_statements import ListedStatement
from portal.api import params
from portal.api.replies import Page, Time, reply, time
from portal.context import connection
from portal.errors import invalid

routes = web.RouteTableDef()

_Id = Annotated[int, Meta(ge=0, le=params.MAX_ID)]


class StatementShown(msgspec.Struct):
    """`latest`: nothing was said of the same `subject` since; `heard_at`: when it was last said."""

    id: int
    kind: StatementKind
    subject: str
    state: str
    latest: bool
    at: Time
    received_at: Time
    heard_at: Time
    evse: int | None
    transaction_id: str | None
    session_id: int | None
    report_id: int | None
    facts: msgspec.Raw


@routes.get("/api/v1/stations/{identity:[^/]+}/statements", name="api.station.statements")
async def list_statements(request: web.Request) -> web.Response:
    size = params.limit(request)
    before = params.cursor(request, tuple[_Id])
    kind = params.text(request, "kind")
    if kind is not None and kind not in get_args(StatementKind):
        raise invalid("kind", f"is one of {', '.join(get_args(StatementKind))}")
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await station_statements.list_by_station(
            conn,
            station.id,
            before=before[0] if before else None,
            limit=size + 1,
            kind=cast("StatementKind | None", kind),
            is_latest=params.flag(request, "latest"),
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].id) if has_more else None
    return reply(Page([_statement(row) for row in page], cursor))


def _statement(row: ListedStatement) -> StatementShown:
    return StatementShown(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        state=row.state,
        latest=row.is_latest,
        at=time(row.at),
        received_at=time(row.received_at),
        heard_at=time(row.heard_at),
        evse=row.evse,
        transaction_id=row.transaction_id,
        session_id=row.session_id,
        report_id=row.report_id,
        facts=msgspec.Raw(row.facts),
    )

"""What a charger reports of itself: security events, how far its jobs are, its settings."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from db import reports, station_events, station_jobs, variables
from db.rows import Conn
from portal import pages
from portal.context import connection
from portal.views.admin import report_words
from portal.views.admin.asking import charger_of

routes = web.RouteTableDef()

_EVENTS, _JOBS, _VARIABLES = 8, 6, 300


@routes.get("/admin/chargers/{identity}/reports")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        context = await context_of(conn, row.id)
    return pages.render(request, "admin/_charger_reports.html", row=row, **context)


async def context_of(conn: Conn, station_id: int) -> dict[str, Any]:
    """For the fragment, on its own and in the charger's page."""
    settings = await variables.list_by_station(conn, station_id, limit=_VARIABLES + 1)
    return {
        "events": await station_events.list_by_station(
            conn, station_id, kind="security", limit=_EVENTS
        ),
        "jobs": await station_jobs.list_by_station(conn, station_id, limit=_JOBS),
        "reports": await reports.list_by_station(conn, station_id, kind="variables", limit=1),
        "settings": settings[:_VARIABLES],
        "has_more_settings": len(settings) > _VARIABLES,
        "words": report_words,
    }

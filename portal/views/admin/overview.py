"""The admin's first page: what needs a person, five figures, and what runs now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiohttp import web

from db import audit, needs, overview, quarantine
from db.needs import KINDS
from db.rows import Conn
from portal import limits, pages, people
from portal.context import CONFIG, connection, transaction
from portal.views.admin import overview_words
from portal.views.admin.asking import by, id_of
from portal.views.admin.charger import pretty
from portal.views.admin.transaction_filters import midnight, today
from portal.views.admin.transaction_panels import panel
from portal.views.admin.transaction_rows import SILENT_S
from portal.views.driver.status import glyph

log = structlog.get_logger()

routes = web.RouteTableDef()

_SILENT_FOR = timedelta(seconds=SILENT_S)
_NAMED, _MOST, _LIVE = 4, 100, 8


@routes.get("/admin")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        context = {**await _needs(request, conn), **await _figures(request, conn)}
    return pages.render(request, "admin/overview.html", **context)


@routes.get("/admin/overview/needs")
async def needs_now(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        context = await _needs(request, conn)
    return pages.render(request, "admin/_overview_needs.html", **context)


@routes.get("/admin/overview/figures")
async def figures_now(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        context = await _figures(request, conn)
    return pages.render(request, "admin/_overview_figures.html", **context)


@routes.get("/admin/needs/{kind}")
async def list_kind(request: web.Request) -> web.Response:
    """All of one kind."""
    kind = request.match_info["kind"]
    if kind not in KINDS:
        raise web.HTTPNotFound
    async with connection(request) as conn:
        found = await needs.list_all(conn, datetime.now(UTC), silent_for=_SILENT_FOR, most=_MOST)
    rows = found.get(kind, [])
    return pages.render(
        request,
        "admin/overview_kind.html",
        kind=kind,
        title=overview_words.title(kind, rows[0].total if rows else 0),
        rows=rows,
        words=overview_words,
        zone=_zone(request),
    )


@routes.post(r"/admin/needs/review/{id:\d+}")
async def reviewed(request: web.Request) -> web.Response:
    """A person has looked at an odd session."""
    number = id_of(request)
    async with transaction(request) as conn:
        is_done = await needs.set_reviewed(conn, number, datetime.now(UTC))
        if is_done:
            await audit.add(
                conn,
                "session.reviewed",
                by=people.person(request),
                subject=f"session:{number}",
                remote_address=limits.address(request),
            )
    if not is_done:
        raise web.HTTPNotFound
    log.info("session.reviewed", by=by(request), session=number)
    return pages.see_other(request, "/admin/needs/review", toast=f"Session {number} was looked at.")


@routes.get("/admin/quarantine")
async def show_quarantine(request: web.Request) -> web.Response:
    is_looked_at = request.query.get("show") == "looked"
    async with connection(request) as conn:
        rows = await quarantine.list_page(
            conn, zone=_zone(request), is_looked_at=is_looked_at, limit=_MOST
        )
        waiting = await quarantine.count_open(conn)
    return pages.render(
        request,
        "admin/quarantine.html",
        rows=rows,
        waiting=waiting,
        is_looked_at=is_looked_at,
        most=_MOST,
        pretty=pretty,
    )


@routes.post(r"/admin/quarantine/{station_id:\d+}/{id:\d+}/looked")
async def looked(request: web.Request) -> web.Response:
    station_id = int(request.match_info["station_id"])
    if station_id >= 2**63:
        raise web.HTTPNotFound
    async with transaction(request) as conn:
        if not await quarantine.set_looked_at(conn, station_id, id_of(request), datetime.now(UTC)):
            raise web.HTTPNotFound
        await audit.add(
            conn,
            "quarantine.looked_at",
            by=people.person(request),
            subject=f"quarantine:{id_of(request)}",
            remote_address=limits.address(request),
            station_id=station_id,
        )
    log.info("quarantine.looked_at", by=by(request), id=id_of(request))
    return pages.see_other(request, "/admin/quarantine", toast="It needs nobody any more.")


async def _needs(request: web.Request, conn: Conn) -> dict[str, Any]:
    now = datetime.now(UTC)
    reading = needs.list_all(conn, now, silent_for=_SILENT_FOR, most=_NAMED)
    found = await panel(request, reading)
    rows = None if found.value is None else overview_words.rows(found.value)
    return {"needs": rows, "needs_reference": found.reference}


async def _figures(request: web.Request, conn: Conn) -> dict[str, Any]:
    now, zone = datetime.now(UTC), _zone(request)
    reading = overview.figures(
        conn, now, midnight=midnight(today(now, zone), zone), silent_for=_SILENT_FOR
    )
    return {
        "figures": await panel(request, reading),
        "live": await panel(
            request, overview.list_live(conn, now, silent_for=_SILENT_FOR, limit=_LIVE)
        ),
        "glyph": glyph,
        "now": now,
        "zone": zone,
    }


def _zone(request: web.Request) -> str:
    return request.app[CONFIG].operator_zone

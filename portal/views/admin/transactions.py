"""All charging sessions, the last updated first; what runs moves while one looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiohttp import web

from db import admin_sessions, counters, session_filters
from db.admin_sessions import SessionRow
from db.counters import Counters
from db.rows import Conn
from db.session_filters import Search
from portal import pages, price_view
from portal.context import CONFIG, connection
from portal.views.admin import transaction_filters
from portal.views.admin.transaction_filters import Asked, midnight, place, said, today
from portal.views.admin.transaction_panels import Panel, panel
from portal.views.admin.transaction_rows import SILENT_S, row_context

__all__ = ["row_context"]  # charger and driver pages draw the same rows

PAGE = 15
MOST = 300

routes = web.RouteTableDef()


class Part(NamedTuple):
    """A piece of the list, and what its sessions cost: nothing where that could not be read."""

    rows: Sequence[SessionRow]
    costs: dict[int, price_view.Shown]
    is_cut: bool  # more rows than a piece may have


@routes.get("/admin/transactions")
async def show(request: web.Request) -> web.Response:
    """From the start, or on from a place: as a page, or as rows to append."""
    asked = _asked(request)
    after = place(request.query.get("after"))
    where = said(after) if after else ""
    is_more = after is not None and pages.is_fragment(request)
    async with connection(request) as conn:
        found = await panel(request, _rows(request, conn, asked, PAGE, after=after))
        if is_more and not found.is_failed:
            return pages.render(
                request, "admin/_sessions_more.html", **_of_page(asked, found, where)
            )
        matching = await panel(request, _count(conn, asked))
        now = await panel(request, admin_sessions.now(conn, silent_s=SILENT_S))
        figures = await panel(request, _counters(request, conn))
    return pages.render(
        request,
        "admin/transactions.html",
        status=503 if found.is_failed else 200,
        now=now,
        counters=figures,
        matching=matching,
        found=found,
        is_first=after is None,
        **_of_page(asked, found, where),
    )


@routes.get("/admin/transactions/first")
async def first(request: web.Request) -> web.Response:
    """
    What a piece of the list shows by now, between the places where it began and ended.

    So no row gets lost or is there twice: the pieces meet, and a row that moves up leaves one of
    them as it comes into another.
    """
    asked = _asked(request)
    after, down_to = place(request.query.get("after")), place(request.query.get("down_to"))
    async with connection(request) as conn:
        part = await _rows(request, conn, asked, MOST, after=after, down_to=down_to)
    return pages.render(
        request,
        "admin/_sessions_first.html",
        asked=asked,
        after=request.query.get("after", ""),
        down_to=request.query.get("down_to", ""),
        **part._asdict(),
        **row_context(),
    )


@routes.get("/admin/transactions/now")
async def now(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await admin_sessions.now(conn, silent_s=SILENT_S)
    return pages.render(request, "admin/_now.html", now=Panel(found))


@routes.get("/admin/transactions/counters")
async def show_counters(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await _counters(request, conn)
    return pages.render(request, "admin/_sessions_counters.html", counters=Panel(found))


@routes.get("/admin/transactions/count")
async def show_count(request: web.Request) -> web.Response:
    asked = _asked(request)
    async with connection(request) as conn:
        found = await _count(conn, asked)
    return pages.render(request, "admin/_sessions_count.html", asked=asked, matching=Panel(found))


async def _rows(
    request: web.Request,
    conn: Conn,
    asked: Asked,
    most: int,
    *,
    after: session_filters.Place | None = None,
    down_to: session_filters.Place | None = None,
) -> Part:
    search = await _search(conn, asked)
    rows = await admin_sessions.list_page(
        conn,
        search,
        zone=request.app[CONFIG].operator_zone,
        limit=most + 1,
        after=after,
        down_to=down_to,
    )
    shown = rows[:most]
    costs = await panel(
        request, price_view.of_sessions(request, conn, [row.number for row in shown])
    )
    return Part(shown, costs.value or {}, len(rows) > most)


async def _search(conn: Conn, asked: Asked) -> Search:
    return await session_filters.resolve(conn, asked.filters)


async def _count(conn: Conn, asked: Asked) -> int:
    if not asked.filters.is_any:
        return await session_filters.total(conn)
    return await session_filters.count(conn, await _search(conn, asked))


async def _counters(request: web.Request, conn: Conn) -> Counters:
    zone = request.app[CONFIG].operator_zone
    now = datetime.now(UTC)
    return await counters.read(
        conn, midnight=midnight(today(now, zone), zone), now=now, silent_s=SILENT_S
    )


def _asked(request: web.Request) -> Asked:
    return transaction_filters.read(request.query, request.app[CONFIG].operator_zone)


def _of_page(asked: Asked, found: Panel[Part], after: str) -> dict[str, Any]:
    """The first piece ends where the next page begins; the last one is open to its end."""
    part = found.value or Part([], {}, is_cut=False)
    more = said(part.rows[-1].place) if part.is_cut else ""
    return {
        "asked": asked,
        "rows": part.rows,
        "costs": part.costs,
        "is_cut": False,
        "more": more,
        "after": after,
        "down_to": more,
        **row_context(),
    }

"""All charging sessions, the last updated first; what runs moves while one looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from db import admin_sessions
from db.admin_sessions import Place, SessionRow
from portal import pages
from portal.context import CONFIG, connection

PAGE = 15
MOST = 300
SILENT_S = 300

routes = web.RouteTableDef()


@routes.get("/admin")
async def start(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/admin/transactions")


@routes.get("/admin/transactions")
async def show(request: web.Request) -> web.Response:
    """From the start, or on from a place: as a page, or as rows to append."""
    after = _place(request.query.get("after"))
    async with connection(request) as conn:
        rows = await admin_sessions.list_page(
            conn, zone=_zone(request), limit=PAGE + 1, after=after
        )
        now = await admin_sessions.now(conn, silent_s=SILENT_S)
    shown, has_more = rows[:PAGE], len(rows) > PAGE
    context = {"rows": shown, "more": _said(shown[-1].place) if has_more else None, **_about()}
    if after is not None and pages.is_fragment(request):
        return pages.render(request, "admin/_sessions_more.html", **context)
    return pages.render(
        request,
        "admin/transactions.html",
        now=now,
        is_first=after is None,
        down_to=_said(shown[-1].place) if shown else "",
        **context,
    )


@routes.get("/admin/transactions/first")
async def first(request: web.Request) -> web.Response:
    """What the first page shows by now, down to where it ended: so no row gets lost between."""
    down_to = _place(request.query.get("down_to"))
    async with connection(request) as conn:
        rows = await admin_sessions.list_page(
            conn,
            zone=_zone(request),
            limit=MOST if down_to else PAGE,
            down_to=down_to,
        )
    context = {"rows": rows, "down_to": request.query.get("down_to", ""), **_about()}
    return pages.render(request, "admin/_sessions_first.html", **context)


@routes.get("/admin/transactions/now")
async def now(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await admin_sessions.now(conn, silent_s=SILENT_S)
    return pages.render(request, "admin/_now.html", now=found)


def is_silent(row: SessionRow) -> bool:
    return not row.is_finalized and datetime.now(UTC) - row.updated_at > timedelta(seconds=SILENT_S)


def took(row: SessionRow) -> timedelta:
    return max((row.ended_at or datetime.now(UTC)) - row.started_at, timedelta(0))


_FLAGS = {
    "charger_replaced": "charger was replaced",
    "clock_ahead": "clock ahead",
    "clock_unset": "clock not set",
    "energy_estimated": "energy estimated",
    "guessed_end": "end guessed",
    "implausible_reading": "odd reading left out",
    "implicit_end": "end not said",
    "inlet_based": "measured at the inlet",
    "incomplete": "start or end missing",
    "late_end": "end came late",
    "late_reading": "reading after the end",
    "malformed": "message hard to read",
    "meter_reset": "meter was reset",
    "meter_rollover": "meter rolled over",
    "needs_review": "look at it",
    "no_start": "start not heard",
    "phase_mismatch": "phases differ from the total",
    "register_mismatch": "registers differ",
    "stale": "silent for too long",
    "stop_conflict": "two different ends",
    "unauthorized": "card not accepted",
    "unit_suspect": "unit in doubt",
    "unregistered": "charger not accepted",
}


def flag_words(flags: list[str]) -> str:
    """What is odd about a session, in words; that a person should look is said last."""
    named = sorted(flags, key=lambda flag: flag == "needs_review")
    return ", ".join(_FLAGS.get(flag, flag.replace("_", " ")) for flag in named)


def row_context() -> dict[str, Any]:
    """What `_session_row.html` needs beside the rows."""
    return _about()


def _about() -> dict[str, Any]:
    return {"is_silent": is_silent, "took": took, "flag_words": flag_words}


def _zone(request: web.Request) -> str:
    return request.app[CONFIG].operator_zone


def _said(place: Place) -> str:
    return f"{place.updated_at.astimezone(UTC).isoformat()}_{place.number}"


def _place(said: str | None) -> Place | None:
    """None for what is no place: the list then begins at its start."""
    at, _, number = (said or "").partition("_")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
        return Place(moment, int(number)) if moment.tzinfo else None
    except ValueError:
        return None

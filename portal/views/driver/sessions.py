"""The driver's own sessions: filtered, live, 25 at a time, and as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from db import driver_sessions, usage
from db.driver_sessions import Filters, Listed, Place, Status
from db.rows import Conn
from portal import downloads, pages, people, price_view
from portal.context import connection
from portal.price_view import Shown
from portal.views.driver import shown

routes = web.RouteTableDef()

PAGE = 25
MOST = 500

_HEAD = (
    "session",
    "started",
    "ended",
    "zone",
    "charger",
    "public_id",
    "connector",
    "ev_card",
    "kwh",
    "seconds",
    "cost",
    "currency",
    "status",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters as the address has them; what is not understood is not there."""

    status: Status
    since: date | None
    until: date | None  # the last day that is in it

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Wanted:
        said = query.get("status", "all")
        status = cast("Status", said) if said in {"active", "completed"} else "all"
        return cls(status, _day(query.get("from")), _day(query.get("to")))

    @property
    def is_any(self) -> bool:
        return self != Wanted("all", None, None)

    def query(self, **more: str) -> str:
        """As it stands in an address, with a leading ? where there is anything."""
        parts = {
            "status": "" if self.status == "all" else self.status,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
        } | more
        words = urlencode({name: value for name, value in parts.items() if value})
        return f"?{words}" if words else ""

    def filters(self, zone: str) -> Filters:
        """Days of the operator's zone; the last one with all of its hours."""
        return Filters(
            self.status,
            _midnight(self.since, zone),
            _midnight(self.until, zone, days_later=1),
        )


@routes.get("/sessions", name="driver.sessions")
async def show(request: web.Request) -> web.Response:
    """From the start, or on from a place: as a page, or as rows to append."""
    wanted = Wanted.read(request.query)
    after = _place(request.query.get("after"))
    async with connection(request) as conn:
        rows = await _list(request, conn, wanted, limit=PAGE + 1, after=after)
        page, has_more = rows[:PAGE], len(rows) > PAGE
        context = await _context(request, conn, page)
        more = wanted.query(after=said(page[-1].place)) if has_more else None
        if after is not None and pages.is_fragment(request):
            return pages.render(request, "driver/_sessions_more.html", more=more, **context)
        account_id = people.person(request).id
        months = await usage.list_months(conn, account_id, zone=shown.operator_zone(request))
        is_first_run = not page and not await driver_sessions.has_any(conn, account_id)
        running = await shown.running(request, conn, [])
    return pages.render(
        request,
        "driver/sessions.html",
        wanted=wanted,
        is_first=after is None,
        is_first_run=is_first_run,
        more=more,
        first=wanted.query(down_to=said(page[-1].place) if has_more else ""),
        months=months,
        active=running,
        **context,
    )


@routes.get("/sessions/first", name="driver.sessions.first")
async def first(request: web.Request) -> web.Response:
    """What the first page shows by now, down to where it ended: so no row gets lost between."""
    wanted = Wanted.read(request.query)
    down_to = _place(request.query.get("down_to"))
    async with connection(request) as conn:
        rows = await _list(request, conn, wanted, limit=MOST, down_to=down_to)
        context = await _context(request, conn, rows)
    again = wanted.query(down_to=request.query.get("down_to", "") if down_to else "")
    return pages.render(request, "driver/_sessions_first.html", first=again, **context)


@routes.get("/sessions.csv", name="driver.sessions.csv")
async def file(request: web.Request) -> web.StreamResponse:
    """What the filters let through, all of it."""
    return await downloads.stream(
        request,
        name="sessions.csv",
        content_type="text/csv; charset=utf-8",
        parts=_lines(request, Wanted.read(request.query)),
    )


async def _list(
    request: web.Request,
    conn: Conn,
    wanted: Wanted,
    *,
    limit: int,
    after: Place | None = None,
    down_to: Place | None = None,
) -> list[Listed]:
    zone = shown.operator_zone(request)
    return await driver_sessions.list_page(
        conn,
        people.person(request).id,
        zone=zone,
        filters=wanted.filters(zone),
        limit=limit,
        after=after,
        down_to=down_to,
    )


async def _context(request: web.Request, conn: Conn, rows: Sequence[Listed]) -> dict[str, Any]:
    prices = await price_view.of_sessions(request, conn, [row.number for row in rows])
    return {"rows": rows, "prices": prices, "now": datetime.now(UTC), "silent": shown.SILENT_FOR}


async def _lines(request: web.Request, wanted: Wanted) -> AsyncIterator[Sequence[bytes]]:
    after: Place | None = None
    while True:
        async with connection(request) as conn:
            rows = await _list(request, conn, wanted, limit=MOST, after=after)
            prices = await price_view.of_sessions(request, conn, [row.number for row in rows])
        head = [downloads.line(_HEAD)] if after is None else []
        yield [*head, *(_line(row, prices[row.number]) for row in rows)]
        if len(rows) < MOST:
            return
        after = rows[-1].place


def _line(row: Listed, price: Shown) -> bytes:
    return downloads.line(
        (
            row.number,
            row.started_at,
            row.ended_at,
            row.zone,
            row.charger,
            row.public_id,
            row.connector_type,
            row.card or (None if row.is_app else row.id_token),
            None if row.energy_wh is None else row.energy_wh / 1000,
            int(row.took.total_seconds()),
            price.total,
            price.currency,
            "Completed" if row.is_finalized else "In progress",
        )
    )


def said(place: Place) -> str:
    return f"{place.started_at.astimezone(UTC).isoformat()}_{place.number}"


def _place(text: str | None) -> Place | None:
    """None for what is no place: the list then begins at its start."""
    at, _, number = (text or "").partition("_")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
        return Place(moment, int(number)) if moment.tzinfo and len(number) < 19 else None
    except ValueError:
        return None


def _day(text: str | None) -> date | None:
    """A day that a calendar of ours can hold, and the day after it too."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 1970 <= day.year < 9999 else None


def _midnight(day: date | None, zone: str, *, days_later: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=days_later), time(), ZoneInfo(zone))

"""One session of the driver's own: its figures, its charger, its curve and its meter timeline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from aiohttp import web
from markupsafe import Markup

from csms.rules.timeline import Row, Timeline
from db import driver_sessions, session_readings
from db.driver_sessions import Own
from db.errors import NotFound
from db.rows import Conn
from portal import meter_timeline, pages, people, price_view
from portal.context import connection
from portal.price_view import Shown
from portal.views.driver import disputes, meter, shown
from portal.views.driver.status import glyph

routes = web.RouteTableDef()

_MOST_NUMBER = 2**31 - 1
FIRST_ROWS = 50
MORE_ROWS = 200
MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """A session as it stands at `now`."""

    session: Own
    price: Shown
    now: datetime

    @property
    def is_silent(self) -> bool:
        session = self.session
        return not session.is_finalized and self.now - session.updated_at > shown.SILENT_FOR

    @property
    def average_w(self) -> Decimal | None:
        """Total energy by hours; None for no time at all (S8)."""
        seconds = Decimal(self.session.took.total_seconds())
        energy_wh = self.session.energy_wh
        return None if energy_wh is None or seconds < 1 else energy_wh * 3600 / seconds

    @property
    def glyph(self) -> str:
        return glyph(self.session.connector_type)

    @property
    def connector(self) -> str:
        """Its place on a charger that has several."""
        session = self.session
        has_several = session.evse_count > 1 and session.evse is not None
        return f"connector {session.evse}" if has_several else ""


@dataclass(frozen=True, slots=True)
class Readings:
    """The timeline as it is shown: sorted, and the first `rows` of it."""

    session: Own
    found: Timeline
    curve: meter.Curve | None
    sort: str
    most: int
    is_signed: bool

    @property
    def rows(self) -> list[tuple[int, Row]]:
        """Each with its place by time."""
        rows = list(enumerate(self.found.rows))
        return (rows if self.sort == "oldest" else rows[::-1])[: self.most]

    @property
    def odd(self) -> list[tuple[Row, meter.Told]]:
        """Every row that is marked, the first ones, also those that are not shown yet."""
        marked = [(row, mark) for row in self.found.rows for mark in row.marks]
        return [(row, meter.told(mark, self.session)) for row, mark in marked[:20]]

    @property
    def ends(self) -> list[meter.Told]:
        return [meter.told(mark, self.session) for mark in self.found.marks]

    @property
    def summary(self) -> str:
        return meter.summary(self.found)

    @property
    def sums(self) -> tuple[str, str] | None:
        return meter.sum_words(self.found, self.session)

    @property
    def more(self) -> int:
        return max(len(self.found.rows) - self.most, 0)

    @property
    def data(self) -> Markup:
        """For a script block: nothing in it can end the block."""
        text = json.dumps(self.curve.data if self.curve else {}, separators=(",", ":"))
        return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - numbers, and a zone's name

    def told(self, row: Row) -> list[meter.Told]:
        return [meter.told(mark, self.session) for mark in row.marks]

    def added(self, row: Row) -> str:
        """kWh to the watt-hour; the first one adds nothing, for it is what the others add to."""
        if row.added_wh is None:
            is_first = row.read.register_wh is not None and not row.marks and row.from_wh is None
            return "start" if is_first else "–"
        return f"+{Decimal(row.added_wh) / 1000:.3f}"

    def register(self, register_wh: int) -> str:
        return f"{Decimal(register_wh) / 1000:,.3f}"

    def clock(self, row: Row) -> str:
        return meter.dated(row.at, self.session)

    def iso(self, row: Row) -> str:
        """In the zone of the site: what a dispute marks a row by."""
        return row.at.astimezone(UTC).isoformat()


@routes.get("/sessions/{number}", name="driver.session")
async def show(request: web.Request) -> web.Response:
    number = number_of(request)
    async with connection(request) as conn:
        page = await _page(request, conn, number)
        readings = await _readings(request, conn, page.session)
        dispute = await disputes.of_session(request, conn, number)
        running = await shown.running(request, conn, [])
    return pages.render(
        request,
        "driver/session.html",
        page=page,
        readings=readings,
        dispute=dispute,
        can_dispute=dispute.can_dispute,
        active=running,
    )


@routes.get("/sessions/{number}/now", name="driver.session.now")
async def now(request: web.Request) -> web.Response:
    """Title, badge, tiles, price and charger, as they are by now."""
    async with connection(request) as conn:
        page = await _page(request, conn, number_of(request))
    return pages.render(request, "driver/_session_now.html", page=page)


@routes.get("/sessions/{number}/readings", name="driver.session.readings")
async def readings(request: web.Request) -> web.Response:
    """The curve and the timeline."""
    number = number_of(request)
    async with connection(request) as conn:
        session = await own(request, conn, number)
        found = await _readings(request, conn, session)
        dispute = await disputes.of_session(request, conn, number)
    return pages.render(
        request,
        "driver/_session_readings.html",
        readings=found,
        can_dispute=dispute.can_dispute,
    )


async def own(request: web.Request, conn: Conn, number: int) -> Own:
    """Raises NotFound, also for another's (decision 27)."""
    return await driver_sessions.get(
        conn, people.person(request).id, number, zone=shown.operator_zone(request)
    )


def number_of(request: web.Request) -> int:
    """Raises NotFound for what is no number of ours."""
    said = request.match_info["number"]
    if not (said.isascii() and said.isdigit() and len(said) < 20 and int(said) <= _MOST_NUMBER):
        raise NotFound("no such session")
    return int(said)


def until(session: Own) -> datetime:
    """To when readings of it may be looked for."""
    return session.ended_at or max(datetime.now(UTC), session.updated_at)


async def _page(request: web.Request, conn: Conn, number: int) -> Page:
    session = await own(request, conn, number)
    price = await price_view.of_session(request, conn, number)
    return Page(session, price, datetime.now(UTC))


async def _readings(request: web.Request, conn: Conn, session: Own) -> Readings:
    figures = await session_readings.list_figures(
        conn,
        session.station_id,
        session.number,
        started_at=session.started_at,
        until=until(session),
    )
    found = meter_timeline.read(session, figures)
    said = request.query.get("rows", "")
    is_number = said.isascii() and said.isdigit() and len(said) < 6
    return Readings(
        session,
        found,
        meter.curve(found, session),
        "newest" if request.query.get("sort") == "newest" else "oldest",
        min(max(int(said), FIRST_ROWS), MOST_ROWS) if is_number else FIRST_ROWS,
        any(row.is_signed for row in figures),
    )

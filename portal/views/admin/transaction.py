"""One charging session: what an operator needs with a complaint on the line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from db import admin_session, changes, commands, session_readings
from db.admin_session import Detail
from db.model.commands import Command, StopSession
from db.rows import Conn
from db.session_filters import Place
from portal import acts, meter_timeline, pages, price_view
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.views.admin import transaction_readings
from portal.views.admin.asking import by
from portal.views.admin.charger import pretty
from portal.views.admin.transaction_filters import place, said
from portal.views.admin.transaction_panels import panel
from portal.views.admin.transaction_rows import SILENT_S, flag_words

routes = web.RouteTableDef()

_FRAMES = 25
_READINGS = 100
_STOP_FOR = timedelta(seconds=30)
_MOST_NUMBER = 2**63 - 1


@routes.get(r"/admin/transactions/{number:\d+}")
async def show(request: web.Request) -> web.Response:
    now = datetime.now(UTC)
    async with connection(request) as conn:
        of = await session_of(request, conn)
        context: dict[str, Any] = {
            **await _now(conn, of, now),
            **await _readings(request, conn, of, now),
            "price": await _price(request, conn, of),
            "decisions": await admin_session.list_decisions(conn, of),
            "disputes": await admin_session.list_disputes(conn, of),
            "frames": await panel(request, _frames(conn, of, now, None)),
        }
    return pages.render(request, "admin/transaction.html", pretty=pretty, **context)


@routes.get(r"/admin/transactions/{number:\d+}/now")
async def show_now(request: web.Request) -> web.Response:
    """Its state, its figures, and what was asked about its end."""
    async with connection(request) as conn:
        of = await session_of(request, conn)
        context = await _now(conn, of, datetime.now(UTC))
        price = await _price(request, conn, of)
    return pages.render(request, "admin/_transaction_now.html", price=price, **context)


@routes.get(r"/admin/transactions/{number:\d+}/readings")
async def show_readings(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        of = await session_of(request, conn)
        context = await _readings(request, conn, of, datetime.now(UTC))
    return pages.render(request, "admin/_transaction_readings.html", of=of, **context)


@routes.get(r"/admin/transactions/{number:\d+}/price")
async def show_price(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        of = await session_of(request, conn)
        price = await _price(request, conn, of)
    return pages.render(request, "admin/_transaction_price.html", of=of, price=price)


@routes.get(r"/admin/transactions/{number:\d+}/frames")
async def show_frames(request: web.Request) -> web.Response:
    """More of what was said, from a place on: rows to append, or a page of its own."""
    after = place(request.query.get("after"))
    async with connection(request) as conn:
        of = await session_of(request, conn)
        found = await _frames(conn, of, datetime.now(UTC), after)
    name = "_transaction_frames" if pages.is_fragment(request) else "transaction_frames"
    return pages.render(request, f"admin/{name}.html", of=of, **found, pretty=pretty)


@routes.post(r"/admin/transactions/{number:\d+}/stop")
async def stop(request: web.Request) -> web.Response:
    """Ask the charger, once at a time; the page shows what became of it."""
    asked: Command | None = None
    async with transaction(request) as conn:
        of = await session_of(request, conn)
        if not of.is_finalized:
            asked = next(
                (one for one in await admin_session.list_stops(conn, of) if _is_open(one)), None
            )
            if asked is None:
                asked = await commands.ask(
                    conn,
                    of.station_id,
                    StopSession(session_id=of.number, transaction_id=of.transaction_id),
                    asked_by=by(request),
                    valid_for=_STOP_FOR,
                )
                await acts.record(
                    request, conn, "session.stop_asked", subject=f"session:{of.number}"
                )
    toast = "The charger is asked to stop." if asked else f"Session {of.number} is over already."
    if asked is not None:
        topic = changes.topic("session", of.number, account_id=of.account_id)
        request.app[NOTIFIER].changed(commands.topic(asked), topic)
    return pages.see_other(request, f"/admin/transactions/{of.number}", toast=toast)


async def session_of(request: web.Request, conn: Conn) -> Detail:
    """The one in the address. Raises HTTPNotFound, also for a number that none can have."""
    number = int(request.match_info["number"][:20])
    found = None
    if number <= _MOST_NUMBER:
        zone = request.app[CONFIG].operator_zone
        found = await admin_session.find(conn, number, zone=zone)
    if found is None:
        raise web.HTTPNotFound
    return found


async def _price(request: web.Request, conn: Conn, of: Detail) -> price_view.Shown | None:
    """None where it could not be read: the rest of the page stands."""
    return (await panel(request, price_view.of_session(request, conn, of.number))).value


async def _now(conn: Conn, of: Detail, now: datetime) -> dict[str, Any]:
    stops = await admin_session.list_stops(conn, of)
    took = max((of.ended_at or now) - of.started_at, timedelta(0))
    hours = took / timedelta(hours=1)
    power_w = None
    if of.energy_wh is not None and hours > 0:
        power_w = round(float(of.energy_wh) / hours)
    return {
        "of": of,
        "took": took,
        "average_w": power_w,
        "is_silent": not of.is_finalized and now - of.updated_at > timedelta(seconds=SILENT_S),
        "stops": stops,
        "is_stopping": any(_is_open(one) for one in stops),
        "flag_words": flag_words,
    }


async def _readings(request: web.Request, conn: Conn, of: Detail, now: datetime) -> dict[str, Any]:
    figures = await session_readings.list_figures(
        conn, of.station_id, of.number, started_at=of.started_at, until=of.ended_at or now
    )
    found = meter_timeline.read(of, figures)
    made = transaction_readings.checks(of, found)
    wants_all = request.query.get("readings") == "all"
    hidden = 0 if wants_all else max(len(found.rows) - _READINGS, 0)
    mark_words: Callable[..., str] = transaction_readings.mark_words
    return {
        "timeline": found,
        "readings": found.rows[hidden:],
        "hidden": hidden,
        "wants_all": wants_all,
        "checks": made,
        "verdict": transaction_readings.verdict(of, made),
        "mark_words": mark_words,
    }


async def _frames(conn: Conn, of: Detail, now: datetime, after: Place | None) -> dict[str, Any]:
    found = await admin_session.list_frames(conn, of, now=now, after=after, limit=_FRAMES + 1)
    shown = found[:_FRAMES]
    has_more = len(found) > _FRAMES
    return {
        "messages": shown,
        "more": said(Place(shown[-1].received_at, shown[-1].id)) if has_more else "",
    }


def _is_open(command: Command) -> bool:
    return command.settled_at is None

"""The dashboard, and its parts as they are read again when something changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from db import driver_home, reservations
from db.rows import Conn
from portal import pages, people, plan_view, price_view
from portal.context import connection
from portal.views.driver import shown, usage

routes = web.RouteTableDef()


@routes.get("/", name="driver.home")
async def home(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        told = await shown.told(request, conn)
        running = await shown.running(request, conn, told)
        offers = await shown.offers(request, conn, told)
        context = {
            **await _recent(request, conn),
            **await _next(request, conn),
            **await _usage(request, conn),
        }
    return pages.render(request, "driver/home.html", running=running, offers=offers, **context)


@routes.get("/active", name="driver.active")
async def active(request: web.Request) -> web.Response:
    """The running sessions, large."""
    async with connection(request) as conn:
        running = await shown.running(request, conn, await shown.told(request, conn))
    return pages.render(request, "driver/_active.html", running=running)


@routes.get("/active/strip", name="driver.strip")
async def strip(request: web.Request) -> web.Response:
    return pages.render(request, "driver/_strip.html", active=await shown.active(request))


@routes.get("/chargers/online", name="driver.online")
async def online(request: web.Request) -> web.Response:
    """How many chargers can be used now."""
    async with connection(request) as conn:
        offers = await shown.offers(request, conn, [])
    return pages.render(request, "driver/_online.html", offers=offers)


@routes.get("/chargers/{public_id}/card", name="driver.charger")
async def charger(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        offer = await shown.offer(request, conn, await shown.told(request, conn))
    return pages.render(request, "driver/_charger.html", offer=offer)


@routes.get("/sessions/recent", name="driver.recent")
async def recent(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        context = await _recent(request, conn)
    return pages.render(request, "driver/_recent.html", **context)


@routes.get("/reservations/next", name="driver.reservation")
async def reservation(request: web.Request) -> web.Response:
    """The soonest one whose end has not passed."""
    async with connection(request) as conn:
        context = await _next(request, conn)
    return pages.render(request, "driver/_next.html", **context)


@routes.get("/usage", name="driver.usage")
async def period(request: web.Request) -> web.Response:
    """Total and days of the period in the address, and the plan."""
    async with connection(request) as conn:
        context = await _usage(request, conn)
    return pages.render(request, "driver/_usage.html", **context)


async def _recent(request: web.Request, conn: Conn) -> dict[str, Any]:
    rows = await driver_home.list_recent(
        conn, people.person(request).id, zone=shown.operator_zone(request)
    )
    prices = await price_view.of_sessions(request, conn, [row.number for row in rows])
    return {"recent": rows, "prices": prices}


async def _next(request: web.Request, conn: Conn) -> dict[str, Any]:
    now = datetime.now(UTC)
    account_id = people.person(request).id
    found = await reservations.next_of(conn, account_id, now, zone=shown.operator_zone(request))
    return {"reservation": found, "now": now}


async def _usage(request: web.Request, conn: Conn) -> dict[str, Any]:
    return {
        "usage": await usage.of_period(request, conn),
        "periods": usage.PERIODS,
        "plan": await plan_view.of_account(request, conn, people.person(request).id),
    }

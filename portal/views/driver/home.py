"""The dashboard, and its parts as they are read again when something changed."""

from __future__ import annotations

from aiohttp import web

from db import driver_home
from portal import pages, people
from portal.context import connection
from portal.views.driver import shown

routes = web.RouteTableDef()


@routes.get("/", name="driver.home")
async def home(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        told = await shown.told(request, conn)
        running = await shown.running(request, conn, told)
        offers = await shown.offers(request, conn, told)
        recent = await driver_home.list_recent(
            conn, people.person(request).id, zone=shown.operator_zone(request)
        )
    return pages.render(
        request,
        "driver/home.html",
        running=running,
        offers=offers,
        recent=recent,
    )


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
        found = await driver_home.list_recent(
            conn, people.person(request).id, zone=shown.operator_zone(request)
        )
    return pages.render(request, "driver/_recent.html", recent=found)

"""Sites: where chargers stand, in which time zone, and in which currency they are paid."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

import structlog
from aiohttp import web

from db import sites
from db.errors import Conflict
from db.sites import Site
from portal import pages
from portal.context import CONFIG, connection
from portal.forms import Form
from portal.views.admin.asking import by, id_of

log = structlog.get_logger()

routes = web.RouteTableDef()

_CURRENCY = re.compile(r"[A-Z]{3}")
_ZONES = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


@routes.get("/admin/sites")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        rows = await sites.list_all(conn)
    return pages.render(request, "admin/sites.html", rows=rows)


@routes.get("/admin/sites/new")
async def new(request: web.Request) -> web.Response:
    config = request.app[CONFIG]
    given = {"zone": config.operator_zone, "currency": config.operator_currency}
    return _page(request, Form(given))


@routes.post("/admin/sites/new")
async def add(request: web.Request) -> web.StreamResponse:
    return await _save(request, None)


@routes.get(r"/admin/sites/{id:\d+}")
async def edit(request: web.Request) -> web.Response:
    site = await _site(request)
    given = {
        "name": site.name,
        "zone": site.zone,
        "currency": site.currency,
        "address": site.address or "",
    }
    return _page(request, Form(given), site=site)


@routes.post(r"/admin/sites/{id:\d+}")
async def change(request: web.Request) -> web.StreamResponse:
    return await _save(request, await _site(request))


async def _save(request: web.Request, site: Site | None) -> web.StreamResponse:
    form = await Form.read(request)
    name = form.text("name", label="the site's name", most=100)
    zone = form.text("zone", label="the time zone", most=60)
    currency = (form.text("currency", label="the currency", most=3) or "").upper()
    address = form.text("address", required=False, most=300, lines=True)
    if zone and zone not in _ZONES:
        form.wrong("zone", "Choose a time zone from the list, such as Europe/Berlin")
    if currency and not _CURRENCY.fullmatch(currency):
        form.wrong("currency", "Enter three letters, such as EUR")
    if form.is_valid:
        assert name is not None
        assert zone is not None
        values = {"name": name, "zone": zone, "currency": currency, "address": address or None}
        try:
            async with connection(request) as conn:
                if site is None:
                    await sites.add(conn, name=name, zone=zone, currency=currency, address=address)
                else:
                    await sites.update(
                        conn, site.id, name=name, zone=zone, currency=currency, address=address
                    )
        except Conflict:
            form.wrong("name", "There is a site with this name already")
        else:
            log.info("site.saved", by=by(request), **values)
            return pages.see_other(request, "/admin/sites", toast=f"{name} is saved.")
    return _page(request, form, site=site, status=422)


async def _site(request: web.Request) -> Site:
    async with connection(request) as conn:
        site = await sites.find(conn, id_of(request))
    if site is None:
        raise web.HTTPNotFound
    return site


def _page(
    request: web.Request, form: Form, *, site: Site | None = None, status: int = 200
) -> web.Response:
    return pages.render(
        request, "admin/site_form.html", status=status, form=form, site=site, zones=_ZONES
    )

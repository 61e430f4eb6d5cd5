"""Sites: where chargers stand, in which time zone, and in which currency they are paid."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

import structlog
from aiohttp import web

from db import changes, sites
from db.errors import Conflict
from db.rows import Conn
from db.sites import Site
from portal import acts, pages
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, id_of
from portal.views.admin.charger_fields import tariff_field, tariff_options

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
    async with connection(request) as conn:
        return await page(request, conn, Form(given))


@routes.post("/admin/sites/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        return await _save(request, conn, form, None)


@routes.get(r"/admin/sites/{id:\d+}")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        site = await site_of(request, conn)
        return await page(request, conn, given(site), site=site)


@routes.post(r"/admin/sites/{id:\d+}")
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        site = await site_of(request, conn)
        response = await _save(request, conn, form, site)
    await tell(request, site)
    return response


async def tell(request: web.Request, site: Site) -> None:
    """Pages with chargers of the site, once what changed of it is committed."""
    async with connection(request) as conn:
        ids = await sites.list_station_ids(conn, site.id)
    request.app[NOTIFIER].changed(*(changes.topic("station", id) for id in ids))


async def site_of(request: web.Request, conn: Conn) -> Site:
    """Raises HTTPNotFound."""
    site = await sites.find(conn, id_of(request))
    if site is None:
        raise web.HTTPNotFound
    return site


def given(site: Site) -> Form:
    values = {
        "name": site.name,
        "zone": site.zone,
        "currency": site.currency,
        "address": site.address or "",
        "tariff": str(site.tariff_id or ""),
    }
    return Form(values | ({"members_only": "on"} if site.is_members_only else {}))


async def page(
    request: web.Request,
    conn: Conn,
    form: Form,
    *,
    site: Site | None = None,
    member_form: Form | None = None,
    status: int = 200,
) -> web.Response:
    return pages.render(
        request,
        "admin/site_form.html",
        status=status,
        form=form,
        member_form=member_form or Form(),
        site=site,
        members=await sites.list_members(conn, site.id) if site else [],
        tariffs=await tariff_options(conn, "The default tariff"),
        zones=_ZONES,
    )


async def _save(
    request: web.Request, conn: Conn, form: Form, site: Site | None
) -> web.StreamResponse:
    values = await _values(conn, form)
    if form.is_valid:
        try:
            # A savepoint: the name may be taken, and the form is then drawn from this transaction.
            async with conn.transaction():
                if site is None:
                    saved = await sites.add(conn, **values)
                else:
                    saved = site
                    await sites.update(conn, site.id, **values)
        except Conflict:
            form.wrong("name", "There is a site with this name already")
    if not form.is_valid:
        return await page(request, conn, form, site=site, status=422)
    done = "site.added" if site is None else "site.changed"
    await acts.record(request, conn, done, subject=f"site:{saved.id}", **values)
    log.info("site.saved", by=by(request), **values)
    return pages.see_other(request, "/admin/sites", toast=f"{values['name']} is saved.")


async def _values(conn: Conn, form: Form) -> dict[str, Any]:
    """What is written of a site; of no use while the form is wrong."""
    zone = form.text("zone", label="the time zone", most=60)
    currency = (form.text("currency", label="the currency", most=3) or "").upper()
    if zone and zone not in _ZONES:
        form.wrong("zone", "Choose a time zone from the list, such as Europe/Berlin")
    if currency and not _CURRENCY.fullmatch(currency):
        form.wrong("currency", "Enter three letters, such as EUR")
    return {
        "name": form.text("name", label="the site's name", most=100),
        "zone": zone,
        "currency": currency,
        "address": form.text("address", required=False, most=300, lines=True) or None,
        "tariff_id": await tariff_field(conn, form),
        "is_members_only": form.ticked("members_only"),
    }

"""Stickers to print: the code of a charger's public page, its letters, its name and the address."""

from __future__ import annotations

from typing import NamedTuple

import segno
from aiohttp import web
from markupsafe import Markup

from db import admin_chargers
from db.admin_chargers import ChargerRow
from portal import pages
from portal.context import CONFIG, connection
from portal.mails.links import absolute

routes = web.RouteTableDef()


class Sticker(NamedTuple):
    row: ChargerRow
    url: str
    code: Markup  # an SVG


@routes.get("/admin/stickers")
async def show(request: web.Request) -> web.Response:
    """Of `?charger=IDENTITY`, of `?site=ID`, or of all."""
    charger, site = request.query.get("charger"), request.query.get("site")
    async with connection(request) as conn:
        rows = await admin_chargers.list_all(conn, zone=request.app[CONFIG].operator_zone)
    if charger is not None:
        rows = [row for row in rows if row.identity == charger]
    elif site is not None:
        rows = [row for row in rows if str(row.site_id) == site]
    if not rows and (charger is not None or site is not None):
        raise web.HTTPNotFound
    return pages.render(
        request,
        "admin/stickers.html",
        stickers=[_sticker(request, row) for row in rows],
        back=f"/admin/sites/{site}" if site is not None else "/admin/devices",
        is_local=request.app[CONFIG].public_url is None,
    )


def _sticker(request: web.Request, row: ChargerRow) -> Sticker:
    url = absolute(request.app[CONFIG], f"/c/{row.public_id}")
    # H: a third of it may be scratched off.
    code = segno.make(url, error="h", micro=False)
    svg = code.svg_inline(omitsize=True, border=4, dark="#000", light="#fff", svgclass="code")
    return Sticker(row, url, Markup(svg))  # noqa: S704 - made of modules, not of text

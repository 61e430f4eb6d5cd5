"""The requests for a certificate that a charger made, on its page."""

from __future__ import annotations

from aiohttp import web

from db import certificate_requests
from db.admin_chargers import ChargerRow
from db.certificate_requests import CertificateRequest
from db.rows import Conn
from portal import pages
from portal.context import connection
from portal.views.admin.asking import charger_of

routes = web.RouteTableDef()

_SHOWN = 5


@routes.get("/admin/chargers/{identity}/certificates")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        certificates = await certificates_of(conn, row)
    return pages.render(
        request, "admin/_charger_certificates.html", row=row, certificates=certificates
    )


async def certificates_of(conn: Conn, row: ChargerRow) -> list[CertificateRequest]:
    """The newest first."""
    return await certificate_requests.list_by_station(conn, row.id, before=None, limit=_SHOWN)

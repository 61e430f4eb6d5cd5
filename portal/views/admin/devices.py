"""All chargers: how each is, by the charger's own words, and whether it is connected."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from db import admin_chargers, stations
from db.admin_chargers import ChargerRow
from db.model.stations import Connector
from db.rows import Conn
from portal import pages
from portal.context import CONFIG, connection
from portal.views.admin.asking import charger_of

routes = web.RouteTableDef()

_TONES = {
    "Available": ("ok", "check"),
    "Occupied": ("live", "link"),
    "Reserved": ("wait", "held"),
    "Unavailable": ("off", "gone"),
    "Faulted": ("fault", "alert"),
}


@routes.get("/admin/devices")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        rows = await admin_chargers.list_all(conn, zone=request.app[CONFIG].operator_zone)
        plugs = await plugs_of(conn, rows)
    return pages.render(
        request,
        "admin/devices.html",
        rows=rows,
        plugs=plugs,
        connected=sum(row.connected_since is not None for row in rows),
        most=admin_chargers.MOST,
        tone_of=tone_of,
    )


@routes.get("/admin/devices/{identity}/row")
async def row(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await charger_of(request, conn)
        plugs = await plugs_of(conn, [found])
    return pages.render(request, "admin/_device_row.html", row=found, plugs=plugs, tone_of=tone_of)


async def plugs_of(conn: Conn, rows: Sequence[ChargerRow]) -> dict[int, list[Connector]]:
    """By station; EVSE by EVSE."""
    found: dict[int, list[Connector]] = {row.id: [] for row in rows}
    for plug in await stations.list_connectors(conn, list(found)):
        found[plug.station_id].append(plug)
    return found


def tone_of(plug: Connector) -> tuple[str, str, str]:
    """The charger's own word, its tone and its icon."""
    tone, icon = _TONES.get(plug.status or "", ("off", "info"))
    return plug.reported or plug.status or "not reported", tone, icon

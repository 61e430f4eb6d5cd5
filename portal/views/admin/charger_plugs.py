"""A charger's connectors: add one, say what it is, remove it."""

from __future__ import annotations

import structlog
from aiohttp import web

from db import admin_chargers, changes, stations
from db.admin_chargers import ChargerRow
from db.errors import Conflict
from db.model.stations import Connector
from db.rows import Conn
from portal import acts, pages
from portal.context import NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, charger_of
from portal.views.admin.charger import quoted
from portal.views.admin.charger_fields import plug_fields, type_options

log = structlog.get_logger()

routes = web.RouteTableDef()

MOST = 100
_ONE = r"/admin/chargers/{identity}/connectors/{evse:\d{1,4}}/{connector:\d{1,4}}"


@routes.get("/admin/chargers/{identity}/connectors/new")
async def new(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        plugs = await stations.list_connectors(conn, [row.id])
    following = max((plug.evse for plug in plugs), default=0) + 1
    return _page(request, Form({"evse": str(following), "connector": "1"}), row)


@routes.post("/admin/chargers/{identity}/connectors/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    evse = form.integer("evse", label="the number of the EVSE", least=1, most=MOST)
    number = form.integer("connector", label="the connector's number", least=1, most=MOST)
    kind, max_power_w = plug_fields(form, "type", "kw")
    if not kind:
        form.wrong("type", "Choose the type of the connector")
    async with transaction(request) as conn:
        row = await charger_of(request, conn)
        plugs = await stations.list_connectors(conn, [row.id])
        if any((plug.evse, plug.connector) == (evse, number) for plug in plugs):
            form.wrong("evse", "The charger has this connector already")
        if not form.is_valid:
            return _page(request, form, row, status=422)
        assert evse is not None
        assert number is not None
        await _write(request, conn, row, "connector.added", evse, number, kind, max_power_w)
    return _saved(request, row, f"Connector {evse} is added.")


@routes.get(_ONE)
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row, plug = await _plug(request, conn)
    kw = "" if plug.max_power_w is None else f"{plug.max_power_w / 1000:g}"
    return _page(request, Form({"type": plug.type or "", "kw": kw}), row, plug)


@routes.post(_ONE)
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    kind, max_power_w = plug_fields(form, "type", "kw")
    async with transaction(request) as conn:
        row, plug = await _plug(request, conn)
        if not form.is_valid:
            return _page(request, form, row, plug, status=422)
        await _write(
            request, conn, row, "connector.changed", plug.evse, plug.connector, kind, max_power_w
        )
    return _saved(request, row, f"Connector {plug.evse} is saved.")


@routes.post(f"{_ONE}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    async with transaction(request) as conn:
        row, plug = await _plug(request, conn)
        try:
            await admin_chargers.remove_connector(
                conn, row.id, evse=plug.evse, connector=plug.connector
            )
        except Conflict:
            form = Form({"type": plug.type or ""})
            form.wrong("", "A session runs at this connector. Stop it first, then remove it.")
            return _page(request, form, row, plug, status=409)
        await acts.record(
            request,
            conn,
            "connector.removed",
            subject=f"station:{row.id}",
            identity=row.identity,
            evse=plug.evse,
            connector=plug.connector,
        )
    return _saved(request, row, f"Connector {plug.evse} is removed.")


async def _write(
    request: web.Request,
    conn: Conn,
    row: ChargerRow,
    action: str,
    evse: int,
    connector: int,
    kind: str | None,
    max_power_w: int | None,
) -> None:
    await admin_chargers.set_connector(
        conn, row.id, evse=evse, connector=connector, type=kind, max_power_w=max_power_w
    )
    await acts.record(
        request,
        conn,
        action,
        subject=f"station:{row.id}",
        identity=row.identity,
        evse=evse,
        connector=connector,
        type=kind,
        max_power_w=max_power_w,
    )


def _saved(request: web.Request, row: ChargerRow, toast: str) -> web.Response:
    log.info("station.connectors_changed", by=by(request), identity=row.identity)
    request.app[NOTIFIER].changed(changes.topic("station", row.id))
    return pages.see_other(request, f"/admin/chargers/{quoted(row)}", toast=toast)


async def _plug(request: web.Request, conn: Conn) -> tuple[ChargerRow, Connector]:
    """Raises HTTPNotFound."""
    row = await charger_of(request, conn)
    wanted = int(request.match_info["evse"]), int(request.match_info["connector"])
    for plug in await stations.list_connectors(conn, [row.id]):
        if (plug.evse, plug.connector) == wanted:
            return row, plug
    raise web.HTTPNotFound


def _page(
    request: web.Request,
    form: Form,
    row: ChargerRow,
    plug: Connector | None = None,
    *,
    status: int = 200,
) -> web.Response:
    return pages.render(
        request,
        "admin/charger_plug.html",
        status=status,
        form=form,
        row=row,
        plug=plug,
        types=type_options(form.given.get("type", "")),
    )

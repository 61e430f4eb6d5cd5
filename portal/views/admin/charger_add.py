"""Add a charger."""

from __future__ import annotations

import re
from typing import NamedTuple

import structlog
from aiohttp import web

from db import admin_chargers, changes, stations
from db.errors import Conflict
from db.rows import Conn
from portal import acts, pages
from portal.context import NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by
from portal.views.admin.charger_fields import (
    PROFILES,
    place_fields,
    place_options,
    plug_fields,
    profile_field,
    type_options,
)
from portal.views.admin.charger_password import made_key, show_once

log = structlog.get_logger()

routes = web.RouteTableDef()

PLUGS = 4
_IDENTITY = re.compile(r"[A-Za-z0-9*_=:+|@.\-]{1,48}")


class Plug(NamedTuple):
    evse: int
    type: str | None
    max_power_w: int | None


@routes.get("/admin/chargers/new")
async def new(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        return await _page(
            request,
            conn,
            Form({name: request.query.get(name, "") for name in ("site", "identity")}),
        )


@routes.post("/admin/chargers/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    identity = form.text("identity", label="the charger's identity", most=48)
    if identity and not _IDENTITY.fullmatch(identity):
        form.wrong("identity", "Use letters, digits and * _ = : + | @ . - only")
    async with transaction(request) as conn:
        name, site_id, tariff_id = await place_fields(conn, form)
        least_profile = profile_field(form, has_password=True)
        plugs = _details(form)
        if not plugs:
            form.wrong("type-1", "Choose the type of the first connector")
        if form.is_valid:
            assert identity is not None
            password, salt, digest = made_key()
            try:
                async with conn.transaction():
                    station = await stations.add(
                        conn,
                        identity=identity,
                        name=name,
                        key_salt=salt,
                        key_hash=digest,
                        least_profile=least_profile,
                    )
            except Conflict:
                form.wrong("identity", "There is a charger with this identity already")
        if not form.is_valid:
            return await _page(request, conn, form, status=422)
        await admin_chargers.update(
            conn, station.id, name=name, site_id=site_id, tariff_id=tariff_id
        )
        for plug in plugs:
            await admin_chargers.set_connector(conn, station.id, **plug._asdict())
        row = await admin_chargers.find(conn, station.identity, zone="UTC")
        await acts.record(
            request, conn, "station.added", subject=f"station:{station.id}", identity=identity
        )
    assert row is not None
    log.info("station.added", by=by(request), identity=row.identity)
    request.app[NOTIFIER].changed(changes.topic("station", row.id))
    return show_once(request, row, password)


def _details(form: Form) -> list[Plug]:
    plugs = []
    for evse in range(1, PLUGS + 1):
        kind, max_power_w = plug_fields(form, f"type-{evse}", f"kw-{evse}")
        if kind or max_power_w is not None:
            plugs.append(Plug(evse, kind, max_power_w))
    return plugs


async def _page(request: web.Request, conn: Conn, form: Form, *, status: int = 200) -> web.Response:
    said = [form.given.get(f"type-{evse}", "") for evse in range(1, PLUGS + 1)]
    return pages.render(
        request,
        "admin/charger_form.html",
        status=status,
        form=form,
        types=type_options(*said),
        plugs=range(1, PLUGS + 1),
        profiles=PROFILES,
        **await place_options(conn),
    )

"""Add a charger, change what we say of it, give it a new password."""

from __future__ import annotations

import re
import secrets
import string
from typing import NamedTuple

import structlog
from aiohttp import web

from db import admin_chargers, changes, sites, station_keys, stations
from db.admin_chargers import ChargerRow
from db.errors import Conflict
from db.model.stations import Connector
from db.rows import Conn
from portal import cookies, pages
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, charger_of
from portal.views.admin.charger import charger_url, quoted

log = structlog.get_logger()

routes = web.RouteTableDef()

PLUGS = 4
TYPES = ("Type 2", "CCS", "CHAdeMO", "Type 1", "NACS", "Schuko")
_IDENTITY = re.compile(r"[A-Za-z0-9*_=:+|@.\-]{1,48}")
_LETTERS = string.ascii_letters + string.digits
_COOKIE, _COOKIE_S = "shown_once", 60


class Plug(NamedTuple):
    evse: int
    type: str | None
    max_power_w: int | None


@routes.get("/admin/chargers/new")
async def new(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        return await _page(request, conn, Form({"site": request.query.get("site", "")}))


@routes.post("/admin/chargers/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    identity = form.text("identity", label="the charger's identity", most=48)
    if identity and not _IDENTITY.fullmatch(identity):
        form.wrong("identity", "Use letters, digits and * _ = : + | @ . - only")
    async with transaction(request) as conn:
        name, site_id, plugs = await _details(conn, form)
        if not plugs:
            form.wrong("type-1", "Choose the type of the first connector")
        if form.is_valid:
            assert identity is not None
            password, salt, digest = _made_key()
            try:
                async with conn.transaction():
                    station = await stations.add(
                        conn, identity=identity, name=name, key_salt=salt, key_hash=digest
                    )
            except Conflict:
                form.wrong("identity", "There is a charger with this identity already")
        if not form.is_valid:
            return await _page(request, conn, form, status=422)
        await _write(conn, station.id, name, site_id, plugs)
        row = await admin_chargers.find(conn, station.identity, zone="UTC")
    assert row is not None
    log.info("station.added", by=by(request), identity=row.identity)
    request.app[NOTIFIER].changed(changes.topic("station", row.id))
    return _show_once(request, row, password)


@routes.get("/admin/chargers/{identity}/edit")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        plugs = await stations.list_connectors(conn, [row.id])
        return await _page(request, conn, Form(_given(row, plugs)), row=row)


@routes.post("/admin/chargers/{identity}/edit")
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        row = await charger_of(request, conn)
        name, site_id, plugs = await _details(conn, form)
        if not form.is_valid:
            return await _page(request, conn, form, row=row, status=422)
        await _write(conn, row.id, name, site_id, plugs)
    log.info("station.changed", by=by(request), identity=row.identity)
    request.app[NOTIFIER].changed(changes.topic("station", row.id))
    return pages.see_other(request, f"/admin/chargers/{quoted(row)}", toast="The charger is saved.")


@routes.get("/admin/chargers/{identity}/password")
async def ask_new_password(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
    return pages.render(request, "admin/charger_password.html", row=row)


@routes.post("/admin/chargers/{identity}/password")
async def new_password(request: web.Request) -> web.StreamResponse:
    password, salt, digest = _made_key()
    async with transaction(request) as conn:
        row = await charger_of(request, conn)
        await admin_chargers.set_key(conn, row.id, salt=salt, digest=digest)
    log.info("station.new_password", by=by(request), identity=row.identity)
    return _show_once(request, row, password)


@routes.get("/admin/chargers/{identity}/key")
async def key(request: web.Request) -> web.StreamResponse:
    """The password, shown once: it came in a cookie that is gone after this page."""
    password = request.cookies.get(_COOKIE)
    async with connection(request) as conn:
        row = await charger_of(request, conn)
    response = pages.render(
        request,
        "admin/charger_key.html",
        row=row,
        url=charger_url(request, row.identity),
        password=password,
    )
    response.del_cookie(_COOKIE, path=_key_path(row))
    return response


def _show_once(request: web.Request, row: ChargerRow, password: str) -> web.Response:
    response = pages.see_other(request, _key_path(row))
    response.set_cookie(
        _COOKIE,
        password,
        max_age=_COOKIE_S,
        path=_key_path(row),
        httponly=True,
        secure=cookies.is_secure(request),
        samesite="Strict",
    )
    return response


def _key_path(row: ChargerRow) -> str:
    return f"/admin/chargers/{quoted(row)}/key"


def _made_key() -> tuple[str, bytes, bytes]:
    """A password as OCPP takes it (16 to 40 characters), and what is kept of it."""
    password = "".join(secrets.choice(_LETTERS) for _ in range(24))
    return password, *station_keys.make(password)


async def _details(conn: Conn, form: Form) -> tuple[str | None, int | None, list[Plug]]:
    name = form.text("name", required=False, most=100) or None
    known = {str(site.id): site.id for site in await sites.list_all(conn)}
    chosen = form.choice("site", known, label="a site", required=False)
    plugs = []
    for evse in range(1, PLUGS + 1):
        kind = form.text(f"type-{evse}", required=False, most=50)
        kw = form.decimal(f"kw-{evse}", required=False, least=1, most=2000, places=3)
        if kind or kw is not None:
            plugs.append(Plug(evse, kind or None, None if kw is None else int(kw * 1000)))
    return name, known.get(chosen or ""), plugs


async def _write(
    conn: Conn, station_id: int, name: str | None, site_id: int | None, plugs: list[Plug]
) -> None:
    await admin_chargers.update(conn, station_id, name=name, site_id=site_id)
    for plug in plugs:
        await admin_chargers.set_connector(
            conn, station_id, evse=plug.evse, type=plug.type, max_power_w=plug.max_power_w
        )


def _given(row: ChargerRow, plugs: list[Connector]) -> dict[str, str]:
    given = {"name": row.name or "", "site": str(row.site_id or "")}
    for plug in plugs:
        if plug.connector == 1 and plug.evse <= PLUGS:
            given[f"type-{plug.evse}"] = plug.type or ""
            kw = "" if plug.max_power_w is None else f"{plug.max_power_w / 1000:g}"
            given[f"kw-{plug.evse}"] = kw
    return given


async def _page(
    request: web.Request,
    conn: Conn,
    form: Form,
    *,
    row: ChargerRow | None = None,
    status: int = 200,
) -> web.Response:
    places = [("", "No site")] + [(str(site.id), site.name) for site in await sites.list_all(conn)]
    said = {form.given.get(f"type-{evse}", "") for evse in range(1, PLUGS + 1)}
    types = [*TYPES, *sorted(said - set(TYPES) - {""})]
    return pages.render(
        request,
        "admin/charger_form.html",
        status=status,
        form=form,
        row=row,
        sites=places,
        types=[("", "None"), *((kind, kind) for kind in types)],
        plugs=range(1, PLUGS + 1),
        zone=request.app[CONFIG].operator_zone,
    )

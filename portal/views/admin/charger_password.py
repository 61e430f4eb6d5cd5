"""A charger's password: one that is made here and shown once, or one that a person chose."""

from __future__ import annotations

import asyncio
import secrets
import string

import structlog
from aiohttp import web

from db import admin_chargers, station_keys
from db.admin_chargers import ChargerRow
from db.station_keys import LEAST_CHARACTERS, MOST_CHARACTERS
from portal import acts, cookies, pages
from portal.context import CONFIG, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, charger_of
from portal.views.admin.charger import quoted

log = structlog.get_logger()

routes = web.RouteTableDef()

_LETTERS = string.ascii_letters + string.digits
_COOKIE, _COOKIE_S = "shown_once", 60


@routes.get("/admin/chargers/{identity}/password")
async def ask_new_password(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
    return _page(request, row, Form())


@routes.post("/admin/chargers/{identity}/password")
async def new_password(request: web.Request) -> web.StreamResponse:
    password, salt, digest = made_key()
    row = await _set(request, salt, digest, how="made here")
    return show_once(request, row, password)


@routes.post("/admin/chargers/{identity}/password/chosen")
async def chosen_password(request: web.Request) -> web.StreamResponse:
    """It is never shown, not even in a form that comes back."""
    form = await Form.read(request)
    password = form.raw("password")
    if problem := _problem(password):
        form.wrong("password", problem)
        async with connection(request) as conn:
            row = await charger_of(request, conn)
        return _page(request, row, form, status=422)
    # It takes a while: beside the event loop, and before a connection is held.
    salt, digest = await asyncio.to_thread(station_keys.make_of_chosen, password)
    row = await _set(request, salt, digest, how="chosen by a person")
    return pages.see_other(
        request,
        f"/admin/chargers/{quoted(row)}",
        toast="The password is set. It holds from the charger's next connection on.",
    )


async def _set(request: web.Request, salt: bytes, digest: bytes, *, how: str) -> ChargerRow:
    async with transaction(request) as conn:
        row = await charger_of(request, conn)
        await admin_chargers.set_key(conn, row.id, salt=salt, digest=digest)
        await acts.record(
            request,
            conn,
            "station.password_changed",
            subject=f"station:{row.id}",
            identity=row.identity,
            how=how,
        )
    log.info("station.new_password", by=by(request), identity=row.identity, how=how)
    return row


def _problem(password: str) -> str | None:
    """What is wrong with a password that somebody chose, as a sentence."""
    if not password:
        return "Enter the password"
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        return f"Use {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters; these are {len(password)}"
    if not password.isprintable() or password != password.strip():
        return "Leave out spaces at its ends, and characters that cannot be seen"
    return None


def _page(request: web.Request, row: ChargerRow, form: Form, *, status: int = 200) -> web.Response:
    return pages.render(
        request,
        "admin/charger_password.html",
        status=status,
        row=row,
        form=form,
        least_characters=LEAST_CHARACTERS,
        most_characters=MOST_CHARACTERS,
    )


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
        url=request.app[CONFIG].charger_url(row.identity, row.least_profile),
        password=password,
    )
    response.del_cookie(_COOKIE, path=_key_path(row))
    return response


def show_once(request: web.Request, row: ChargerRow, password: str) -> web.Response:
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


def made_key() -> tuple[str, bytes, bytes]:
    """A password as OCPP takes it (16 to 40 characters), and what is kept of it."""
    password = "".join(secrets.choice(_LETTERS) for _ in range(24))
    return password, *station_keys.make(password)

"""Drivers: let one in, change or switch off an account, give it a new password."""

from __future__ import annotations

import structlog
from aiohttp import web

from db import accounts, admin_people, admin_sessions, changes, web_sessions
from db.accounts import Account
from db.errors import Conflict
from db.rows import Conn
from portal import pages, passwords
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, id_of
from portal.views.admin.transactions import row_context

log = structlog.get_logger()

routes = web.RouteTableDef()

_SESSIONS = 10


@routes.get("/admin/drivers")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        rows = await admin_people.list_drivers(conn)
    zone = request.app[CONFIG].operator_zone
    return pages.render(request, "admin/drivers.html", rows=rows, zone=zone, most=admin_people.MOST)


@routes.get("/admin/drivers/new")
async def new(request: web.Request) -> web.Response:
    return _form_page(request, Form())


@routes.post("/admin/drivers/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    name = form.text("name", label="the driver's name", most=100)
    email = form.email("email", label="the driver's e-mail address")
    if problem := passwords.problem(form.raw("password")):
        form.wrong("password", problem)
    if form.is_valid:
        assert email is not None
        password_hash = await passwords.hash_(form.raw("password"))
        try:
            async with connection(request) as conn:
                account = await accounts.add(
                    conn, email=email, name=name, role="driver", password_hash=password_hash
                )
        except Conflict:
            form.wrong("email", "There is an account with this address already")
        else:
            log.info("driver.added", by=by(request), account=account.id)
            return pages.see_other(
                request,
                f"/admin/drivers/{account.id}",
                toast=f"{name} may sign in. Tell them the address and the password.",
            )
    return _form_page(request, form, status=422)


@routes.get(r"/admin/drivers/{id:\d+}")
async def driver(request: web.Request) -> web.Response:
    zone = request.app[CONFIG].operator_zone
    async with connection(request) as conn:
        account = await _driver(request, conn)
        cards = await admin_people.list_cards(conn, account_id=account.id)
        sessions = await admin_sessions.list_of_account(
            conn, account.id, zone=zone, limit=_SESSIONS
        )
    return pages.render(
        request,
        "admin/driver.html",
        account=account,
        cards=cards,
        sessions=sessions,
        zone=zone,
        **row_context(),
    )


@routes.get(r"/admin/drivers/{id:\d+}/edit")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        account = await _driver(request, conn)
    given = {"name": account.name or "", "email": account.email}
    return _form_page(request, Form(given), account=account)


@routes.post(r"/admin/drivers/{id:\d+}/edit")
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    name = form.text("name", label="the driver's name", most=100)
    email = form.email("email", label="the driver's e-mail address")
    password = form.raw("password")
    if password and (problem := passwords.problem(password)):
        form.wrong("password", problem)
    hashed = await passwords.hash_(password) if password and form.is_valid else None
    async with connection(request) as conn:
        account = await _driver(request, conn)
        if form.is_valid:
            assert email is not None
            try:
                async with conn.transaction():
                    await accounts.set_details(conn, account.id, name=name, email=email)
                    if hashed is not None:
                        await accounts.set_password(conn, account.id, hashed)
                        await web_sessions.end_all(conn, account.id)
            except Conflict:
                form.wrong("email", "There is an account with this address already")
    if not form.is_valid:
        return _form_page(request, form, account=account, status=422)
    log.info("driver.changed", by=by(request), account=account.id, has_new_password=bool(hashed))
    if hashed is not None:
        request.app[NOTIFIER].changed(changes.topic("account", account.id))
    return pages.see_other(request, f"/admin/drivers/{account.id}", toast=f"{name} is saved.")


@routes.post(r"/admin/drivers/{id:\d+}/active")
async def switch(request: web.Request) -> web.StreamResponse:
    """On or off; whoever is switched off is signed out everywhere at once."""
    is_active = (await Form.read(request)).ticked("active")
    async with transaction(request) as conn:
        account = await _driver(request, conn)
        await accounts.set_active(conn, account.id, is_active)
    log.info("driver.switched", by=by(request), account=account.id, is_active=is_active)
    request.app[NOTIFIER].changed(changes.topic("account", account.id))
    words = "may sign in again" if is_active else "may no longer sign in"
    return pages.see_other(
        request, f"/admin/drivers/{account.id}", toast=f"{account.display_name} {words}."
    )


async def _driver(request: web.Request, conn: Conn) -> Account:
    account = await accounts.find(conn, id_of(request))
    if account is None or account.role != "driver":
        raise web.HTTPNotFound
    return account


def _form_page(
    request: web.Request, form: Form, *, account: Account | None = None, status: int = 200
) -> web.Response:
    return pages.render(
        request,
        "admin/driver_form.html",
        status=status,
        form=form,
        account=account,
        least_characters=passwords.LEAST_CHARACTERS,
    )

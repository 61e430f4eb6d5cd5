"""One driver: cards, sessions, browsers, plan; and what may be done to the account."""

from __future__ import annotations

import structlog
from aiohttp import web

from db import (
    accounts,
    admin_cards,
    admin_people,
    admin_sessions,
    changes,
    mail_links,
    plans,
    web_sessions,
)
from db.accounts import Account
from db.errors import Conflict
from db.rows import Conn
from portal import acts, agents, card_words, pages, passwords
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin import driver_form, driver_links
from portal.views.admin.asking import by, id_of
from portal.views.admin.transactions import row_context

log = structlog.get_logger()

routes = web.RouteTableDef()

_SESSIONS = 10


@routes.get(r"/admin/drivers/{id:\d+}")
async def show(request: web.Request) -> web.Response:
    zone = request.app[CONFIG].operator_zone
    async with connection(request) as conn:
        account = await _driver(request, conn)
        return pages.render(
            request,
            "admin/driver.html",
            account=account,
            plan=await plans.find_of(conn, account.id),
            cards=await admin_cards.list_of_account(conn, account.id),
            sessions=await admin_sessions.list_of_account(
                conn, account.id, zone=zone, limit=_SESSIONS
            ),
            totals=await admin_people.totals(conn, account.id),
            devices=await web_sessions.list_devices(conn, account.id),
            has_password=await accounts.password_hash(conn, account.id) is not None,
            agent=agents.words,
            words=card_words,
            zone=zone,
            **row_context(),
        )


@routes.get(r"/admin/drivers/{id:\d+}/edit")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        account = await _driver(request, conn)
        plan = await plans.find_of(conn, account.id)
        given = {
            "name": account.name or "",
            "email": account.email,
            "plan": str(plan.id) if plan else "",
        }
        return await driver_form.page(request, conn, Form(given), account=account)


@routes.post(r"/admin/drivers/{id:\d+}/edit")
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    name = form.text("name", label="the driver's name", most=100)
    email = form.email("email", label="the driver's e-mail address")
    password = form.raw("password")
    if password and (problem := passwords.problem(password)):
        form.wrong("password", problem)
    hashed = await passwords.hash_(password) if password and form.is_valid else None
    async with transaction(request) as conn:
        account = await _driver(request, conn)
        plan_id = await driver_form.plan(conn, form)
        if form.is_valid:
            assert email is not None
            try:
                async with conn.transaction():
                    await accounts.set_details(conn, account.id, name=name, email=email)
            except Conflict:
                form.wrong("email", "There is an account with this address already")
        if not form.is_valid:
            return await driver_form.page(request, conn, form, account=account, status=422)
        await plans.set_of(conn, account.id, plan_id)
        if hashed is not None:
            await accounts.set_password(conn, account.id, hashed)
            await web_sessions.end_all(conn, account.id)
        if hashed is not None or email != account.email:
            await mail_links.end_all(conn, account.id)
        await acts.record(
            request,
            conn,
            "account.changed",
            subject=f"account:{account.id}",
            email=email,
            name=name,
            plan=plan_id,
            has_new_password=hashed is not None,
        )
    log.info("driver.changed", by=by(request), account=account.id, has_new_password=bool(hashed))
    if hashed is not None:
        request.app[NOTIFIER].changed(changes.topic("account", account.id))
    return pages.see_other(request, f"/admin/drivers/{account.id}", toast=f"{name} is saved.")


@routes.post(r"/admin/drivers/{id:\d+}/active")
async def switch(request: web.Request) -> web.StreamResponse:
    """On or off; whoever is switched off is signed out everywhere, and no card of theirs works."""
    is_active = (await Form.read(request)).ticked("active")
    async with transaction(request) as conn:
        account = await _driver(request, conn)
        await accounts.set_active(conn, account.id, is_active)
        done = "account.switched_on" if is_active else "account.switched_off"
        await acts.record(request, conn, done, subject=f"account:{account.id}")
    log.info("driver.switched", by=by(request), account=account.id, is_active=is_active)
    request.app[NOTIFIER].changed(changes.topic("account", account.id))
    words = "may sign in and charge again" if is_active else "may no longer sign in or charge"
    return pages.see_other(
        request, f"/admin/drivers/{account.id}", toast=f"{account.display_name} {words}."
    )


@routes.post(r"/admin/drivers/{id:\d+}/link")
async def send_link(request: web.Request) -> web.StreamResponse:
    async with transaction(request) as conn:
        account = await _driver(request, conn)
        path = f"/admin/drivers/{account.id}"
        if not account.is_active:
            return pages.see_other(request, path, toast="Switch the account on first.")
        await driver_links.add_mail(request, conn, account, kind="sign_in_link")
        await acts.record(request, conn, "account.link_sent", subject=f"account:{account.id}")
    log.info("driver.link_sent", by=by(request), account=account.id)
    return pages.see_other(request, path, toast=f"A link is on its way to {account.email}.")


@routes.post(r"/admin/drivers/{id:\d+}/sign-out")
async def sign_out(request: web.Request) -> web.StreamResponse:
    """Everywhere: of a telephone that was stolen."""
    async with transaction(request) as conn:
        account = await _driver(request, conn)
        await web_sessions.end_all(conn, account.id)
        await acts.record(request, conn, "account.signed_out", subject=f"account:{account.id}")
    request.app[NOTIFIER].changed(changes.topic("account", account.id))
    return pages.see_other(
        request,
        f"/admin/drivers/{account.id}",
        toast=f"{account.display_name} is signed out everywhere.",
    )


async def _driver(request: web.Request, conn: Conn) -> Account:
    account = await accounts.find(conn, id_of(request))
    if account is None or account.role != "driver":
        raise web.HTTPNotFound
    return account

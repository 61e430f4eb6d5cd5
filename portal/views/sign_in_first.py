"""The first administrator: a page that is there while nobody can sign in."""

from __future__ import annotations

import hmac

import structlog
from aiohttp import web

from db import accounts
from db.errors import Conflict
from portal import acts, browser_accounts, first_admin, limits, pages, passwords
from portal.context import CODE, LIMITS, connection, transaction
from portal.forms import Form

log = structlog.get_logger()

routes = web.RouteTableDef()


@routes.get("/first-run", name="first_run")
async def first_run(request: web.Request) -> web.StreamResponse:
    async with connection(request) as conn:
        if await accounts.has_admin(conn):
            raise web.HTTPNotFound
    return _page(request, Form())


@routes.post("/first-run")
async def make_first_admin(request: web.Request) -> web.StreamResponse:
    async with connection(request) as conn:
        if await accounts.has_admin(conn):
            raise web.HTTPNotFound
    request.app[LIMITS].sign_in_by_address.take(limits.network(request))
    form = await Form.read(request)
    name = form.text("name", label="your name")
    email = form.email("email", label="your e-mail address")
    if problem := passwords.problem(form.raw("password")):
        form.wrong("password", problem)
    if first_admin.needs_code(request) and not hmac.compare_digest(
        form.raw("code").strip().encode(), request.app[CODE].encode()
    ):
        form.wrong("code", "Enter the code that the portal's log shows")
    if not form.is_valid:
        return _page(request, form, status=422)
    assert name is not None
    assert email is not None
    password_hash = await passwords.hash_(form.raw("password"))
    try:
        async with transaction(request) as conn:
            account = await accounts.add_first_admin(
                conn, email=email, name=name, password_hash=password_hash
            )
            await acts.record(
                request, conn, "account.first_admin", by=account, subject=f"account:{account.id}"
            )
    except Conflict:
        return pages.see_other(request, "/sign-in", toast="There is an administrator already.")
    log.info("account.first_admin", email=email)
    return await browser_accounts.let_in(request, account, "/admin", how="first administrator")


def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    return pages.render(
        request,
        "first_run.html",
        status=status,
        form=form,
        needs_code=first_admin.needs_code(request),
        least_characters=passwords.LEAST_CHARACTERS,
    )

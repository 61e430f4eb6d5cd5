"""The account picker: who this browser is signed in as, and who it may become (seed: tour)."""

from __future__ import annotations

from aiohttp import web

from db import web_sessions
from portal import acts, browser_accounts, pages
from portal.browser_accounts import Held
from portal.context import connection, transaction
from portal.forms import Form
from portal.views import driver
from portal.views.sign_in import left

routes = web.RouteTableDef()


@routes.get("/switch", name="switch")
async def show(request: web.Request) -> web.StreamResponse:
    async with connection(request) as conn:
        held = await browser_accounts.list_held(request, conn)
    if not held:
        return pages.see_other(request, "/sign-in")
    banner = await driver.banner(request)
    return pages.render(
        request,
        "switch.html",
        **banner,
        held=held,
        most=browser_accounts.MOST,
        gives_way=browser_accounts.gives_way(held),
    )


@routes.post("/switch")
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        held = await browser_accounts.list_held(request, conn)
        to = _meant(held, form)
        if not to.is_current:
            others = await browser_accounts.switch(request, conn, held, to)
    path = "/admin" if to.account.role == "admin" else "/"
    if to.is_current:
        return pages.see_other(request, path)
    browser_accounts.tell_pages(request, *held)
    response = pages.see_other(request, path, toast=f"You are {to.account.display_name} now.")
    browser_accounts.write_current(request, response, to.account, to.token)
    browser_accounts.write_others(request, response, others)
    return response


@routes.post("/switch/sign-out", name="switch.sign_out")
async def sign_out(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        held = await browser_accounts.list_held(request, conn)
        out = _meant(held, form)
        await web_sessions.end(conn, out.token)
        await acts.record(
            request, conn, "signed_out", by=out.account, subject=f"account:{out.account.id}"
        )
    toast = f"{out.account.display_name} is signed out."
    if out.is_current:
        browser_accounts.tell_pages(request, out)
        return left(request, held, toast)
    rest = [one.token for one in held if not one.is_current and one != out]
    response = pages.see_other(request, "/switch" if len(held) > 1 else "/sign-in", toast=toast)
    browser_accounts.write_others(request, response, rest)
    return response


def _meant(held: list[Held], form: Form) -> Held:
    """Raises HTTPNotFound for one that this browser is not signed in to."""
    for one in held:
        if str(one.account.id) == form.raw("account"):
            return one
    raise web.HTTPNotFound

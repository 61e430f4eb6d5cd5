"""A password that was forgotten, or that there never was: a link by mail, and a new one."""

from __future__ import annotations

from aiohttp import web

from db import accounts, changes, mail_links, web_sessions
from portal import acts, browser_accounts, limits, mail_requests, pages, passwords
from portal.context import LIMITS, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.sign_in_link import over, whose

routes = web.RouteTableDef()


@routes.get("/sign-in/forgot", name="sign_in.forgot")
async def forgot(request: web.Request) -> web.Response:
    return pages.render(request, "sign_in_forgot.html", form=Form())


@routes.post("/sign-in/forgot")
async def ask(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    email = form.email("address", label="your e-mail address")
    if email is None:
        return pages.render(request, "sign_in_forgot.html", status=422, form=form)
    await mail_requests.send_link(request, email, "password")
    return pages.see_other(request, "/sign-in/sent?for=password")


@routes.get("/sign-in/password", name="sign_in.password")
async def show(request: web.Request) -> web.Response:
    token = request.query.get("token", "")
    async with connection(request) as conn:
        account, why = await whose(conn, token, "password")
    if account is None:
        return over(request, "password", why)
    return _page(request, Form({"token": token}), account.email)


@routes.post("/sign-in/password")
async def choose(request: web.Request) -> web.StreamResponse:
    """The new password ends every other sign-in, and every other link of the account."""
    request.app[LIMITS].sign_in_by_address.take(limits.network(request))
    form = await Form.read(request)
    token = form.raw("token")
    async with connection(request) as conn:
        account, why = await whose(conn, token, "password")
    if account is not None:
        if problem := passwords.problem(form.raw("password")):
            form.wrong("password", problem)
            return _page(request, form, account.email, status=422)
        hashed = await passwords.hash_(form.raw("password"))
    async with transaction(request) as conn:
        # Another may have been quicker while this one was hashed.
        if account is not None and await mail_links.consume(conn, token, "password") is None:
            account, why = None, "used"
        if account is None:
            await acts.record(request, conn, "password.reset_refused", actor="nobody", why=why)
        else:
            await accounts.set_password(conn, account.id, hashed)
            await web_sessions.end_all(conn, account.id)
            await mail_links.end_all(conn, account.id)
            await acts.record(
                request,
                conn,
                "password.changed",
                by=account,
                subject=f"account:{account.id}",
                how="link",
            )
    if account is None:
        return over(request, "password", why)
    request.app[NOTIFIER].changed(changes.topic("account", account.id))
    toast = "The new password is set. You are signed out everywhere else."
    return await browser_accounts.let_in(request, account, "/", how="new password", toast=toast)


def _page(request: web.Request, form: Form, email: str, *, status: int = 200) -> web.Response:
    return pages.render(
        request,
        "sign_in_password.html",
        status=status,
        form=form,
        email=email,
        least_characters=passwords.LEAST_CHARACTERS,
    )

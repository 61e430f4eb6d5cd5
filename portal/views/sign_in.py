"""The way in and out: sign-in with a password, and sign-out. The link by mail: sign_in_link."""

from __future__ import annotations

import structlog
from aiohttp import web

from db import accounts, web_sessions
from db.accounts import Account
from portal import acts, browser_accounts, cookies, limits, pages, passwords, people
from portal.browser_accounts import Held
from portal.context import CONFIG, LIMITS, connection, transaction
from portal.forms import Form

log = structlog.get_logger()

routes = web.RouteTableDef()

_WRONG = "That address and password do not go together. Check both and try again."


@routes.get("/sign-in", name="sign_in")
async def show(request: web.Request) -> web.StreamResponse:
    """Who is signed in comes here to sign in with another account (`?add=1`), else goes on."""
    person = people.maybe_person(request)
    wanted = request.query.get("next", "")
    if person is not None and "add" not in request.query:
        return pages.see_other(request, next_path(wanted))
    async with connection(request) as conn:
        if not await accounts.has_admin(conn):
            return pages.see_other(request, "/first-run")
        held = await browser_accounts.list_held(request, conn)
    return page(request, Form({"next": wanted}), held=held)


@routes.post("/sign-in")
async def sign_in(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    email = form.text("email", label="your e-mail address", most=254)
    password = form.raw("password")
    if not password:
        form.wrong("password", "Enter your password")
    if not form.is_valid:
        return page(request, form, has_password=True, status=422)
    assert email is not None
    request.app[LIMITS].sign_in_by_address.take(limits.network(request))
    request.app[LIMITS].sign_in_by_email.take(email.lower())
    account = await _who_is(request, email, password)
    if account is None:
        log.info("sign_in.refused", email=email, remote=limits.address(request))
        async with transaction(request) as conn:
            await acts.record(request, conn, "sign_in.refused", actor=email, how="password")
        form.wrong("", _WRONG)
        return page(request, form, has_password=True, status=422)
    path = next_path(form.raw("next"))
    return await browser_accounts.let_in(request, account, path, how="password")


@routes.post("/sign-out", name="sign_out")
async def sign_out(request: web.Request) -> web.StreamResponse:
    person = people.person(request)
    async with transaction(request) as conn:
        held = await browser_accounts.list_held(request, conn)
        for one in held:
            if one.is_current:
                await web_sessions.end(conn, one.token)
        await acts.record(request, conn, "signed_out", subject=f"account:{person.id}")
    # Pages that are still open elsewhere in this browser.
    browser_accounts.tell_pages(request, *held)
    return left(request, held, "You are signed out.")


def left(request: web.Request, held: list[Held], toast: str) -> web.Response:
    """To the others that are still here, if any."""
    others = any(not one.is_current for one in held)
    response = pages.see_other(request, "/switch" if others else "/sign-in", toast=toast)
    cookies.forget(request, response, cookies.SESSION)
    return response


def next_path(given: str) -> str:
    """Where one wanted to be, on this host; never back to where one signs in."""
    path = pages.local_path(given)
    return "/" if path.startswith(("/sign-in", "/first-run", "/switch")) else path


def page(
    request: web.Request,
    form: Form,
    *,
    has_password: bool = False,
    held: list[Held] | None = None,
    status: int = 200,
) -> web.Response:
    """`form` is of the two forms the one that was sent: the other is drawn empty."""
    empty = Form({"next": form.given.get("next", "")})
    return pages.render(
        request,
        "sign_in.html",
        status=status,
        mail_form=empty if has_password else form,
        form=form if has_password else empty,
        is_password_open=has_password,
        held=held or [],
        gives_way=browser_accounts.gives_way(held or []),
        is_mail_sent=request.app[CONFIG].smtp_url is not None,
    )


async def _who_is(request: web.Request, email: str, password: str) -> Account | None:
    """The same work for an address that has no account as for one that has."""
    async with connection(request) as conn:
        account = await accounts.find_by_email(conn, email)
        known = await accounts.password_hash(conn, account.id if account else 0)
    if not await passwords.verify(known, password) or account is None or not account.is_active:
        return None
    if known is not None and passwords.needs_rehash(known):
        again = await passwords.hash_(password)
        async with connection(request) as conn:
            await accounts.set_password(conn, account.id, again)
    return account

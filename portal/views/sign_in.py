"""The way in and out: sign-in with a password, the first administrator, sign-out."""

from __future__ import annotations

import hmac

import structlog
from aiohttp import web

from db import accounts, changes, web_sessions
from db.accounts import Account
from db.errors import Conflict
from portal import cookies, first_admin, limits, pages, passwords, people
from portal.context import CODE, LIMITS, NOTIFIER, connection, transaction
from portal.forms import Form

log = structlog.get_logger()

routes = web.RouteTableDef()

# A driver's ends 30 days after the last visit, which the database knows: a browser may keep the
# cookie for as long as browsers do.
_COOKIE_S = {"driver": 400 * 24 * 3600, "admin": 7 * 24 * 3600}
_WRONG = "That address and password do not go together. Check both and try again."


@routes.get("/sign-in", name="sign_in")
async def show(request: web.Request) -> web.StreamResponse:
    person = people.maybe_person(request)
    if person is not None:
        return pages.see_other(request, _next(request, request.query.get("next", "")))
    async with connection(request) as conn:
        if not await accounts.has_admin(conn):
            return pages.see_other(request, "/first-run")
    return _page(request, Form({"next": request.query.get("next", "")}))


@routes.post("/sign-in")
async def sign_in(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    email = form.text("email", label="your e-mail address", most=254)
    password = form.raw("password")
    if not password:
        form.wrong("password", "Enter your password")
    if not form.is_valid:
        return _page(request, form, status=422)
    assert email is not None
    request.app[LIMITS].sign_in_by_address.take(limits.network(request))
    request.app[LIMITS].sign_in_by_email.take(email.lower())
    account = await _who_is(request, email, password)
    if account is None:
        log.info("sign_in.refused", email=email, remote=limits.address(request))
        form.wrong("", _WRONG)
        return _page(request, form, status=422)
    return await _let_in(request, account, _next(request, form.raw("next")))


@routes.post("/sign-out", name="sign_out")
async def sign_out(request: web.Request) -> web.StreamResponse:
    token = cookies.read(request, cookies.SESSION)
    assert token is not None, "only who is signed in comes here"
    async with connection(request) as conn:
        await web_sessions.end(conn, token)
    # Pages that are still open elsewhere in this browser.
    request.app[NOTIFIER].changed(changes.topic("account", people.person(request).id))
    response = pages.see_other(request, "/sign-in", toast="You are signed out.")
    cookies.forget(request, response, cookies.SESSION)
    return response


@routes.get("/first-run", name="first_run")
async def first_run(request: web.Request) -> web.StreamResponse:
    async with connection(request) as conn:
        if await accounts.has_admin(conn):
            raise web.HTTPNotFound
    return _first_page(request, Form())


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
        return _first_page(request, form, status=422)
    assert name is not None
    assert email is not None
    password_hash = await passwords.hash_(form.raw("password"))
    try:
        async with transaction(request) as conn:
            account = await accounts.add_first_admin(
                conn, email=email, name=name, password_hash=password_hash
            )
    except Conflict:
        return pages.see_other(request, "/sign-in", toast="There is an administrator already.")
    log.info("account.first_admin", email=email)
    return await _let_in(request, account, "/admin")


async def _who_is(request: web.Request, email: str, password: str) -> Account | None:
    """The same work for an address that has no account as for one that has."""
    async with connection(request) as conn:
        account = await accounts.find_by_email(conn, email)
        known = await accounts.password_hash(conn, account.id) if account else None
    if not await passwords.verify(known, password) or account is None or not account.is_active:
        return None
    if known is not None and passwords.needs_rehash(known):
        again = await passwords.hash_(password)
        async with connection(request) as conn:
            await accounts.set_password(conn, account.id, again)
    return account


async def _let_in(request: web.Request, account: Account, path: str) -> web.StreamResponse:
    token = web_sessions.make_token()  # never one from before the sign-in
    old = cookies.read(request, cookies.SESSION)
    async with transaction(request) as conn:
        if old is not None:
            await web_sessions.end(conn, old)
        await web_sessions.begin(
            conn,
            account,
            token,
            remote_address=limits.address(request),
            user_agent=request.headers.get("User-Agent", "").encode(errors="replace").decode(),
        )
    log.info("sign_in.done", account=account.id, role=account.role)
    response = pages.see_other(request, path)
    cookies.write(request, response, cookies.SESSION, token, max_age_s=_COOKIE_S[account.role])
    cookies.forget(request, response, cookies.VISITOR)
    return response


def _next(request: web.Request, given: str) -> str:
    path = pages.local_path(given)
    return "/" if path.startswith(("/sign-in", "/first-run")) else path


def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    return pages.render(request, "sign_in.html", status=status, form=form)


def _first_page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    return pages.render(
        request,
        "first_run.html",
        status=status,
        form=form,
        needs_code=first_admin.needs_code(request),
        least_characters=passwords.LEAST_CHARACTERS,
    )

"""Who asks, and whether this page is theirs: decided by the path, and denied by default."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from aiohttp import web

from db import accounts, web_sessions
from db.accounts import Account
from db.web_sessions import WebSession
from portal import cookies
from portal.access import API
from portal.context import READINESS, connection
from portal.errors import Handler, unavailable

_FOR_ALL = {
    "/sign-in",
    "/sign-in/mail",
    "/sign-in/sent",
    "/sign-in/link",
    "/sign-in/forgot",
    "/sign-in/password",
    "/switch",
    "/switch/sign-out",
    "/first-run",
    "/theme",
}
# The pages behind the stickers of chargers.
_FOR_ALL_BELOW = "/c/"
# These know nobody, or have a gate of their own.
_ELSEWHERE = (API, "/static/", "/health/")
# What a browser asks for by itself.
_FOR_MACHINES = {"/favicon.ico", "/robots.txt"}
_SESSION: web.RequestKey[WebSession] = web.RequestKey("web_session", WebSession)


def person(request: web.Request) -> Account:
    """Who asks; only behind the gate, where somebody does."""
    return request[_SESSION].account


def web_session(request: web.Request) -> WebSession:
    """By which browser; only behind the gate."""
    return request[_SESSION]


def maybe_person(request: web.Request) -> Account | None:
    session = request.get(_SESSION)
    return session.account if session is not None else None


@web.middleware
async def people(request: web.Request, handler: Handler) -> web.StreamResponse:
    path = request.path
    if path.startswith(_ELSEWHERE) or path in _FOR_MACHINES:
        return await handler(request)
    if reason := request.app[READINESS].reason:
        raise unavailable(f"Not ready: {reason}.")
    token = cookies.read(request, cookies.SESSION)
    if token:
        await _recognise(request, token)
    if path in _FOR_ALL or path.startswith(_FOR_ALL_BELOW):
        return await handler(request)
    who = maybe_person(request)
    if who is None:
        return await _to_sign_in(request)
    if path.startswith("/admin") and who.role != "admin":
        raise web.HTTPNotFound  # as of a page that is not there
    if path == "/" and who.role == "admin":
        raise web.HTTPFound("/admin")
    return await handler(request)


async def recheck(request: web.Request) -> Account | None:
    """Who holds the request's cookie by now: a stream outlives many a sign-out."""
    token = cookies.read(request, cookies.SESSION)
    async with connection(request) as conn:
        session = await web_sessions.find(conn, token) if token else None
    return session.account if session else None


async def _recognise(request: web.Request, token: str) -> None:
    async with connection(request) as conn:
        session = await web_sessions.find(conn, token)
        if session is None:
            return
        request[_SESSION] = session
        if web_sessions.is_note_due(session, datetime.now(UTC)):
            await web_sessions.note_seen(conn, session)


async def _to_sign_in(request: web.Request) -> web.StreamResponse:
    """After the sign-in they come back to what they wanted, unless that was a form."""
    async with connection(request) as conn:
        if not await accounts.has_admin(conn):
            raise web.HTTPSeeOther("/first-run")
    wanted = request.path_qs if request.method in {"GET", "HEAD"} else "/"
    raise web.HTTPSeeOther("/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted)}")

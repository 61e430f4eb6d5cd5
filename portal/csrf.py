"""
Forms are taken from our own pages only.

A form carries a token made of the browser's own cookie and SECRET_KEY: another site can neither
read the one nor make the other. Before somebody is signed in the cookie is a random visitor's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from markupsafe import Markup

from portal import cookies, limits, people
from portal.access import API
from portal.context import CONFIG, LIMITS, SECRET
from portal.errors import Handler

log = structlog.get_logger()

FIELD, HEADER = "_csrf", "X-CSRF-Token"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_VISITOR_S = 24 * 3600
_NEW_VISITOR: web.RequestKey[str] = web.RequestKey("new_visitor", str)
_PORTS = {"http": 80, "https": 443}


def token(request: web.Request) -> str:
    """What a form on a page for this request has to bring back."""
    holders = _holders(request)
    if not holders:
        holders = [_make_visitor()]
        request[_NEW_VISITOR] = holders[0]
    return _signed(request, holders[0])


def field(request: web.Request) -> Markup:
    """The hidden field of a form."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token(request))


@web.middleware
async def csrf(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method not in _SAFE and not request.path.startswith(API):
        who = people.maybe_person(request)
        request.app[LIMITS].forms.take(f"account:{who.id}" if who else limits.network(request))
        await _check(request)
    return await handler(request)


def renew_visitor(request: web.Request, response: web.StreamResponse, *, max_age_s: int) -> None:
    """
    At a sign-in, for as long as that lasts: at the sign-out all open pages come at once, and
    each would be given another one, of which the browser keeps the last.
    """
    cookies.write(request, response, cookies.VISITOR, _make_visitor(), max_age_s=max_age_s)


async def write_visitor(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: also an error page may have a form."""
    visitor = request.get(_NEW_VISITOR)
    if visitor is not None:
        cookies.write(request, response, cookies.VISITOR, visitor, max_age_s=_VISITOR_S)
        # aiohttp has turned the cookies into headers before it asks us.
        for cookie in response.cookies.values():
            if cookie.key.endswith(cookies.VISITOR):
                response.headers.add("Set-Cookie", cookie.OutputString())


async def _check(request: web.Request) -> None:
    """Raises HTTPForbidden, or what `_posted` does."""
    origin = request.headers.get("Origin")
    if origin is not None and not _is_ours(request, origin):
        log.warning("form.foreign", origin=origin[:200], path=request.path)
        raise web.HTTPForbidden
    posted = await _posted(request)
    given = request.headers.get(HEADER, posted.get(FIELD))
    if not isinstance(given, str):
        raise web.HTTPForbidden
    said = given.encode(errors="replace")
    right = [_signed(request, holder).encode() for holder in _holders(request)]
    if not any(hmac.compare_digest(said, one) for one in right):
        raise web.HTTPForbidden


async def _posted(request: web.Request) -> Mapping[str, object]:
    """The form, read for the handler too. Raises HTTPException for what no page of ours sends."""
    charset = (request.charset or "utf-8").lower()
    if request.content_type.startswith("multipart/") or charset != "utf-8":
        raise web.HTTPUnsupportedMediaType
    try:
        return await request.post()
    except ValueError:  # bytes that are no text
        raise web.HTTPBadRequest from None


def _is_ours(request: web.Request, origin: str) -> bool:
    """PUBLIC_URL's where it is set, else that of the host which was asked for."""
    ours = request.app[CONFIG].public_url or f"http://{request.host}"
    try:
        return _where(origin) == _where(ours)
    except ValueError:
        return False


def _where(url: str) -> tuple[str, str | None, int | None]:
    """A browser leaves out the port that goes without saying, and has no capitals."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _holders(request: web.Request) -> list[str]:
    """
    Whom a form may be of, the one that a new form is of first: the browser of who is signed in;
    else the visitor, or the browser of who was signed in when the page was drawn.
    """
    session = cookies.read(request, cookies.SESSION)
    if people.maybe_person(request) is not None:
        return [session] if session else []
    visitor = request.get(_NEW_VISITOR) or cookies.read(request, cookies.VISITOR)
    return [holder for holder in (visitor, session) if holder]


def _make_visitor() -> str:
    return secrets.token_urlsafe(24)


def _signed(request: web.Request, holder: str) -> str:
    mac = hmac.new(request.app[SECRET], b"csrf:" + holder.encode(), hashlib.sha256)
    return mac.hexdigest()

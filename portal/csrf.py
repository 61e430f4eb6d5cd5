"""
Forms are taken from our own pages only.

A form carries a token made of the browser's own cookie and SECRET_KEY: another site can neither
read the one nor make the other. Before somebody is signed in the cookie is a random visitor's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
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


def token(request: web.Request) -> str:
    """What a form on a page for this request has to bring back."""
    holder = _holder(request)
    if holder is None:
        holder = request[_NEW_VISITOR] = secrets.token_urlsafe(24)
    return _signed(request, holder)


def field(request: web.Request) -> Markup:
    """The hidden field of a form."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token(request))


@web.middleware
async def csrf(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method not in _SAFE and not request.path.startswith(API):
        who = people.maybe_person(request)
        request.app[LIMITS].forms.take(f"account:{who.id}" if who else limits.address(request))
        await _check(request)
    return await handler(request)


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
    """Raises HTTPForbidden."""
    origin = request.headers.get("Origin")
    if origin is not None and not _is_ours(request, origin):
        log.warning("form.foreign", origin=origin[:200], path=request.path)
        raise web.HTTPForbidden
    given = request.headers.get(HEADER)
    if given is None:
        posted = (await request.post()).get(FIELD)
        given = posted if isinstance(posted, str) else None
    holder = _holder(request)
    if holder is None or given is None:
        raise web.HTTPForbidden
    if not hmac.compare_digest(given.encode(), _signed(request, holder).encode()):
        raise web.HTTPForbidden


def _is_ours(request: web.Request, origin: str) -> bool:
    """The host is PUBLIC_URL's where it is set, and must be the one that was asked for."""
    public = request.app[CONFIG].public_url
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if public is not None:
        ours = urlsplit(public)
        if (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc):
            return True
    return parts.scheme == "http" and parts.netloc == request.host and public is None


def _holder(request: web.Request) -> str | None:
    return (
        request.get(_NEW_VISITOR)
        or cookies.read(request, cookies.SESSION)
        or cookies.read(request, cookies.VISITOR)
    )


def _signed(request: web.Request, holder: str) -> str:
    mac = hmac.new(request.app[SECRET], b"csrf:" + holder.encode(), hashlib.sha256)
    return mac.hexdigest()

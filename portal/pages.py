"""Draw pages: what every template may use, and how a form's POST ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp_jinja2
import jinja2
from aiohttp import web

from portal import cookies, csrf, people, static_files
from portal.context import CONFIG
from portal.format import FILTERS

THEMES = ("dark", "light", "system")
THEME_COOKIE = "theme"
_TOAST_COOKIE = "toast"
_TOAST_S = 60
_MOST_TOAST = 300


@dataclass(frozen=True, slots=True)
class Operator:
    """Whose portal it is."""

    name: str
    email: str | None
    zone: str
    currency: str


def setup(app: web.Application) -> None:
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        filters=FILTERS,
        default_helpers=False,
    ).globals.update(static=static_files.url)


def render(
    request: web.Request, template: str, /, *, status: int = 200, **context: Any
) -> web.Response:
    """A page or a fragment. Each is its reader's own: nobody in between may keep it."""
    toast = "" if is_fragment(request) else _toast(request)
    config = request.app[CONFIG]
    shared: dict[str, Any] = {
        "person": people.maybe_person(request),
        "operator": Operator(
            config.operator_name,
            config.operator_email,
            config.operator_zone,
            config.operator_currency,
        ),
        "csrf": partial(csrf.field, request),
        "csrf_token": partial(csrf.token, request),
        "theme": theme(request),
        "toast": toast,
        "path": request.path,
        "here": local_path(request.path_qs) if request.method == "GET" else "/",
    }
    response = aiohttp_jinja2.render_template(template, request, shared | context, status=status)
    response.headers["Cache-Control"] = "no-store"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    if toast:
        cookies.forget(request, response, _TOAST_COOKIE)
    return response


def is_fragment(request: web.Request) -> bool:
    """Whether htmx asked for a part of a page. A boosted request wants the whole."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def see_other(request: web.Request, path: str, *, toast: str | None = None) -> web.Response:
    """After a POST: go and see. `toast` is a short confirmation, shown once on that page."""
    response = web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
    if toast:
        words = quote(toast[:_MOST_TOAST])
        cookies.write(request, response, _TOAST_COOKIE, words, max_age_s=_TOAST_S)
    return response


def theme(request: web.Request) -> str:
    chosen = cookies.read(request, THEME_COOKIE)
    return chosen if chosen in THEMES else THEMES[0]


def local_path(given: str, default: str = "/") -> str:
    """A path of ours to go back to: never another host, however it is written."""
    is_ours = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable()
    if not is_ours:
        return default
    try:
        parts = urlsplit(given)
    except ValueError:
        return default
    return default if parts.scheme or parts.netloc else given


def _toast(request: web.Request) -> str:
    return unquote(cookies.read(request, _TOAST_COOKIE) or "")[:_MOST_TOAST]

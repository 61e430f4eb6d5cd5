"""Cookies: bound to our host and to https wherever there is https."""

from __future__ import annotations

from aiohttp import web

from portal.context import CONFIG

SESSION, VISITOR = "polaris", "visitor"


def is_secure(request: web.Request) -> bool:
    """Scheme and host come from PUBLIC_URL alone: a header may say anything."""
    return (request.app[CONFIG].public_url or "").startswith("https:")


def _name(request: web.Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name


def read(request: web.Request, name: str) -> str | None:
    """All of ours are ASCII; what is not was put there by somebody else."""
    value = request.cookies.get(_name(request, name), "")
    return value if value and value.isascii() else None


def write(
    request: web.Request, response: web.StreamResponse, name: str, value: str, *, max_age_s: int
) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        secure=is_secure(request),
        samesite="Lax",
    )


def forget(request: web.Request, response: web.StreamResponse, name: str) -> None:
    response.del_cookie(
        _name(request, name), path="/", httponly=True, secure=is_secure(request), samesite="Lax"
    )

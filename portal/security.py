"""What every answer tells a browser to leave."""

from __future__ import annotations

from aiohttp import web

from portal.context import CONFIG

_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HTTPS_FOR = "max-age=31536000"


async def headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`."""
    response.headers.popall("Server", None)
    response.headers.update(_ALWAYS)
    if (request.app[CONFIG].public_url or "").startswith("https:"):
        response.headers["Strict-Transport-Security"] = _HTTPS_FOR
    response.headers.setdefault("Cache-Control", "no-store")

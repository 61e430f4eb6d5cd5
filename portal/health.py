"""Is the process alive, and can it work: for whoever starts and watches it."""

from __future__ import annotations

import msgspec
import structlog
from aiohttp import web

from db.errors import is_away
from portal.context import READINESS, connection

routes = web.RouteTableDef()
log = structlog.get_logger()


@routes.get("/health/live", name="health.live")
async def live(_request: web.Request) -> web.Response:
    return _say({"status": "live"})


@routes.get("/health/ready", name="health.ready")
async def ready(request: web.Request) -> web.Response:
    reason = request.app[READINESS].reason
    if reason is None:
        try:
            async with connection(request) as conn:
                await conn.fetchval("select 1", timeout=2)
        except Exception as error:
            if not is_away(error):
                log.exception("health.failed")
            reason = "the database does not answer"
    if reason is None:
        return _say({"status": "ready"})
    return _say({"status": "not ready", "reason": reason}, status=503)


def _say(words: dict[str, str], status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(words),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )

"""Who may: bearer tokens of the API."""

from __future__ import annotations

import asyncio
import re
import time

import structlog
from aiohttp import web

from db import api_tokens
from db.api_tokens import ApiToken
from db.errors import is_away
from db.rows import Pool
from portal.context import READINESS, TOKEN_USE, connection
from portal.errors import Handler, Problem, unavailable

log = structlog.get_logger()

API = "/api/"
CALLER: web.RequestKey[ApiToken] = web.RequestKey("caller", ApiToken)
_REALM = 'Bearer realm="Polaris Express"'
_TOKEN = re.compile(r"bearer +([!-~]{1,512})", re.IGNORECASE)
_USE_EVERY_S = 60.0


@web.middleware
async def bearer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything under /api needs a token, also what does not exist there."""
    if not request.path.startswith(API):
        return await handler(request)
    given = request.headers.getall("Authorization", [])
    if not given:
        raise Problem(
            401,
            "This needs a bearer token in the Authorization header.",
            headers={"WWW-Authenticate": _REALM},
        )
    if reason := request.app[READINESS].reason:
        raise unavailable(f"Not ready: {reason}.")
    match = _TOKEN.fullmatch(given[0].strip()) if len(given) == 1 else None
    token = None
    # Looked up each time, so that a revoked one ends with the request after.
    if match and match[1].startswith(api_tokens.PREFIX):
        async with connection(request) as conn:
            token = await api_tokens.find(conn, match[1])
    if token is None:
        raise Problem(
            401,
            "The token is not one of ours, or was revoked.",
            headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
        )
    request[CALLER] = token
    request.app[TOKEN_USE].used(token.id)
    return await handler(request)


def asked_by(request: web.Request) -> str:
    return f"api:{request[CALLER].name}"


class TokenUse:
    """Notes when tokens were last used, beside the requests. `run` is its one task."""

    def __init__(self) -> None:
        self._noted: dict[int, float] = {}
        self._due: set[int] = set()
        self._something = asyncio.Event()

    def used(self, token_id: int) -> None:
        now = time.monotonic()
        if now - self._noted.get(token_id, -_USE_EVERY_S) >= _USE_EVERY_S:
            self._noted[token_id] = now
            self._due.add(token_id)
            self._something.set()

    async def run(self, pool: Pool) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            due, self._due = self._due, set()
            try:
                async with pool.acquire(timeout=5) as conn:
                    await api_tokens.record_used(conn, sorted(due))
            except Exception as error:
                if not is_away(error):
                    log.exception("token_use.failed")
                for token_id in due:  # the next request tells again
                    self._noted.pop(token_id, None)

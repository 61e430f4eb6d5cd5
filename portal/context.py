"""What a request can reach: the parts that `app.py` made, by typed keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
from aiohttp import web

from db.changes import Notifier
from db.rows import Conn, Pool
from portal.config import Config
from portal.live import Live

if TYPE_CHECKING:
    from portal.access import TokenUse
    from portal.limits import Limits

ACQUIRE_S = 2.0

CONFIG = web.AppKey("config", Config)
POOL: web.AppKey[Pool] = web.AppKey("pool", asyncpg.Pool)
NOTIFIER = web.AppKey("notifier", Notifier)
LIVE = web.AppKey("live", Live)
TOKEN_USE: web.AppKey[TokenUse] = web.AppKey("token_use")
SECRET = web.AppKey("secret", bytes)
LIMITS: web.AppKey[Limits] = web.AppKey("limits")
CODE = web.AppKey("code", str)  # of the first-run page, where the asker is not on this machine


class Readiness:
    """Whether the database has this code's schema; `failed` when it never will."""

    def __init__(self) -> None:
        self.reason: str | None = "the database is not reached yet"
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()


READINESS = web.AppKey("readiness", Readiness)


@asynccontextmanager
async def connection(request: web.Request) -> AsyncIterator[Conn]:
    """A connection of the pool, within two seconds: a full pool is a 503, not a hanging page."""
    async with request.app[POOL].acquire(timeout=ACQUIRE_S) as conn:
        yield conn


@asynccontextmanager
async def transaction(request: web.Request) -> AsyncIterator[Conn]:
    async with connection(request) as conn, conn.transaction():
        yield conn

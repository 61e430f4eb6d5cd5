"""Composition root of the portal: what is made, in which order, and how it stops."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import structlog
from aiohttp import web

from db.changes import Listener, Notifier
from db.config import ConfigError, secret_key
from db.connect import create_pool
from db.errors import is_away
from db.migrate import migrate
from portal import first_admin, health, jobs, pages, security, static_files
from portal.access import TokenUse, bearer
from portal.api import v1
from portal.config import Config
from portal.context import (
    CODE,
    CONFIG,
    LIMITS,
    LIVE,
    NOTIFIER,
    POOL,
    READINESS,
    SECRET,
    TOKEN_USE,
    Readiness,
)
from portal.csrf import csrf, write_visitor
from portal.demo.accounts import close_known
from portal.error_pages import problems
from portal.limits import Limits
from portal.live import Live
from portal.people import people
from portal.protocol import Protocol
from portal.views import (
    admin,
    driver,
    notices,
    public,
    sign_in,
    sign_in_first,
    sign_in_link,
    sign_in_password,
    stream,
    switch,
    theme,
)

log = structlog.get_logger()

MAX_BODY_BYTES = 1_048_576
STATEMENT_TIMEOUT_S = 5
_POOL_SIZE = 10
_RETRY_S = 1.0
_DRAIN_S = 10.0
_CLOSE_S = 5.0


def make_app(config: Config, database_url: str) -> web.Application:
    app = web.Application(
        middlewares=[problems, bearer, people, csrf], client_max_size=MAX_BODY_BYTES
    )
    app[CONFIG] = config
    app[SECRET] = secret_key(config.database, {"SECRET_KEY": config.secret})
    app[LIMITS] = Limits()
    app[CODE] = first_admin.code(app[SECRET])
    app.cleanup_ctx.append(_parts(database_url))
    app.on_response_prepare.extend([security.headers, write_visitor])
    app.on_shutdown.append(_let_go)
    pages.setup(app)
    for routes in (
        health.routes,
        v1.routes,
        static_files.routes,
        sign_in.routes,
        sign_in_first.routes,
        sign_in_link.routes,
        sign_in_password.routes,
        switch.routes,
        stream.routes,
        theme.routes,
        notices.routes,
        public.routes,
        driver.routes,
        admin.routes,
    ):
        app.add_routes(routes)
    return app


@asynccontextmanager
async def listening(app: web.Application, sock: socket.socket) -> AsyncIterator[None]:
    """Serve on a socket; at the end requests that run get a little time to finish."""
    runner = web.AppRunner(app, shutdown_timeout=_DRAIN_S)
    await runner.setup()
    try:
        loop = asyncio.get_running_loop()
        manager = runner.server
        assert manager is not None
        server = await loop.create_server(lambda: Protocol(manager, loop), sock=sock)
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()


def open_socket(config: Config) -> socket.socket:
    """Before the database is started: a port in use is said at once."""
    try:
        return socket.create_server(
            (config.host, config.port),
            family=socket.AF_INET6 if ":" in config.host else socket.AF_INET,
            backlog=1024,
        )
    except OSError as error:
        raise ConfigError(
            f"The portal cannot listen on {config.host}:{config.port} "
            f"({os.strerror(error.errno or 0)}): "
            "end what uses it, or set PORTAL_HOST and PORTAL_PORT."
        ) from None


def _parts(database_url: str) -> Callable[[web.Application], AsyncIterator[None]]:
    async def parts(app: web.Application) -> AsyncIterator[None]:
        # No connection is made yet, so that we serve, and say why not, while the database is away.
        pool = await create_pool(
            database_url,
            min_size=0,
            max_size=_POOL_SIZE,
            command_timeout=STATEMENT_TIMEOUT_S + 1,  # for a host that vanished
            server_settings={
                "application_name": "polaris portal",
                "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
            },
        )
        app[POOL] = pool
        app[READINESS] = Readiness()
        app[NOTIFIER] = Notifier(_direct(app, database_url))
        app[LIVE] = Live()
        app[TOKEN_USE] = TokenUse()
        work = asyncio.create_task(_work(app, database_url))
        work.add_done_callback(partial(_tell_failure, app[READINESS]))
        try:
            yield
        finally:
            # Not a TaskGroup: this may run in another task than the start did.
            work.cancel()
            await asyncio.wait([work])
            await _close(pool, app[NOTIFIER])

    return parts


def _direct(app: web.Application, database_url: str) -> str:
    """LISTEN and migrations hold a connection, which a PgBouncer in between would not give."""
    return app[CONFIG].database.changes_url or database_url


async def _work(app: web.Application, database_url: str) -> None:
    await _migrate(app[READINESS], _direct(app, database_url))
    async with app[POOL].acquire() as conn, conn.transaction():
        await close_known(conn, app[CONFIG])
    await first_admin.see_to_it(app)
    app[READINESS].reason = None
    log.info("portal.ready")
    await asyncio.gather(
        app[NOTIFIER].run(),
        Listener(_direct(app, database_url), app[LIVE].heard).run(),
        app[TOKEN_USE].run(app[POOL]),
        jobs.run(app),
    )


async def _migrate(readiness: Readiness, database_url: str) -> None:
    """As soon as the database answers. Raises what waiting cannot heal."""
    while True:
        try:
            await migrate(database_url)
        except Exception as error:
            cause = error.__cause__ if isinstance(error, ConfigError) else error
            if cause is None or not is_away(cause):
                raise
            readiness.reason = "the database does not answer"
            log.warning("database.awaited", error=str(error))
            await asyncio.sleep(_RETRY_S)
        else:
            return


def _tell_failure(readiness: Readiness, work: asyncio.Task[None]) -> None:
    """Work that ended by itself ends the process: it would serve without hearing anything."""
    error = None if work.cancelled() else work.exception()
    if error is not None and not readiness.failed.done():
        readiness.failed.set_exception(error)
        readiness.failed.exception()  # it may be that nobody waits for it any more


async def _close(pool: asyncpg.Pool[asyncpg.Record], notifier: Notifier) -> None:
    try:
        async with asyncio.timeout(_CLOSE_S):
            await notifier.flush()
            await pool.close()
    except Exception as error:
        log.warning("database.left", error=repr(error))
        pool.terminate()


async def _let_go(app: web.Application) -> None:
    app[LIVE].close()

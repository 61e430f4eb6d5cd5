"""The first administrator, from the settings, or the code with which a person makes one."""

from __future__ import annotations

import structlog
from aiohttp import web

from db import accounts
from db.config import ConfigError
from db.errors import Conflict
from portal import passwords
from portal.context import CODE, CONFIG, POOL

log = structlog.get_logger()


async def see_to_it(app: web.Application) -> None:
    """At the start. Raises ConfigError for a password that is none."""
    config = app[CONFIG]
    async with app[POOL].acquire() as conn:
        is_there = await accounts.has_admin(conn)
    if config.admin_email is not None and config.admin_password is not None:
        if problem := passwords.problem(config.admin_password):
            raise ConfigError(f"ADMIN_PASSWORD cannot be used: {problem}.")
        if not is_there:
            await _make(app, config.admin_email, config.admin_password)
        return
    if config.admin_email is not None or config.admin_password is not None:
        raise ConfigError("ADMIN_EMAIL and ADMIN_PASSWORD go together: set both, or neither.")
    if not is_there:
        log.info("portal.first_run", page="/first-run", code=app[CODE])


async def _make(app: web.Application, email: str, password: str) -> None:
    password_hash = await passwords.hash_(password)
    try:
        async with app[POOL].acquire() as conn, conn.transaction():
            await accounts.add_first_admin(
                conn, email=email, name=None, password_hash=password_hash
            )
    except Conflict as error:
        log.warning("account.first_admin_not_made", email=email, why=str(error))
    else:
        log.info("account.first_admin", email=email)

"""The first administrator, from the settings, or the code with which a person makes one."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

import structlog
from aiohttp import web

from db import accounts, audit
from db.config import ConfigError
from db.errors import Conflict
from portal import limits, passwords
from portal.context import CODE, CONFIG, POOL
from portal.demo.accounts import is_private

log = structlog.get_logger()

_RELAYED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def code(secret: bytes) -> str:
    """The same in every portal of one installation, whichever of them the page comes from."""
    return hmac.new(secret, b"first-run", hashlib.sha256).hexdigest()[:16]


def needs_code(request: web.Request) -> bool:
    """
    A stranger must not be the first at a fresh portal that the world can reach.

    Only a browser on this machine is known to be none. The host that it asked for must be this
    machine too: behind a proxy, or under a name that leads here, it may be anybody's.
    """
    return not (
        is_private(request.app[CONFIG])
        and _is_loopback(limits.address(request))
        and _is_loopback(request.url.host)
        and not any(name in request.headers for name in _RELAYED)
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


async def see_to_it(app: web.Application) -> None:
    """At the start. Raises ConfigError for a password that is none."""
    config = app[CONFIG]
    if config.admin_email is not None and config.admin_password is not None:
        if problem := passwords.problem(config.admin_password):
            raise ConfigError(f"ADMIN_PASSWORD cannot be used: {problem}.")
        await _make(app, config.admin_email, config.admin_password)
    elif config.admin_email is not None or config.admin_password is not None:
        raise ConfigError("ADMIN_EMAIL and ADMIN_PASSWORD go together: set both, or neither.")
    async with app[POOL].acquire() as conn:
        if not await accounts.has_admin(conn):
            log.info("portal.first_run", page="/first-run", code=app[CODE])


async def _make(app: web.Application, email: str, password: str) -> None:
    """Unless the address has an account, whose password and role are its own."""
    async with app[POOL].acquire() as conn:
        known = await accounts.find_by_email(conn, email)
        if known is None:
            password_hash = await passwords.hash_(password)
            try:
                async with conn.transaction():
                    account = await accounts.add(
                        conn, email=email, name=None, role="admin", password_hash=password_hash
                    )
                    await audit.add(
                        conn,
                        "account.first_admin",
                        actor="the settings",
                        subject=f"account:{account.id}",
                        email=email,
                    )
            except Conflict:
                return  # another portal, which starts beside us, was quicker
            log.info("account.first_admin", email=email)
        elif known.role != "admin":
            log.warning("account.first_admin_not_made", email=email, why="it is a driver's address")

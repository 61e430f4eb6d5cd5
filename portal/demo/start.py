"""What `make run` and `python -m portal demo` do about the demo, and what to say of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from db import accounts, demo_network
from db.config import ConfigError
from db.connect import connect
from db.embedded import database
from db.errors import is_away
from db.migrate import migrate
from db.rows import Conn
from portal import passwords
from portal.config import Config
from portal.demo import accounts as sign_ins
from portal.demo import fleet
from portal.demo.accounts import SignIn
from portal.demo.cast import ADMIN_EMAIL, CHARGERS, DRIVER_EMAIL
from portal.demo.loading import load

_OTHERS = "The database has chargers of its own, so the demo is left out.\n"
_AWAY = "The database went away while the demo was prepared; nothing is half done. Start again."
_LOCKED = "Another process has been loading the demo for a minute. Start again when it has ended."
_NEW = (
    "\nThe passwords above were made just now: those of before were known to everybody or lost.\n"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """`fleet_file`: what the simulators are to be, None: nothing. `words`: what to open."""

    fleet_file: Path | None
    words: str


async def run(config: Config) -> int:
    """`python -m portal demo`; 1 when there is no demo in the end."""
    async with database(config.database) as url:
        await migrate(config.database.changes_url or url)
        prepared = await prepare(config, url, is_wanted=True)
    sys.stdout.write(prepared.words)
    if prepared.fleet_file is None:
        return 1
    sys.stdout.write(
        f"\nIts chargers: python -m simulators fleet --stations {prepared.fleet_file}\n"
    )
    return 0


async def prepare(config: Config, database_url: str, *, is_wanted: bool) -> Prepared:
    """
    Load the demo once, if it is wanted and no charger is there; keep its passwords as they should
    be in any case. The database is migrated, and the portal had better not run yet.
    """
    conn = await connect(database_url)
    try:
        prepared = await _prepare(conn, config, is_wanted=is_wanted)
    except BaseException as error:
        conn.terminate()  # and with it goes what was not committed
        if isinstance(error, asyncpg.LockNotAvailableError):
            raise ConfigError(_LOCKED) from error
        if is_away(error):
            raise ConfigError(_AWAY) from error
        raise
    await conn.close(timeout=5)
    return prepared


async def _prepare(conn: Conn, config: Config, *, is_wanted: bool) -> Prepared:
    if is_wanted and not await demo_network.has_stations(conn):
        await _load(conn, config)
    async with conn.transaction():
        await demo_network.lock(conn)
        is_loaded = await demo_network.is_loaded(conn, DRIVER_EMAIL, _identities())
        found = await sign_ins.settle(conn, config) if is_loaded else []
        fleet_file = await fleet.settle(conn, config) if is_loaded and is_wanted else None
    words = _words(config, found, has_admin=await accounts.has_admin(conn))
    if is_wanted and fleet_file is None:
        words = _OTHERS + words
    return Prepared(fleet_file, words)


async def _load(conn: Conn, config: Config) -> None:
    async with conn.transaction():
        await demo_network.lock(conn)
        if await demo_network.has_stations(conn):
            return  # somebody else was quicker
        chosen = sign_ins.first_passwords(config)
        station_passwords = fleet.new_passwords()
        fleet.write(config, station_passwords)
        await load(
            conn,
            datetime.now(UTC),
            password_hashes={
                email: await passwords.hash_(password) for email, password in chosen.items()
            },
            station_passwords=station_passwords,
        )


def _identities() -> list[str]:
    return [charger.identity for charger in CHARGERS]


def _words(config: Config, found: list[SignIn], *, has_admin: bool) -> str:
    url = address(config)
    if not found:
        if has_admin:
            return f"Open {url} and sign in.\n"
        if config.admin_email:
            return f"Open {url} and sign in as {config.admin_email}.\n"
        code = "" if sign_ins.is_private(config) else ", with the code that the portal says above"
        return f"Open {url}: its first page makes the first administrator{code}.\n"
    lines = [f"Open {url} and sign in:\n"]
    for one in found:
        role = "an admin " if one.email == ADMIN_EMAIL else "a driver "
        password = one.password or "(the password that it was given)"
        lines.append(f"  as {role} {one.email:<20}  {password}")
    if config.admin_email and all(one.email != ADMIN_EMAIL for one in found):
        lines.append(f"  as an admin  {config.admin_email}")
    words = "\n".join(lines) + "\n"
    return words + _NEW if any(one.is_new for one in found) else words


def address(config: Config) -> str:
    """The portal's, as somebody at this machine enters it."""
    if config.public_url:
        return config.public_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"

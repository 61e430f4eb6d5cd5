"""What admin pages share: who changes something, and which row an address means."""

from __future__ import annotations

from aiohttp import web

from db import admin_chargers
from db.admin_chargers import ChargerRow
from db.rows import Conn
from portal import people
from portal.context import CONFIG

_MOST_ID = 2**63 - 1


def by(request: web.Request) -> str:
    """For the log: who did it."""
    return people.person(request).email


def id_of(request: web.Request) -> int:
    """The number in the address. Raises HTTPNotFound for one that no row can have."""
    number = int(request.match_info["id"])
    if number > _MOST_ID:
        raise web.HTTPNotFound
    return number


async def charger_of(request: web.Request, conn: Conn) -> ChargerRow:
    """Raises HTTPNotFound."""
    zone = request.app[CONFIG].operator_zone
    row = await admin_chargers.find(conn, request.match_info["identity"], zone=zone)
    if row is None:
        raise web.HTTPNotFound
    return row

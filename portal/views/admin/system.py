"""How the system is, panel by panel: one that cannot be read says so alone."""

from __future__ import annotations

import platform
import time
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from db import audit, connection_attempts, mails, system
from db.rows import Conn
from portal import limits, pages, people
from portal.context import CONFIG, connection, transaction
from portal.views.admin.asking import by, id_of
from portal.views.admin.charger import pretty
from portal.views.admin.transaction_panels import panel

log = structlog.get_logger()

routes = web.RouteTableDef()

_MESSAGES, _DEAD, _STRANGERS = 30, 50, 20
_MOST_CHARACTERS = 4_000
_ROOT = Path(__file__).parents[3]


@routes.get("/admin/system")
async def show(request: web.Request) -> web.Response:
    charger = request.query.get("charger", "").strip()[:48]
    async with connection(request) as conn:
        context = {
            **await _read(request, conn),
            **await _messages(request, conn, charger),
            "version": _version(),
            "python": platform.python_version(),
            "zone": request.app[CONFIG].operator_zone,
        }
    return pages.render(request, "admin/system.html", **context)


@routes.get("/admin/system/now")
async def now(request: web.Request) -> web.Response:
    """All but the messages."""
    async with connection(request) as conn:
        context = await _read(request, conn)
    return pages.render(request, "admin/_system_now.html", zone=_zone(request), **context)


@routes.post(r"/admin/system/mails/{id:\d+}/again")
async def try_again(request: web.Request) -> web.Response:
    """A mail that was given up is sent once more."""
    async with transaction(request) as conn:
        if not await mails.try_again(conn, id_of(request)):
            raise web.HTTPNotFound
        await audit.add(
            conn,
            "mail.tried_again",
            by=people.person(request),
            subject=f"mail:{id_of(request)}",
            remote_address=limits.address(request),
        )
    log.info("mail.tried_again", by=by(request), id=id_of(request))
    return pages.see_other(request, "/admin/system#mail", toast="The mail is tried again.")


async def _read(request: web.Request, conn: Conn) -> dict[str, Any]:
    began = time.perf_counter()
    return {
        "nodes": await panel(request, system.list_nodes(conn)),
        "answers_ms": round((time.perf_counter() - began) * 1000),
        "strangers": await panel(
            request, connection_attempts.list_of_strangers(conn, limit=_STRANGERS)
        ),
        "ingest": await panel(request, system.ingest(conn)),
        "jobs": await panel(request, system.list_jobs(conn)),
        "queue": await panel(request, system.mail_queue(conn)),
        "dead": await panel(request, mails.list_dead(conn, limit=_DEAD)),
        "database": await panel(request, system.database(conn)),
        "tables": await panel(request, system.list_tables(conn)),
    }


async def _messages(request: web.Request, conn: Conn, charger: str) -> dict[str, Any]:
    reading = system.list_messages(conn, identity=charger or None, limit=_MESSAGES)
    return {"messages": await panel(request, reading), "charger": charger, "shorten": _shorten}


def _shorten(body: bytes | None) -> str:
    text = pretty(body)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"


@cache
def _version() -> str:
    """Of the checkout that this runs from."""
    try:
        project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"


def _zone(request: web.Request) -> str:
    return request.app[CONFIG].operator_zone

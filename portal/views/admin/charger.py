"""One charger: what we know of it, what it did last, and whether it may take part."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import web

from db import admin_chargers, admin_sessions, changes, commands, connection_attempts
from db.admin_chargers import ChargerRow
from db.model.commands import Command, Raw, decode
from db.model.stations import Registration
from portal import acts, pages
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin import charger_reports
from portal.views.admin.asking import by, charger_of
from portal.views.admin.charger_certificates import certificates_of
from portal.views.admin.charger_clock import clock_of, switches_of
from portal.views.admin.devices import plugs_of, tone_of
from portal.views.admin.transactions import row_context

log = structlog.get_logger()

routes = web.RouteTableDef()

_MESSAGES, _ATTEMPTS, _COMMANDS, _SESSIONS = 30, 8, 8, 10
_BOOT_FOR = timedelta(seconds=30)
_BOOT_AGAIN = Raw("TriggerMessage", msgspec.Raw(b'{"requestedMessage":"BootNotification"}'))
_KINDS = {
    "start": "Start session",
    "stop": "Stop session",
    "ask_about_session": "Does the session go on?",
}
_MOST_SHOWN = 20_000


@routes.get("/admin/chargers/{identity}")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        context: dict[str, Any] = {
            "plugs": (await plugs_of(conn, [row]))[row.id],
            "sessions": await admin_sessions.list_of_station(
                conn, row.id, zone=row.zone, limit=_SESSIONS
            ),
            "attempts": await connection_attempts.list_of_station(
                conn, row.identity, limit=_ATTEMPTS
            ),
            "commands": await admin_chargers.list_commands(conn, row.id, limit=_COMMANDS),
            "messages": await admin_chargers.list_messages(conn, row.id, limit=_MESSAGES),
            "clock": await clock_of(conn, row),
            "switches": switches_of(row),
            "certificates": await certificates_of(conn, row),
            **await charger_reports.context_of(conn, row.id),
        }
    return pages.render(
        request,
        "admin/charger.html",
        row=row,
        url=request.app[CONFIG].charger_url(row.identity, row.least_profile),
        **context,
        **_about(),
    )


@routes.get("/admin/chargers/{identity}/now")
async def now(request: web.Request) -> web.Response:
    """Status, connection and sessions."""
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        plugs = (await plugs_of(conn, [row]))[row.id]
        sessions = await admin_sessions.list_of_station(
            conn, row.id, zone=row.zone, limit=_SESSIONS
        )
    return pages.render(
        request, "admin/_charger_now.html", row=row, plugs=plugs, sessions=sessions, **_about()
    )


@routes.get("/admin/chargers/{identity}/said")
async def said(request: web.Request) -> web.Response:
    """Messages and commands."""
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        messages = await admin_chargers.list_messages(conn, row.id, limit=_MESSAGES)
        asked = await admin_chargers.list_commands(conn, row.id, limit=_COMMANDS)
    return pages.render(
        request,
        "admin/_charger_said.html",
        row=row,
        messages=messages,
        commands=asked,
        **_about(),
    )


@routes.post("/admin/chargers/{identity}/registration")
async def register(request: web.Request) -> web.Response:
    """Accept or reject; one that is connected is asked to boot again, and so learns it."""
    form = await Form.read(request)
    wanted: Registration = "Accepted" if form.raw("registration") == "Accepted" else "Rejected"
    async with transaction(request) as conn:
        row = await charger_of(request, conn)
        await admin_chargers.set_registration(conn, row.id, wanted)
        done = "station.accepted" if wanted == "Accepted" else "station.rejected"
        await acts.record(request, conn, done, subject=f"station:{row.id}", identity=row.identity)
        asked = None
        if row.connected_since is not None:
            asked = await commands.ask(
                conn, row.id, _BOOT_AGAIN, asked_by=by(request), valid_for=_BOOT_FOR
            )
    log.info("station.registration", by=by(request), identity=row.identity, registration=wanted)
    request.app[NOTIFIER].changed(changes.topic("station", row.id))
    if asked is not None:
        request.app[NOTIFIER].changed(commands.topic(asked))
    words = "is accepted" if wanted == "Accepted" else "is rejected"
    return pages.see_other(
        request, f"/admin/chargers/{quoted(row)}", toast=f"{row.name or row.identity} {words}."
    )


def quoted(row: ChargerRow) -> str:
    return quote(row.identity, safe="")


def pretty(body: bytes | None) -> str:
    """JSON as people read it; anything else as it came."""
    if body is None:
        return ""
    try:
        text = msgspec.json.format(body, indent=2).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} …"


def command_words(command: Command) -> str:
    asked = decode(command.arguments)
    return asked.action if isinstance(asked, Raw) else _KINDS[command.kind]


def _about() -> dict[str, Any]:
    return {
        "tone_of": tone_of,
        "pretty": pretty,
        "command_words": command_words,
        **row_context(),
    }

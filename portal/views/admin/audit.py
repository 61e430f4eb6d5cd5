"""Who did what: the audit log, the newest first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from db import audit
from db.audit import Entry
from portal import pages
from portal.context import CONFIG, connection
from portal.forms import Form

routes = web.RouteTableDef()

PAGE = 50
_MOST_ID = 2**63 - 1
#: The beginning of an action, and what is behind it.
GROUPS = (
    ("", "Everything"),
    ("sign_in", "Sign-ins"),
    ("mail_link", "Sign-in links"),
    ("password", "Passwords"),
    ("signed_out", "Sign-outs"),
    ("switched", "Switched accounts"),
    ("account", "Accounts"),
    ("card", "EV cards"),
    ("station", "Chargers"),
    ("site", "Sites"),
    ("session", "Charging sessions"),
    ("command", "Commands by API"),
    ("reservation", "Reservations"),
    ("dispute", "Disputes"),
    ("price", "Prices"),
    ("tariff", "Tariffs"),
    ("plan", "Plans"),
    ("mail.", "Mails"),
)


@routes.get("/admin/audit", name="audit")
async def show(request: web.Request) -> web.Response:
    """A whole page, or with `before` rows to append; each works as a page."""
    form = Form(dict(request.query))
    asked = {name: form.raw(name).strip()[:254] for name in ("action", "person", "subject")}
    before = _place(request.query.get("before", ""))
    async with connection(request) as conn:
        rows = await audit.list_page(
            conn,
            limit=PAGE + 1,
            before=before,
            action=asked["action"] or None,
            person=asked["person"] or None,
            subject=asked["subject"] or None,
        )
    given = {name: value for name, value in asked.items() if value}
    more = rows[PAGE - 1].id if len(rows) > PAGE else None
    context: dict[str, Any] = {
        "rows": rows[:PAGE],
        "asked": asked,
        "is_filtered": bool(given),
        "is_first": before is None,
        "further": f"/admin/audit?{urlencode(given | {'before': more})}" if more else None,
        "filtered": lambda **more: f"/admin/audit?{urlencode(more)}",
        "details": details,
        "zone": request.app[CONFIG].operator_zone,
        "kinds": GROUPS,
        "is_known": asked["action"] in dict(GROUPS),
    }
    if before is not None and pages.is_fragment(request):
        return pages.render(request, "admin/_audit_more.html", **context)
    return pages.render(request, "admin/audit.html", **context)


def details(entry: Entry) -> str:
    """What the row knows beside its action: name: value, one after the other."""
    found = msgspec.json.decode(entry.detail, type=dict[str, object])
    return ", ".join(f"{name.replace('_', ' ')}: {_words(value)}" for name, value in found.items())


def _words(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _place(said: str) -> int | None:
    """None for what is no place: the list then begins at its start."""
    is_number = said.isascii() and said.isdigit() and len(said) < 20 and int(said) <= _MOST_ID
    return int(said) if is_number else None

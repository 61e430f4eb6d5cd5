"""What happened that one should know of: the bell, and the page behind it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from db import notices
from db.notices import Notice
from portal import pages, people
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.driver import shown

PAGE = 25
MOST = 300
_MOST_ID = 2**63 - 1

routes = web.RouteTableDef()


@routes.get("/notices", name="notices")
async def show(request: web.Request) -> web.Response:
    """From the newest, or on from a place: as a page, or as rows to append."""
    before = _number(request.query.get("before", ""))
    account_id = people.person(request).id
    async with connection(request) as conn:
        rows = await notices.list_page(conn, account_id, limit=PAGE + 1, before=before)
        unread = await notices.count_unread(conn, account_id)
    found = _rows(request, rows[:PAGE]) | {"more": rows[PAGE - 1].id if len(rows) > PAGE else None}
    if before is not None and pages.is_fragment(request):
        return pages.render(request, "notices/_more.html", **found)
    is_driver = people.person(request).role == "driver"
    strip: dict[str, Any] = {"active": await shown.active(request)} if is_driver else {}
    return pages.render(
        request,
        "notices/notices.html",
        shell="driver.html" if is_driver else "admin.html",
        unread=unread,
        is_first=before is None,
        **found,
        **strip,
    )


@routes.get("/notices/first", name="notices.first")
async def first(request: web.Request) -> web.Response:
    """What the page shows by now, down to where it ended."""
    account_id = people.person(request).id
    down_to = _number(request.query.get("down_to", ""))
    async with connection(request) as conn:
        rows = await notices.list_page(
            conn, account_id, limit=PAGE if down_to is None else MOST, down_to=down_to
        )
    return pages.render(request, "notices/_first.html", **_rows(request, rows))


@routes.get("/notices/bell", name="notices.bell")
async def bell(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        unread = await notices.count_unread(conn, people.person(request).id)
    return pages.render(request, "_bell.html", unread=unread)


@routes.post("/notices/read", name="notices.read")
async def read_all(request: web.Request) -> web.StreamResponse:
    async with transaction(request) as conn:
        await notices.mark_read(conn, people.person(request).id)
    _tell(request)
    return pages.see_other(request, "/notices", toast="All notices are read.")


@routes.post(r"/notices/{id:\d+}/read", name="notices.read_one")
async def read_one(request: web.Request) -> web.StreamResponse:
    """Read; with `open` also on to the page that it is about."""
    form = await Form.read(request)
    number = _number(request.match_info["id"])
    account_id = people.person(request).id
    async with transaction(request) as conn:
        found = None if number is None else await notices.find(conn, account_id, number)
        if found is None:
            raise web.HTTPNotFound
        await notices.mark_read(conn, account_id, found.id)
    _tell(request)
    path = found.path if form.ticked("open") and found.path else "/notices"
    return pages.see_other(request, pages.local_path(path, "/notices"))


def _tell(request: web.Request) -> None:
    request.app[NOTIFIER].changed(notices.topic(people.person(request).id))


def _rows(request: web.Request, rows: list[Notice]) -> dict[str, Any]:
    return {"rows": rows, "icons": _ICONS, "zone": request.app[CONFIG].operator_zone}


# By the first part of a notice's kind.
_ICONS = {
    "card": "card",
    "session": "sessions",
    "dispute": "flag",
    "reservation": "calendar",
    "mail": "mail",
    "charger": "charger",
}


def _number(said: str) -> int | None:
    """None for what no notice has."""
    is_number = said.isascii() and said.isdigit() and len(said) < 20
    return int(said) if is_number and int(said) <= _MOST_ID else None

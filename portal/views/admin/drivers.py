"""Drivers: all of them, by filter; and a new one, who is invited by mail."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode

import structlog
from aiohttp import web

from db import accounts, admin_people, plans
from db.errors import Conflict
from portal import acts, pages, passwords
from portal.context import CONFIG, connection, transaction
from portal.forms import Form
from portal.views.admin import driver_form, driver_links
from portal.views.admin.asking import by

log = structlog.get_logger()

routes = web.RouteTableDef()

PAGE = 50
_MOST_ID = 2**63 - 1
_STATES = {"active": (True, None), "off": (False, None), "without-card": (True, False)}


class Asked(NamedTuple):
    q: str
    status: str

    @property
    def state(self) -> str:
        return self.status if self.status in _STATES else ""

    @property
    def is_any(self) -> bool:
        return bool(self.q or self.state)

    def query(self, **other: str) -> str:
        given = {name: value for name, value in (self._asdict() | other).items() if value}
        return f"?{urlencode(given)}" if given else ""


@routes.get("/admin/drivers")
async def show(request: web.Request) -> web.Response:
    q = request.query.get("q", "").strip()[:100].replace("\x00", "")
    asked = Asked(q, request.query.get("status", "")[:20])
    said = request.query.get("after", "")
    is_number = said.isascii() and said.isdigit() and len(said) < 20 and int(said) <= _MOST_ID
    after = int(said) if is_number else None
    is_active, has_card = _STATES.get(asked.state, (None, None))
    async with connection(request) as conn:
        rows = await admin_people.list_drivers(
            conn,
            text=asked.q,
            is_active=is_active,
            has_card=has_card,
            after=after,
            limit=PAGE + 1,
        )
        context: dict[str, Any] = {
            "rows": rows[:PAGE],
            "more": rows[PAGE - 1].id if len(rows) > PAGE else None,
            "asked": asked,
            "zone": request.app[CONFIG].operator_zone,
        }
        if after is not None and pages.is_fragment(request):
            return pages.render(request, "admin/_drivers_more.html", **context)
        counts = await admin_people.counts(conn)
    return pages.render(
        request, "admin/drivers.html", counts=counts, is_first=after is None, **context
    )


@routes.get("/admin/drivers/new")
async def new(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        return await driver_form.page(request, conn, Form({"invite": "on"}))


@routes.post("/admin/drivers/new")
async def add(request: web.Request) -> web.StreamResponse:
    """Without a password they sign in with links by mail."""
    form = await Form.read(request)
    name = form.text("name", label="the driver's name", most=100)
    email = form.email("email", label="the driver's e-mail address")
    password = form.raw("password")
    if password and (problem := passwords.problem(password)):
        form.wrong("password", problem)
    is_invited = form.ticked("invite")
    hashed = await passwords.hash_(password) if password and form.is_valid else None
    async with transaction(request) as conn:
        plan_id = await driver_form.plan(conn, form)
        if form.is_valid:
            assert email is not None
            try:
                async with conn.transaction():
                    account = await accounts.add(
                        conn, email=email, name=name, role="driver", password_hash=hashed
                    )
            except Conflict:
                form.wrong("email", "There is an account with this address already")
        if not form.is_valid:
            return await driver_form.page(request, conn, form, status=422)
        await plans.set_of(conn, account.id, plan_id)
        if is_invited:
            await driver_links.add_mail(request, conn, account, kind="invitation")
        await acts.record(
            request,
            conn,
            "account.added",
            subject=f"account:{account.id}",
            email=email,
            plan=plan_id,
            has_password=hashed is not None,
            is_invited=is_invited,
        )
    log.info("driver.added", by=by(request), account=account.id)
    how = (
        f"A link is on its way to {email}."
        if is_invited
        else "Tell them the address and the password."
        if hashed
        else "They ask for a link on the sign-in page."
    )
    return pages.see_other(
        request, f"/admin/drivers/{account.id}", toast=f"{name} may sign in. {how}"
    )

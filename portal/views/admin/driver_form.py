"""What an admin says of a driver: the page, and the plan."""

from __future__ import annotations

from aiohttp import web

from db import plans
from db.accounts import Account
from db.rows import Conn
from portal import pages, passwords
from portal.forms import Form


async def plan(conn: Conn, form: Form) -> int | None:
    """The plan that the form names; None for none."""
    known = {str(id_): id_ for id_, _ in await plans.list_choices(conn)}
    return known.get(form.choice("plan", known, label="a plan", required=False) or "")


async def page(
    request: web.Request,
    conn: Conn,
    form: Form,
    *,
    account: Account | None = None,
    status: int = 200,
) -> web.Response:
    choices = [(str(id_), name) for id_, name in await plans.list_choices(conn)]
    return pages.render(
        request,
        "admin/driver_form.html",
        status=status,
        form=form,
        account=account,
        plans=[("", "None: the charger's tariff"), *choices],
        least_characters=passwords.LEAST_CHARACTERS,
    )

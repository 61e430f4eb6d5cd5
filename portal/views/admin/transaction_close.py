"""
Close a session whose charger never ended it.

The portal only writes the wish, with its reason; csms ends the session within a second or two, at
the last thing that was heard of it. The charger's own end, when it comes, replaces that.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from aiohttp import web

from db import changes, session_closing
from db.admin_session import Detail
from portal import acts, pages, people
from portal.context import NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by
from portal.views.admin.transaction import session_of

log = structlog.get_logger()

routes = web.RouteTableDef()

_LEAST_REASON, _MOST_REASON = 5, 280


@routes.get(r"/admin/transactions/{number:\d+}/close")
async def show(request: web.Request) -> web.Response:
    """What closing means for this session, and the reason that it needs."""
    async with connection(request) as conn:
        of = await session_of(request, conn)
    if of.is_finalized:
        return _over(request, of)
    return _form(request, of, Form())


@routes.post(r"/admin/transactions/{number:\d+}/close")
async def close(request: web.Request) -> web.Response:
    form = await Form.read(request)
    reason = form.text(
        "reason",
        label="why it is closed, such as: charger was replaced",
        least=_LEAST_REASON,
        most=_MOST_REASON,
    )
    async with transaction(request) as conn:
        of = await session_of(request, conn)
        if of.is_finalized:
            return _over(request, of)
        if reason is None:
            return _form(request, of, form)
        account = people.person(request)
        is_asked = await session_closing.ask(
            conn, of.station_id, of.number, by=account.id, reason=reason
        )
        if is_asked:
            await acts.record(
                request, conn, "session.close_asked", subject=f"session:{of.number}", reason=reason
            )
    if not is_asked:
        return _over(request, of)
    log.info("session.close_asked", by=by(request), session=of.number)
    request.app[NOTIFIER].changed(changes.topic("session", of.number, account_id=of.account_id))
    return pages.see_other(request, _path(of), toast=f"Session {of.number} is being closed.")


def _form(request: web.Request, of: Detail, form: Form) -> web.Response:
    return pages.render(
        request,
        "admin/transaction_close.html",
        status=200 if form.is_valid else 422,
        of=of,
        form=form,
        silent_for=datetime.now(UTC) - of.updated_at,
    )


def _over(request: web.Request, of: Detail) -> web.Response:
    return pages.see_other(request, _path(of), toast=f"Session {of.number} is over already.")


def _path(of: Detail) -> str:
    return f"/admin/transactions/{of.number}"

"""One EV card: whose it is, what stands against it, what it did; and what may be changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import structlog
from aiohttp import web

from db import accounts, admin_cards, card_history
from db.accounts import Account
from db.admin_cards import CardRow
from db.model.id_tokens import IdTokenStatus
from db.rows import Conn
from portal import acts, card_words, pages
from portal.context import CONFIG, connection, transaction
from portal.forms import Form
from portal.views.admin import card_form
from portal.views.admin.asking import by, id_of
from portal.views.admin.card_check import diagnose

log = structlog.get_logger()

routes = web.RouteTableDef()

SHOWN = 10


@routes.get(r"/admin/cards/{id:\d+}")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        card = await _card(request, conn)
        return await _page(request, conn, card, Form(card_form.given(request, card)))


@routes.post(r"/admin/cards/{id:\d+}")
async def change(request: web.Request) -> web.StreamResponse:
    """To another driver only when whoever does it has said so, knowing whose it was."""
    form = await Form.read(request)
    async with transaction(request) as conn:
        await admin_cards.lock(conn, id_of(request))
        card = await _card(request, conn)
        details = await card_form.details(request, conn, form, uid=card.uid)
        if not form.is_valid:
            return await _page(request, conn, card, form, status=422)
        changes_hands = card.account_id is not None and details["account_id"] not in {
            None,
            card.account_id,
        }
        if changes_hands and form.raw("from") != str(card.account_id):
            return await _confirm(request, conn, card, form, details["account_id"])
        await admin_cards.set_details(conn, card.id, **details)
        await acts.record(
            request,
            conn,
            "card.reassigned" if changes_hands else "card.changed",
            subject=f"card:{card.id}",
            from_account_id=card.account_id,
            **details,
        )
    log.info("card.changed", by=by(request), card=card.id, account=details["account_id"])
    return pages.see_other(
        request, f"/admin/cards/{card.id}", toast=f"{details['label'] or _name(card)} is saved."
    )


@routes.post(r"/admin/cards/{id:\d+}/status")
async def set_status(request: web.Request) -> web.StreamResponse:
    """Block, unblock, or register one that was only seen."""
    form = await Form.read(request)
    status = form.choice("status", ("Accepted", "Blocked"), label="what the card may do")
    async with transaction(request) as conn:
        await admin_cards.lock(conn, id_of(request))
        card = await _card(request, conn)
        if status is None:
            raise web.HTTPBadRequest
        action, words = _STEPS[status, card.status == "Unknown"]
        await admin_cards.set_status(conn, card.id, cast("IdTokenStatus", status))
        await acts.record(
            request,
            conn,
            action,
            subject=f"card:{card.id}",
            was=card.status,
            was_lost=card.lost_at is not None,
        )
    log.info("card.status", by=by(request), card=card.id, status=status)
    return pages.see_other(request, f"/admin/cards/{card.id}", toast=f"{_name(card)} {words}.")


# By what it is to be, and whether it was only seen until now.
_STEPS = {
    ("Accepted", True): ("card.registered", "is registered: link it to a driver"),
    ("Accepted", False): ("card.unblocked", "may charge again"),
    ("Blocked", True): ("card.blocked", "is blocked"),
    ("Blocked", False): ("card.blocked", "is blocked"),
}


async def _card(request: web.Request, conn: Conn) -> CardRow:
    card = await admin_cards.find(conn, id_of(request))
    if card is None:
        raise web.HTTPNotFound
    return card


def _name(card: CardRow) -> str:
    return card.label or ("The key code" if card.type == card_words.KEY_CODE else card.name)


async def _page(
    request: web.Request, conn: Conn, card: CardRow, form: Form, *, status: int = 200
) -> web.Response:
    config = request.app[CONFIG]
    zone = config.operator_zone
    return pages.render(
        request,
        "admin/card.html",
        status=status,
        form=form,
        card=card,
        zone=zone,
        words=card_words,
        drivers=await card_form.drivers(conn),
        diagnosis=await diagnose(
            conn,
            card,
            zone=zone,
            now=datetime.now(UTC),
            master_pass_group=config.master_pass_group,
        ),
        taps=await card_history.list_taps(conn, card.uid, zone=zone, limit=SHOWN),
        sessions=await card_history.list_sessions(conn, card.uid, zone=zone, limit=SHOWN),
    )


async def _confirm(
    request: web.Request, conn: Conn, card: CardRow, form: Form, account_id: int | None
) -> web.Response:
    to = await _account(conn, account_id)
    sessions = await card_history.list_sessions(
        conn,
        card.uid,
        zone=request.app[CONFIG].operator_zone,
        limit=SHOWN,
        account_id=card.account_id,
    )
    return pages.render(
        request,
        "admin/card_reassign.html",
        status=409,
        form=form,
        card=card,
        to=to,
        running=[session for session in sessions if not session.is_finalized],
    )


async def _account(conn: Conn, id: int | None) -> Account:
    account = None if id is None else await accounts.find(conn, id)
    if account is None:
        raise web.HTTPNotFound
    return account

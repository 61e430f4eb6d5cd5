"""The driver's EV cards: what each did, a name for it, and that it is lost."""

from __future__ import annotations

from typing import Any

import structlog
from aiohttp import web

from db import audit, card_history, cards, commands, driver_commands, notices
from db.cards import OwnCard
from db.errors import NotFound
from db.rows import Conn
from portal import card_words, limits, pages, people
from portal.context import LIMITS, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.driver import shown

log = structlog.get_logger()

routes = web.RouteTableDef()

SHOWN = 10
_MOST_REASON = 280
_MOST_ID = 2**63 - 1


@routes.get("/cards", name="driver.cards")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        own = await cards.list_own(conn, people.person(request).id)
        active = await shown.running(request, conn, [])
    return pages.render(request, "driver/cards.html", cards=own, active=active, **_about(request))


@routes.get(r"/cards/{id:\d+}", name="driver.card")
async def card(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await _own(request, conn)
        return await _page(request, conn, found, Form({"label": found.label or ""}))


@routes.post(r"/cards/{id:\d+}", name="driver.card_label")
async def rename(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    label = form.text("label", required=False, most=60)
    async with transaction(request) as conn:
        found = await _own(request, conn)
        if label is None:
            return await _page(request, conn, found, form, status=422)
        await cards.rename(conn, found.id, label or None)
        await audit.add(
            conn,
            "card.renamed",
            by=people.person(request),
            subject=f"card:{found.id}",
            remote_address=limits.address(request),
            label=label,
        )
    words = f"The card is called {label}." if label else "The card has no name now."
    return pages.see_other(request, f"/cards/{found.id}", toast=words)


@routes.get(r"/cards/{id:\d+}/lost", name="driver.card_lost")
async def confirm(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        return await _confirm_page(request, conn, await _own(request, conn), Form())


@routes.post(r"/cards/{id:\d+}/lost")
async def report_lost(request: web.Request) -> web.StreamResponse:
    """Blocked at once; what it charges is stopped; the admins hear of it."""
    person = people.person(request)
    request.app[LIMITS].charging.take(f"account:{person.id}")
    form = await Form.read(request)
    reason = form.text("reason", required=False, most=_MOST_REASON, lines=True)
    async with transaction(request) as conn:
        await driver_commands.take_turn(conn, person.id)
        found = await _own(request, conn)
        if reason is None:
            return await _confirm_page(request, conn, found, form, status=422)
        lost = await cards.report_lost(
            conn, found, by=person, reason=reason or None, remote_address=limits.address(request)
        )
    if lost is None:
        return pages.see_other(
            request, f"/cards/{found.id}", toast=f"{found.name} was reported lost before."
        )
    log.info("card.lost", account=person.id, card=found.id, stopped=len(lost.stops))
    request.app[NOTIFIER].changed(
        *(commands.topic(stop) for stop in lost.stops),
        *(notices.topic(admin) for admin in lost.admins),
    )
    stopped = "".join(f" Session {each.id} is asked to stop." for each in lost.running)
    return pages.see_other(
        request, f"/cards/{found.id}", toast=f"{found.name} is blocked.{stopped}"
    )


async def _own(request: web.Request, conn: Conn) -> OwnCard:
    """The card in the address. Raises NotFound for what is not the reader's."""
    number = int(request.match_info["id"])
    if number > _MOST_ID:
        raise NotFound("no such EV card")
    return await cards.get_own(conn, people.person(request).id, number)


async def _page(
    request: web.Request, conn: Conn, card: OwnCard, form: Form, *, status: int = 200
) -> web.Response:
    zone = shown.operator_zone(request)
    account_id = people.person(request).id
    refused = await card_history.list_taps(
        conn, card.uid, zone=zone, limit=SHOWN, since=card.held_since, is_refused=True
    )
    sessions = await card_history.list_sessions(
        conn, card.uid, zone=zone, limit=SHOWN, account_id=account_id
    )
    return pages.render(
        request,
        "driver/card.html",
        status=status,
        form=form,
        card=card,
        refused=refused,
        sessions=sessions,
        active=await shown.running(request, conn, []),
        **_about(request),
    )


async def _confirm_page(
    request: web.Request, conn: Conn, card: OwnCard, form: Form, *, status: int = 200
) -> web.Response:
    running = await cards.list_running(conn, card.uid, account_id=people.person(request).id)
    return pages.render(
        request,
        "driver/card_lost.html",
        status=status,
        form=form,
        card=card,
        running=running,
        most=_MOST_REASON,
        active=await shown.running(request, conn, []),
        **_about(request),
    )


def _about(request: web.Request) -> dict[str, Any]:
    return {"zone": shown.operator_zone(request), "words": card_words}

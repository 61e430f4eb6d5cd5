"""EV cards: register one, link it to a driver, block it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from db import accounts, admin_people, id_tokens
from db.admin_people import CardRow
from db.errors import Conflict
from db.model.id_tokens import IdTokenStatus
from db.rows import Conn
from portal import pages
from portal.context import CONFIG, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, id_of

log = structlog.get_logger()

routes = web.RouteTableDef()

TYPES = ("ISO14443", "ISO15693", "KeyCode", "eMAID", "Local", "Central", "MacAddress")


@routes.get("/admin/cards")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        rows = await admin_people.list_cards(conn)
    zone = request.app[CONFIG].operator_zone
    return pages.render(request, "admin/cards.html", rows=rows, zone=zone, most=admin_people.MOST)


@routes.get("/admin/cards/new")
async def new(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        given = {"driver": request.query.get("driver", ""), "type": TYPES[0]}
        return await _page(request, conn, Form(given))


@routes.post("/admin/cards/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    uid = form.text("uid", label="the card's number", most=255)
    type_ = form.choice("type", TYPES, label="the kind of card")
    async with transaction(request) as conn:
        label, account_id, expires_at = await _details(request, conn, form)
        if form.is_valid:
            assert uid is not None
            assert type_ is not None
            try:
                async with conn.transaction():
                    card = await id_tokens.add(
                        conn, uid=uid, type=type_, expires_at=expires_at, account_id=account_id
                    )
            except Conflict:
                form.wrong("uid", "This card is registered already")
        if not form.is_valid:
            return await _page(request, conn, form, status=422)
        await admin_people.update_card(
            conn,
            card.id,
            label=label,
            status="Accepted",
            expires_at=expires_at,
            account_id=account_id,
        )
    log.info("card.added", by=by(request), card=card.id, account=account_id)
    return pages.see_other(request, "/admin/cards", toast=f"The card {uid} may charge.")


@routes.get(r"/admin/cards/{id:\d+}")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        card = await _card(request, conn)
        zone = _zone(request)
        last_day = card.expires_at - timedelta(microseconds=1) if card.expires_at else None
        given = {
            "label": card.label or "",
            "driver": str(card.account_id or ""),
            "expires": f"{last_day.astimezone(zone):%Y-%m-%d}" if last_day else "",
        }
        return await _page(request, conn, Form(given), card=card)


@routes.post(r"/admin/cards/{id:\d+}")
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        card = await _card(request, conn)
        label, account_id, expires_at = await _details(request, conn, form)
        if not form.is_valid:
            return await _page(request, conn, form, card=card, status=422)
        # A card that was only seen until now is registered by being saved.
        status: IdTokenStatus = "Accepted" if card.status == "Unknown" else card.status
        await admin_people.update_card(
            conn,
            card.id,
            label=label,
            status=status,
            expires_at=expires_at,
            account_id=account_id,
        )
    log.info("card.changed", by=by(request), card=card.id, account=account_id)
    return pages.see_other(request, "/admin/cards", toast=f"The card {card.uid} is saved.")


@routes.post(r"/admin/cards/{id:\d+}/status")
async def block(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    status = form.choice("status", ("Accepted", "Blocked"), label="what the card may do")
    async with transaction(request) as conn:
        card = await _card(request, conn)
        if status is None:
            raise web.HTTPBadRequest
        await admin_people.update_card(
            conn,
            card.id,
            label=card.label,
            status=cast("IdTokenStatus", status),
            expires_at=card.expires_at,
            account_id=card.account_id,
        )
    log.info("card.status", by=by(request), card=card.id, status=status)
    words = "may charge again" if status == "Accepted" else "is blocked"
    return pages.see_other(
        request, f"/admin/cards/{card.id}", toast=f"The card {card.uid} {words}."
    )


async def _details(
    request: web.Request, conn: Conn, form: Form
) -> tuple[str | None, int | None, datetime | None]:
    label = form.text("label", required=False, most=60) or None
    known = {str(each.id): each.id for each in await accounts.list_by_role(conn, "driver")}
    driver = form.choice("driver", known, label="a driver", required=False)
    said = form.text("expires", required=False, most=10)
    expires_at = None
    if said:
        try:
            day = datetime.strptime(said, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
            midnight = datetime.combine(day + timedelta(days=1), time(), _zone(request))
            expires_at = midnight.astimezone(UTC)
        except (ValueError, OverflowError):
            form.wrong("expires", "Enter a day such as 2027-12-31")
    return label, known.get(driver or ""), expires_at


async def _card(request: web.Request, conn: Conn) -> CardRow:
    card = await admin_people.find_card(conn, id_of(request))
    if card is None:
        raise web.HTTPNotFound
    return card


def _zone(request: web.Request) -> ZoneInfo:
    return ZoneInfo(request.app[CONFIG].operator_zone)


async def _page(
    request: web.Request,
    conn: Conn,
    form: Form,
    *,
    card: CardRow | None = None,
    status: int = 200,
) -> web.Response:
    people = [("", "Nobody yet")]
    people += [
        (str(each.id), f"{each.display_name} ({each.email})" if each.name else each.email)
        for each in await accounts.list_by_role(conn, "driver")
    ]
    return pages.render(
        request,
        "admin/card_form.html",
        status=status,
        form=form,
        card=card,
        drivers=people,
        types=[(each, each) for each in TYPES],
    )

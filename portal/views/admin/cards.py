"""EV cards: all of them, by filter; and a new one."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args
from urllib.parse import urlencode

import structlog
from aiohttp import web

from csms.rules.authorization import infer_type
from db import admin_cards, id_tokens
from db.admin_cards import CardState, Filter
from db.errors import Conflict
from portal import acts, card_words, pages
from portal.context import CONFIG, connection, transaction
from portal.forms import Form
from portal.views.admin import card_form
from portal.views.admin.asking import by

log = structlog.get_logger()

routes = web.RouteTableDef()

PAGE = 50
_MOST_ID = 2**63 - 1
_LINKED = {"yes": True, "no": False}


class Asked(NamedTuple):
    """The filters as they stand in the address; what is not one of ours counts as all."""

    q: str
    status: str
    linked: str

    @property
    def filter(self) -> Filter:
        states: tuple[CardState, ...] = get_args(CardState)
        state = next((state for state in states if state == self.status), None)
        return Filter(self.q, state, _LINKED.get(self.linked))

    @property
    def is_any(self) -> bool:
        return self.filter != Filter()

    def query(self, **other: str) -> str:
        """The same list by its address; `other` replaces a filter, "" takes it away."""
        given = {name: value for name, value in (self._asdict() | other).items() if value}
        return f"?{urlencode(given)}" if given else ""


@routes.get("/admin/cards")
async def show(request: web.Request) -> web.Response:
    asked = _asked(request)
    said = request.query.get("before", "")
    is_number = said.isascii() and said.isdigit() and len(said) < 20 and int(said) <= _MOST_ID
    before = int(said) if is_number else None
    async with connection(request) as conn:
        rows = await admin_cards.list_page(conn, asked.filter, limit=PAGE + 1, before=before)
        context: dict[str, Any] = {
            "rows": rows[:PAGE],
            "more": rows[PAGE - 1].id if len(rows) > PAGE else None,
            "asked": asked,
            "zone": request.app[CONFIG].operator_zone,
            "words": card_words,
        }
        if before is not None and pages.is_fragment(request):
            return pages.render(request, "admin/_cards_more.html", **context)
        counts = await admin_cards.counts(conn)
    return pages.render(
        request, "admin/cards.html", counts=counts, is_first=before is None, **context
    )


@routes.get("/admin/cards/new")
async def new(request: web.Request) -> web.Response:
    given = {"driver": request.query.get("driver", ""), "uid": request.query.get("uid", "")}
    async with connection(request) as conn:
        return await card_form.page(request, conn, Form(given))


@routes.post("/admin/cards/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    uid = form.text("uid", label="the card's number", most=255)
    kind = form.choice("type", card_form.TYPES, label="the kind of card", required=False)
    async with transaction(request) as conn:
        details = await card_form.details(request, conn, form, uid=uid)
        if form.is_valid:
            assert uid is not None
            try:
                async with conn.transaction():
                    card = await id_tokens.add(conn, uid=uid, type=kind or infer_type(uid))
            except Conflict:
                form.wrong("uid", "This card is registered already")
        if not form.is_valid:
            return await card_form.page(request, conn, form, status=422)
        await admin_cards.set_details(conn, card.id, **details)
        await acts.record(
            request, conn, "card.added", subject=f"card:{card.id}", type=card.type, **details
        )
    log.info("card.added", by=by(request), card=card.id, account=details["account_id"])
    name = details["label"] or ("The key code" if card.type == "KeyCode" else f"The card {uid}")
    return pages.see_other(request, f"/admin/cards/{card.id}", toast=f"{name} may charge.")


def _asked(request: web.Request) -> Asked:
    given = request.query
    q = given.get("q", "").strip()[:100].replace("\x00", "")
    return Asked(q, given.get("status", "")[:20], given.get("linked", "")[:20])

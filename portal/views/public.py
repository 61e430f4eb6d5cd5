"""`/c/ID`: the page behind a charger's sticker. State and price before anything else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web

from csms.rules.pricing_terms import UnreadableTerms, decode
from db import driver_home, plans, public_chargers, reservations, tariffs
from db.public_chargers import PublicCharger
from db.rows import Conn
from portal import limits, pages, people, price_words
from portal.context import CONFIG, LIMITS, connection
from portal.price_making import month_of
from portal.price_words import PriceWords
from portal.views import driver
from portal.views.driver.status import UNSEEN_FOR, card, glyph

log = structlog.get_logger()

routes = web.RouteTableDef()


@routes.get("/c/{public_id}", name="public.charger")
async def show(request: web.Request) -> web.Response:
    return await _page(request, "public_charger.html")


@routes.get("/c/{public_id}/now", name="public.now")
async def now(request: web.Request) -> web.Response:
    """The part that changes, for who is signed in."""
    return await _page(request, "public_now.html")


async def _page(request: web.Request, template: str) -> web.Response:
    person = people.maybe_person(request)
    who = f"account:{person.id}" if person else limits.network(request)
    request.app[LIMITS].public.take(who)
    # People type what they read on the sticker.
    public_id = request.match_info["public_id"].upper()
    account_id = person.id if person else None
    banner = {} if pages.is_fragment(request) else await driver.banner(request)
    zone = request.app[CONFIG].operator_zone
    async with connection(request) as conn:
        station = await public_chargers.find(conn, public_id, account_id=account_id, zone=zone)
        if station is None:
            said = public_id[:20]
            return pages.render(request, "public_unknown.html", status=404, said=said, **banner)
        context = await _read(conn, station, account_id, zone)
    return pages.render(request, template, **context, **banner)


async def _read(
    conn: Conn, station: PublicCharger, account_id: int | None, zone: str
) -> dict[str, Any]:
    at = datetime.now(UTC)
    (charger,) = await driver_home.list_chargers(
        conn, account_id, zone=zone, public_id=station.public_id, is_public=True
    )
    seen = card(charger, at, await reservations.held(conn, at), account_id)
    return {
        "station": station,
        "card": seen,
        "price": await _price(conn, station, at, account_id, zone),
        "can_start": station.is_in_service
        and station.may_see
        and seen.is_online
        and charger.is_connected,
        "is_mine": any(plug.is_mine for plug in charger.plugs),
        "is_heard": charger.last_seen_at is not None and at - charger.last_seen_at < UNSEEN_FOR,
        "glyph": glyph,
        "now": at,
    }


async def _price(
    conn: Conn, station: PublicCharger, at: datetime, account_id: int | None, zone: str
) -> PriceWords | None:
    """
    None: no tariff holds here, or this program cannot read it.

    Args:
        zone: the operator's, in which a month of tiers begins.
    """
    if station.tariff_id is None:
        return None
    tariff = await tariffs.find(conn, station.tariff_id)
    if tariff is None:
        return None
    try:
        terms = decode(tariff.terms)
    except UnreadableTerms:
        log.warning("tariff.unreadable", tariff=tariff.id, version=tariff.version)
        return None
    used_wh = 0
    if account_id is not None and terms.tiers:
        used_wh = await plans.used_wh(conn, account_id, month_of(at, zone), zone=zone)
    return price_words.words(terms, at, station.zone, used_wh=used_wh)

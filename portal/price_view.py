"""
A session's price as a page shows it: what was billed, or what it would cost by now.

`of_session` asks the database six times at most, `of_sessions` five times, however many sessions it
is asked for; of one that runs at most `MOST_REGISTERS` readings are read. Draw one with
`{% include "parts/price.html" %}` and `price` set. What a driver subscribed to is in `plan_view`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from aiohttp import web

from csms.rules.pricing_terms import Terms
from db import prices, pricing
from db.prices import Line, Price, Step
from db.pricing import Facts
from db.rows import Conn
from db.tariffs_in_force import InForce, Place, in_force
from portal import price_making
from portal.context import CONFIG
from portal.price_making import month_of, read_terms

__all__ = ["Line", "Shown", "Step", "of_session", "of_sessions"]

MOST_REGISTERS = 2_000
NOT_YET = "The price is being worked out. Look again in a minute."


@dataclass(frozen=True, slots=True)
class Shown:
    """
    What a session costs.

    `total` is without credits, tax included; None: unknown, and `why` says so in words. `lines` add
    up to it. `is_estimate`: the session runs, or its price is yet to be made. `is_included`: free
    by its terms, to be read as "Included". `credited` is at most 0; `due` is what is left to pay.
    """

    currency: str
    total: Decimal | None
    is_estimate: bool
    is_included: bool
    lines: list[Line]
    tariff: str | None
    why: str
    credited: Decimal = Decimal(0)
    due: Decimal | None = None
    tax: Decimal | None = None  # contained in the total
    steps: list[Step] = field(default_factory=list)  # how it came to be; of one session only


async def of_session(request: web.Request, conn: Conn, session_id: int) -> Shown:
    """With its steps. The caller has seen to it that the reader may see the session."""
    shown, station_id = (await _found(request, conn, [session_id])).get(
        session_id, (_none(request), None)
    )
    if station_id is None:
        return shown
    return replace(shown, steps=await prices.list_steps(conn, station_id, session_id))


async def of_sessions(
    request: web.Request, conn: Conn, session_ids: Sequence[int]
) -> dict[int, Shown]:
    """One for each id, without steps."""
    found = await _found(request, conn, session_ids)
    none = _none(request)
    return {id_: found[id_][0] if id_ in found else none for id_ in session_ids}


async def _found(
    request: web.Request, conn: Conn, session_ids: Sequence[int]
) -> dict[int, tuple[Shown, int | None]]:
    """By session; with its station where there are steps."""
    known = await prices.find_many(conn, session_ids)
    found: dict[int, tuple[Shown, int | None]] = {
        id_: (_settled(price), price.station_id) for id_, price in known.items()
    }
    missing = [id_ for id_ in session_ids if id_ not in known]
    running = await pricing.list_running(conn, missing) if missing else []
    if running:
        found |= {id_: (shown, None) for id_, shown in (await _so_far(request, conn, running))}
    return found


async def _so_far(
    request: web.Request, conn: Conn, running: list[Facts]
) -> list[tuple[int, Shown]]:
    """What sessions that run would cost if they ended now."""
    now, zone = datetime.now(UTC), request.app[CONFIG].operator_zone
    places = [Place(f.account_id, f.station_id, f.site_id, f.started_at) for f in running]
    chosen = [
        (facts, tariff, read_terms(tariff.terms) if tariff else None)
        for facts, tariff in zip(running, await in_force(conn, places), strict=True)
    ]
    timed = [facts for facts, _, terms in chosen if terms is not None and terms.needs_readings]
    registers = await pricing.list_registers(conn, timed, until=now, most_each=MOST_REGISTERS)
    tiered = [
        (facts.account_id, month_of(facts.started_at, zone))
        for facts, _, terms in chosen
        if terms is not None and terms.tiers and facts.account_id is not None
    ]
    used = await pricing.list_used_wh(conn, tiered) if tiered else {}
    shown = []
    for facts, tariff, terms in chosen:
        month = month_of(facts.started_at, zone)
        used_wh = used.get((facts.account_id, month), 0) if facts.account_id else 0
        rows = registers.get(facts.session_id, [])
        shown.append(
            (facts.session_id, _estimate(request, facts, tariff, terms, rows, now, month, used_wh))
        )
    return shown


def _estimate(
    request: web.Request,
    facts: Facts,
    tariff: InForce | None,
    terms: Terms | None,
    registers: list[tuple[datetime, int]],
    now: datetime,
    month: date,
    used_wh: int,
) -> Shown:
    config = request.app[CONFIG]
    if (unbilled := price_making.why_unbilled(facts)) is not None:
        currency = tariff.currency if tariff else facts.site_currency or config.operator_currency
        nothing = price_making.unbilled(currency, unbilled).total
        return Shown(currency, nothing, True, False, [], None, unbilled, due=nothing)
    if tariff is None or terms is None:
        currency = tariff.currency if tariff else facts.site_currency or config.operator_currency
        why = price_making.UNREADABLE if tariff else price_making.NO_TARIFF
        return Shown(currency, None, True, False, [], tariff.tariff if tariff else None, why)
    priced = price_making.make(
        terms,
        facts,
        registers,
        now=now,
        zone=config.operator_zone,
        month=month,
        used_before_wh=used_wh,
    )
    return Shown(
        currency=priced.currency,
        total=priced.total,
        is_estimate=True,
        is_included=priced.is_included,
        lines=priced.lines,
        tariff=tariff.tariff,
        why=priced.reason or _by(tariff.why),
        due=priced.total,
        tax=priced.tax,
    )


def _settled(price: Price) -> Shown:
    why = _by(price.why)
    if price.tariff_id is None and price.total is not None:
        why = price.why  # a sentence: why it is not billed
    elif price.total is None:
        why = price_making.why_unknown(price.tariff_id, price.energy_wh)
    return Shown(
        currency=price.currency,
        total=price.total,
        is_estimate=False,
        is_included=price.is_included,
        lines=price.lines,
        tariff=price.tariff,
        why=why,
        credited=price.credited,
        due=price.due,
        tax=price.tax,
    )


def _none(request: web.Request) -> Shown:
    currency = request.app[CONFIG].operator_currency
    return Shown(currency, None, True, False, [], None, NOT_YET)


def _by(why: str) -> str:
    """plan Home: as a sentence's beginning."""
    return f"By {why}"

"""A tariff before anything was charged: one figure, what comes on top, and an example."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from csms.rules.pricing import Charge, price
from csms.rules.pricing_terms import Terms, Window
from portal.format import energy, money, rate

_EXAMPLE_KWH = 20
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PriceWords:
    """`figure` and `unit` in large; `more` are whole sentences, `idle` is for after charging."""

    figure: str
    unit: str
    more: list[str]
    idle: str


def words(terms: Terms, at: datetime, zone: str, *, used_wh: int = 0) -> PriceWords:
    """
    As it stands at that moment, by the clock of the site.

    Args:
        used_wh: what the reader used of this month's tiers already.
    """
    now = _in_force(terms, at, zone)
    is_free = terms.is_energy_free and not any(
        (terms.per_minute, terms.session_fee, terms.minimum, terms.per_idle_minute)
    )
    if is_free:
        return PriceWords("Free", "", ["Charging costs nothing here."], "")
    first = _next(terms, now, used_wh)
    used = [f"You have used {energy(used_wh)} this month."] if terms.tiers and used_wh else []
    return PriceWords(
        rate(first, terms.currency),
        _unit(terms, used),
        [*used, *_more(terms), _example(terms, at, zone, used_wh)],
        _idle(terms),
    )


def _in_force(terms: Terms, at: datetime, zone: str) -> Window | None:
    local = at.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return next((each for each in terms.windows if each.holds(local.isoweekday(), minute)), None)


def _next(terms: Terms, now: Window | None, used_wh: int) -> Decimal:
    """What the next kWh costs: by the first tier that is not used up, else by what is beyond."""
    top = Decimal(0)
    for tier in terms.tiers:
        top += tier.kwh
        if used_wh < top * 1000:
            return tier.per_kwh
    return now.per_kwh if now else terms.per_kwh


def _unit(terms: Terms, used: list[str]) -> str:
    is_moving = used or (terms.windows and not terms.tiers)
    return "per kWh now" if is_moving else "per kWh"


def _more(terms: Terms) -> list[str]:
    """What is said beside the figure, a sentence each."""
    said = []
    currency = terms.currency
    top = Decimal(0)
    for tier in terms.tiers:
        top += tier.kwh
        each = "are included" if not tier.per_kwh else f"cost {rate(tier.per_kwh, currency)} each"
        said.append(
            f"The {'first' if top == tier.kwh else 'next'} {tier.kwh:f} kWh a month {each}."
        )
    said += [f"{each.words}: {rate(each.per_kwh, currency)} per kWh." for each in terms.windows]
    if terms.tiers or terms.windows:
        rest = "Beyond that" if terms.tiers and not terms.windows else "Otherwise"
        said.append(f"{rest}: {rate(terms.per_kwh, currency)} per kWh.")
    if terms.per_minute:
        said.append(f"And {rate(terms.per_minute, currency)} a minute.")
    fee = money(terms.session_fee, currency)
    said.append(f"Start fee {fee}." if terms.session_fee else "No start fee.")
    if terms.minimum:
        said.append(f"A session costs {money(terms.minimum, currency)} at least.")
    if terms.maximum is not None:
        said.append(f"A session costs {money(terms.maximum, currency)} at most.")
    if not terms.is_tax_included and terms.tax_percent:
        said.append(f"{terms.tax_percent.normalize():f} % tax comes on top.")
    return said


def _example(terms: Terms, at: datetime, zone: str, used_wh: int) -> str:
    charge = Charge(at, at + _HOUR, _EXAMPLE_KWH * 1000, ZoneInfo(zone), used_before_wh=used_wh)
    total = money(price(terms, charge).total, terms.currency)
    is_timed = terms.windows or terms.per_minute
    return f"{_EXAMPLE_KWH} kWh{' in the next hour' if is_timed else ''} cost {total}."


def _idle(terms: Terms) -> str:
    if not terms.per_idle_minute:
        return ""
    each = f"{rate(terms.per_idle_minute, terms.currency)} a minute"
    if not terms.idle_grace_min:
        return f"When charging has ended, move on: until you unplug it is {each}."
    return (
        f"After charging has ended you have {terms.idle_grace_min} min to move, then it is {each}."
    )

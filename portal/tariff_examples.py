"""What a tariff comes to, worked out for whoever writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from csms.rules.pricing import Charge, Priced, price
from csms.rules.pricing_curve import Curve, Mark
from csms.rules.pricing_terms import Terms
from portal.format import clock, rate

_KWH = 20
_HOUR = timedelta(hours=1)
_FROM = 18 * 60
_WEDNESDAY = 3
_DAY = dict(
    enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), 1)
)


@dataclass(frozen=True, slots=True)
class Example:
    words: str  # such as "20 kWh from 18:00 to 19:00 on a Wednesday"
    priced: Priced


def examples(terms: Terms, now: datetime, zone: str) -> list[Example]:
    """The plain case, then one for each thing that this tariff makes special."""
    found = [_example(terms, now, zone, weekday=_WEDNESDAY, minute=_FROM)]
    if terms.windows:
        window = terms.windows[0]
        weekday, minute = window.days[0], window.start - 30
        if minute < 0:
            weekday, minute = (weekday - 2) % 7 + 1, minute + 24 * 60
        found.append(_example(terms, now, zone, weekday=weekday, minute=minute))
    if terms.per_idle_minute:
        found.append(_example(terms, now, zone, weekday=_WEDNESDAY, minute=_FROM, stays=_HOUR))
    if terms.tiers:
        used_kwh = max(sum((tier.kwh for tier in terms.tiers), Decimal(0)) - _KWH // 2, Decimal(0))
        found.append(
            _example(terms, now, zone, weekday=_WEDNESDAY, minute=_FROM, used_kwh=used_kwh)
        )
    return found


def in_short(terms: Terms) -> str:
    """€0.36 per kWh, 2 other times, idle €0.10 a minute: for a list."""
    currency = terms.currency
    is_free = terms.is_energy_free
    words = ["free energy" if is_free else f"{rate(terms.per_kwh, currency)} per kWh"]
    if terms.windows:
        words.append(f"{len(terms.windows)} other time{'s' if len(terms.windows) > 1 else ''}")
    if terms.tiers:
        kwh = sum((tier.kwh for tier in terms.tiers), Decimal(0))
        words.append(f"the first {kwh.normalize():f} kWh of a month apart")
    if terms.per_minute:
        words.append(f"{rate(terms.per_minute, currency)} a minute")
    if terms.per_idle_minute:
        words.append(f"idle {rate(terms.per_idle_minute, currency)} a minute")
    if terms.session_fee:
        words.append(f"{rate(terms.session_fee, currency)} a session")
    return ", ".join(words)


def _example(
    terms: Terms,
    now: datetime,
    zone: str,
    *,
    weekday: int,
    minute: int,
    stays: timedelta = timedelta(0),
    used_kwh: Decimal = Decimal(0),
) -> Example:
    place = ZoneInfo(zone)
    day = now.astimezone(place).date()
    day += timedelta(days=(weekday - day.isoweekday()) % 7)
    since = datetime.combine(day, time(minute // 60, minute % 60), place)
    until = since + _HOUR
    energy_wh = _KWH * 1000
    marks = [(since, 0), (until, energy_wh), (until + stays, energy_wh)]
    shape = Curve([Mark(at, Fraction(wh)) for at, wh in marks])
    words = f"{_KWH} kWh from {clock(since, zone)} to {clock(until, zone)} on a {_DAY[weekday]}"
    if stays:
        words += f", unplugged at {clock(until + stays, zone)}"
    if used_kwh:
        words += f", after {used_kwh.normalize():f} kWh in the month"
    charge = Charge(since, until + stays, energy_wh, place, shape, used_kwh * 1000)
    return Example(words, price(terms, charge))

"""
What a session costs, line by line. Pure and exact: fractions inside, Decimal at both ends.

Each line is rounded once, half up, in the decimals of its currency; the lines add up to the total,
always. What is not known makes the total unknown (None), with the reason in words (S10); what is
free by the terms is free (`is_included`). product B6 says how tiers are consumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from csms.rules.currencies import rounded, rounded_to
from csms.rules.pricing_curve import Curve, even
from csms.rules.pricing_terms import Terms, Window
from csms.rules.pricing_windows import pieces
from db.model.prices import Line

__all__ = ["Charge", "Priced", "price"]

NO_ENERGY = "The energy of this session is not known, so neither is its price."

_MINUTE = timedelta(minutes=1)
_NOTHING = Decimal(0)
_WH_PER_KWH = 1000
_PLACES = 6  # of a quantity that is kept with a line; its amount is made of the exact one


@dataclass(frozen=True, slots=True)
class Charge:
    """
    What was consumed.

    `ended_at` of a session that runs is now. `energy_wh` None: not known. `curve` None: it does not
    matter when the energy flowed, or nobody knows. `used_before_wh`: what counts towards the tiers
    of this month already. `month`: its name, such as "November".
    """

    started_at: datetime
    ended_at: datetime
    energy_wh: int | Decimal | None
    zone: tzinfo  # of the site
    curve: Curve | None = None
    used_before_wh: int | Decimal = 0
    month: str = "the month"


@dataclass(frozen=True, slots=True)
class Priced:
    """`tax` is contained in `total`. `reason`: why it is unknown, or not billed; else empty."""

    currency: str
    total: Decimal | None
    tax: Decimal | None
    is_included: bool
    lines: list[Line] = field(default_factory=list)
    reason: str = ""


def price(terms: Terms, charge: Charge) -> Priced:
    # Two times of one zone would be compared by the clock on its wall.
    since, until = charge.started_at.astimezone(UTC), charge.ended_at.astimezone(UTC)
    charge = replace(charge, started_at=since, ended_at=until)
    if charge.energy_wh is None and not terms.is_energy_free:
        return Priced(terms.currency, None, None, is_included=False, reason=NO_ENERGY)
    lines = [*_energy(terms, charge), *_time(terms, charge), *_once(terms, charge)]
    lines += _bounds(terms, lines, has_energy=_has_energy(charge))
    is_included = not any(line.amount or _is_billed(line) for line in lines)
    net = _sum(lines)
    if terms.is_tax_included:
        tax = rounded(_part(net, terms.tax_percent, 100 + terms.tax_percent), terms.currency)
    else:
        tax = rounded(_part(net, terms.tax_percent, Decimal(100)), terms.currency)
        if terms.tax_percent:
            lines.append(Line("tax", f"Tax, {_plain(terms.tax_percent)} %", tax))
    return Priced(terms.currency, _sum(lines, terms.currency), tax, is_included, lines)


def _energy(terms: Terms, charge: Charge) -> Iterator[Line]:
    """A line for each price: energy in the order in which it flowed, through tiers and windows."""
    if charge.energy_wh is None:
        return
    sums: dict[tuple[int | None, Window | None], Fraction] = {}
    place = Fraction(charge.used_before_wh)
    for window, energy_wh in _slices(terms, charge):
        for tier, part_wh in _tiered(terms, place, energy_wh):
            key = tier, window if tier is None else None
            sums[key] = sums.get(key, Fraction(0)) + part_wh
        place += energy_wh
    for (tier, window), energy_wh in sums.items():
        unit = window if tier is None else terms.tiers[tier]
        unit_price = terms.per_kwh if unit is None else unit.per_kwh
        kwh = energy_wh / _WH_PER_KWH
        yield Line(
            "energy",
            _label(terms, tier, window, charge, place),
            rounded(kwh * Fraction(unit_price), terms.currency),
            rounded_to(kwh, _PLACES),
            "kWh",
            unit_price,
        )


def _slices(terms: Terms, charge: Charge) -> list[tuple[Window | None, Fraction]]:
    """The energy by window, in the order of time; together it is all of the energy, exactly."""
    assert charge.energy_wh is not None
    total = Fraction(charge.energy_wh)
    if not terms.windows:
        return [(None, total)]
    until = max(charge.started_at, charge.ended_at)
    curve = charge.curve or even(charge.started_at, until)
    scale = total / curve.marks[-1].energy_wh if curve.marks[-1].energy_wh else Fraction(0)
    found = []
    before = Fraction(0)
    parts = pieces(charge.started_at, until, terms.windows, charge.zone)
    for piece in parts:
        by_then = total if piece is parts[-1] else scale * curve.until(piece.until)
        if by_then > before:
            found.append((piece.window, by_then - before))
        before = by_then
    return found or [(parts[0].window, total)]


def _tiered(
    terms: Terms, place: Fraction, energy_wh: Fraction
) -> Iterator[tuple[int | None, Fraction]]:
    """`energy_wh` from a place in the month's use on, by tier; None: beyond the last one."""
    top = Fraction(0)
    for number, tier in enumerate(terms.tiers):
        top += Fraction(tier.kwh) * _WH_PER_KWH
        if place < top:
            part = min(energy_wh, top - place)
            yield number, part
            place, energy_wh = place + part, energy_wh - part
            if not energy_wh:
                return
    yield None, energy_wh


def _label(
    terms: Terms, tier: int | None, window: Window | None, charge: Charge, used_wh: Fraction
) -> str:
    if not terms.tiers:
        return window.words if window else ("Other times" if terms.windows else "Energy")
    tops = list(accumulate(tier.kwh for tier in terms.tiers))
    if tier is None:
        words = f"Beyond {_plain(tops[-1])} kWh in {charge.month}"
        return f"{words}, {window.words}" if window else words
    if tier == 0:
        of = "The last of your" if used_wh > tops[0] * _WH_PER_KWH else "Of your"
        return f"{of} first {_plain(tops[0])} kWh in {charge.month}"
    return f"From {_plain(tops[tier - 1])} to {_plain(tops[tier])} kWh in {charge.month}"


def _time(terms: Terms, charge: Charge) -> Iterator[Line]:
    if terms.per_minute:
        minutes = max((charge.ended_at - charge.started_at) // _MINUTE, 0)
        yield _minutes("time", "Plugged in", minutes, terms.per_minute, terms.currency)
    if terms.per_idle_minute:
        grace = timedelta(minutes=terms.idle_grace_min)
        stretches = charge.curve.idle_stretches() if charge.curve else []
        beyond = sum(
            (max(until - since - grace, timedelta(0)) for since, until in stretches), timedelta(0)
        )
        label = "Plugged in without charging"
        if terms.idle_grace_min:
            label += f", after {terms.idle_grace_min} min"
        yield _minutes("idle", label, beyond // _MINUTE, terms.per_idle_minute, terms.currency)


def _minutes(kind: str, label: str, minutes: int, unit_price: Decimal, currency: str) -> Line:
    amount = rounded(minutes * Fraction(unit_price), currency)
    return Line(kind, label, amount, Decimal(minutes), "min", unit_price)


def _once(terms: Terms, charge: Charge) -> Iterator[Line]:
    if terms.session_fee and _has_energy(charge):
        yield Line("session", "Session fee", rounded(terms.session_fee, terms.currency))


def _bounds(terms: Terms, lines: list[Line], *, has_energy: bool) -> Iterator[Line]:
    so_far = _sum(lines)
    if terms.minimum and has_energy and so_far < terms.minimum:
        yield Line("minimum", "Up to the minimum", rounded(terms.minimum - so_far, terms.currency))
    if terms.maximum is not None and so_far > terms.maximum:
        yield Line(
            "maximum", "Down to the maximum", rounded(terms.maximum - so_far, terms.currency)
        )


def _has_energy(charge: Charge) -> bool:
    """A start that brought nothing costs neither fee nor minimum; one of unknown energy does."""
    return charge.energy_wh is None or charge.energy_wh > 0


def _is_billed(line: Line) -> bool:
    return bool(line.unit_price and line.quantity)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _part(amount: Decimal, numerator: Decimal, denominator: Decimal) -> Fraction:
    return Fraction(amount) * Fraction(numerator) / Fraction(denominator)


def _sum(lines: list[Line], currency: str = "") -> Decimal:
    total = sum((line.amount for line in lines), _NOTHING)
    return rounded(total, currency) if currency else total

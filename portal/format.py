"""Figures and times in a reader's words. What is not known is the word "unknown", never 0."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

from csms.rules.currencies import decimals, rounded, rounded_to

UNKNOWN = "unknown"
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "INR": "₹", "KRW": "₩", "UAH": "₴"}
_CENT = Decimal("0.01")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

Number = int | float | Decimal


def energy(energy_wh: Number | None) -> str:
    """Wh as 18.21 kWh."""
    return UNKNOWN if energy_wh is None else f"{kwh(energy_wh)} kWh"


def kwh(energy_wh: Number | None) -> str:
    """Wh as 18.21, where the unit stands elsewhere, as in a table's header."""
    return UNKNOWN if energy_wh is None else _fixed(energy_wh, 1000, "0.01")


def power(power_w: Number | None) -> str:
    """W as 10.9 kW."""
    return UNKNOWN if power_w is None else f"{kw(power_w)} kW"


def kw(power_w: Number | None) -> str:
    return UNKNOWN if power_w is None else _fixed(power_w, 1000, "0.1")


def rated(power_w: Number | None) -> str:
    """W of a connector as 22 kW or 7.4 kW: what it is made for, without idle digits."""
    if power_w is None:
        return UNKNOWN
    return f"{_fixed(power_w, 1000, '0.1').removesuffix('.0')} kW"


def money(amount: Decimal | None, currency: str) -> str:
    """€8.19, −€1.00, KWD 1.250: in the currency's own decimals."""
    if amount is None:
        return UNKNOWN
    exact = rounded(amount, currency)
    return _priced(f"{abs(exact):,}", currency, is_negative=exact < 0)


def rate(amount: Decimal | None, currency: str) -> str:
    """€0.28 or €0.2855: the price of one unit, with as many decimals as it needs."""
    if amount is None:
        return UNKNOWN
    least = decimals(currency)
    exact = abs(amount).normalize()
    places = max(least, -int(exact.as_tuple().exponent))
    return _priced(f"{exact:,.{places}f}", currency, is_negative=amount < 0)


def quantity(count: Decimal, unit: str) -> str:
    """6.50 kWh, 12 min: what a line of a bill counts, with as many decimals as tell it exactly."""
    if unit != "kWh":
        return f"{count:f} {unit}".strip()
    exact = rounded_to(count, 3)
    return f"{exact if exact != exact.quantize(_CENT) else exact.quantize(_CENT)} kWh"


def duration(took: timedelta | Number | None) -> str:
    """A timedelta, or seconds, as 1 h 44 min; under a minute 40 s."""
    if took is None:
        return UNKNOWN
    seconds = int(took.total_seconds() if isinstance(took, timedelta) else took)
    seconds = max(seconds, 0)  # two clocks may disagree a little
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def when(at: datetime | None, zone: str = "UTC") -> str:
    """20 Nov 2026, 18:42"""
    if at is None:
        return UNKNOWN
    there = at.astimezone(_zone(zone))
    return f"{day(at, zone)}, {there:%H:%M}"


def short(at: datetime | None, zone: str = "UTC", *, now: datetime | None = None) -> str:
    """20 Nov 18:42 for tables; 20 Nov 2025 for what was in another year."""
    if at is None:
        return UNKNOWN
    local = at.astimezone(_zone(zone))
    if local.year != (now or datetime.now(UTC)).astimezone(_zone(zone)).year:
        return day(at, zone)
    return f"{local.day} {local:%b %H:%M}"


def day(at: datetime | None, zone: str = "UTC") -> str:
    """20 Nov 2026"""
    if at is None:
        return UNKNOWN
    there = at.astimezone(_zone(zone))
    return f"{there.day} {_MONTHS[there.month - 1]} {there.year}"


def clock(at: datetime | None, zone: str = "UTC") -> str:
    """18:42"""
    return UNKNOWN if at is None else f"{at.astimezone(_zone(zone)):%H:%M}"


def clock_s(at: datetime | None, zone: str = "UTC") -> str:
    """18:42:09, where seconds matter, as in the life of a command."""
    return UNKNOWN if at is None else f"{at.astimezone(_zone(zone)):%H:%M:%S}"


def zone_word(at: datetime | None, zone: str = "UTC") -> str:
    """CET; +04 where the zone has no letters of its own."""
    return "" if at is None else f"{at.astimezone(_zone(zone)):%Z}"


def ago(at: datetime | None, *, now: datetime | None = None) -> str:
    """3 min ago, in a `<time>` that live.js keeps true; the same words are in its `ago`."""
    if at is None:
        return UNKNOWN
    passed = ((now or datetime.now(UTC)) - at).total_seconds()
    return Markup('<time datetime="{}" data-ago>{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), ago_words(passed)
    )


def ago_words(passed_s: float) -> str:
    seconds = max(int(passed_s), 0)
    if seconds < 5:
        return "just now"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def plural(count: int, one: str, many: str | None = None) -> str:
    """1 session, 2 sessions"""
    return f"{count} {one if count == 1 else many or one + 's'}"


FILTERS: dict[str, Callable[..., str]] = {
    "ago": ago,
    "clock": clock,
    "clock_s": clock_s,
    "day": day,
    "duration": duration,
    "energy": energy,
    "kw": kw,
    "kwh": kwh,
    "money": money,
    "plural": plural,
    "power": power,
    "quantity": quantity,
    "rate": rate,
    "rated": rated,
    "short": short,
    "when": when,
    "zone_word": zone_word,
}


def _priced(digits: str, currency: str, *, is_negative: bool) -> str:
    symbol = _SYMBOLS.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    return f"{'−' if is_negative else ''}{symbol}{digits}"


def _fixed(value: Number, divisor: int, step: str) -> str:
    exact = Decimal(str(value)) / divisor
    words = f"{exact.quantize(Decimal(step), ROUND_HALF_UP)}"
    return words.removeprefix("-") if not Decimal(words) else words


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC

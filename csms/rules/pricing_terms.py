"""
The terms of a tariff, as they are kept: strict, so that a misspelt price is an error and not free.

Money is of `currency`, in Decimal, per kWh or per minute, before or after tax by `is_tax_included`.
"""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec
from msgspec import Struct

from csms.rules.currencies import decimals

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_WINDOWS = 24
MOST_TIERS = 10
DAY_MINUTES = 24 * 60

_MOST = Decimal(10**9)  # of any price: beyond it is a mistake
_FINEST = -6  # decimals of a price
_CURRENCY = re.compile(r"[A-Z]{3}")
_NOTHING = Decimal(0)


class Window(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """
    Another energy price on some days of the week, by the clock of the site.

    Times are minutes from midnight; an end at or before the start is on the next day, and the
    window belongs to the day on which it begins.
    """

    per_kwh: Decimal
    start: int
    end: int
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)  # 1 is Monday

    def __post_init__(self) -> None:
        _check_money("a window's price", self.per_kwh)
        if not (0 <= self.start < DAY_MINUTES and 0 < self.end <= DAY_MINUTES):
            raise ValueError("a window begins at 00:00 to 23:59 and ends at 00:01 to 24:00")
        if not self.days or set(self.days) - set(range(1, 8)):
            raise ValueError("a window has days from 1 (Monday) to 7 (Sunday)")

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether it is in force at a minute of a weekday, both by the clock of the site."""
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return weekday in self.days
        return minute < self.end and (weekday - 2) % 7 + 1 in self.days

    @property
    def words(self) -> str:
        """Mon–Fri 17:00–21:00"""
        return f"{days_in_words(self.days)} {clock(self.start)}–{clock(self.end)}".strip()


class Tier(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The next so many kWh of a month at a price of their own; 0: an allowance."""

    kwh: Decimal
    per_kwh: Decimal

    def __post_init__(self) -> None:
        _check_money("a tier's price", self.per_kwh)
        _check_money("a tier's kWh", self.kwh)
        if not self.kwh:
            raise ValueError("a tier has more than 0 kWh")


class Terms(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """
    What a session costs.

    Energy: the tiers first, in order, across a calendar month; what is beyond them by the first
    window that holds, else `per_kwh`. Time: each whole minute from start to end. Idle: each whole
    minute in which the vehicle was connected and took no energy, where that lasted longer than the
    grace. The fee and the minimum are of sessions that brought energy. The maximum is of the sum.
    Taxes come on top of all that, or are contained in it.
    """

    currency: str
    per_kwh: Decimal
    windows: tuple[Window, ...] = ()
    tiers: tuple[Tier, ...] = ()
    per_minute: Decimal = _NOTHING
    per_idle_minute: Decimal = _NOTHING
    idle_grace_min: int = 0
    session_fee: Decimal = _NOTHING
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    tax_percent: Decimal = _NOTHING
    is_tax_included: bool = True

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError("a currency is three letters, such as EUR")
        prices = {
            "the price per kWh": self.per_kwh,
            "the price per minute": self.per_minute,
            "the price per idle minute": self.per_idle_minute,
            "the session fee": self.session_fee,
            "the minimum": self.minimum,
            "the maximum": self.maximum,
            "the tax": self.tax_percent,
        }
        for name, price in prices.items():
            if price is not None:
                _check_money(name, price)
        for name in ("the session fee", "the minimum", "the maximum"):
            check_places(name, prices[name], self.currency)
        if None not in (self.minimum, self.maximum) and self.minimum > self.maximum:  # type: ignore[operator]
            raise ValueError("the minimum is more than the maximum")
        if not 0 <= self.idle_grace_min <= 7 * DAY_MINUTES:
            raise ValueError("the grace is 0 minutes to a week")
        if self.tax_percent > 100:
            raise ValueError("the tax is 100 % at most")
        if len(self.windows) > MOST_WINDOWS or len(self.tiers) > MOST_TIERS:
            raise ValueError(f"there are {MOST_WINDOWS} windows and {MOST_TIERS} tiers at most")

    @property
    def is_energy_free(self) -> bool:
        return not any(
            (
                self.per_kwh,
                *(window.per_kwh for window in self.windows),
                *(tier.per_kwh for tier in self.tiers),
            )
        )

    @property
    def needs_readings(self) -> bool:
        """Whether it matters when energy flowed, not only how much of it."""
        return bool(self.windows or self.per_idle_minute)


class UnreadableTerms(ValueError):  # noqa: N818 - it reads as what happened
    """Terms that this version of the program does not understand: nobody may guess them."""


def decode(text: str | bytes) -> Terms:
    """Raises UnreadableTerms for a field that is unknown, missing, or cannot be so."""
    try:
        return _decode(text)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise UnreadableTerms(str(error)) from None


def encode(terms: Terms) -> str:
    return _encode(terms).decode()


def days_in_words(days: tuple[int, ...]) -> str:
    """Mon–Fri, Sat, Sun; nothing for every day."""
    chosen = sorted(set(days))
    if len(chosen) == 7:
        return ""
    runs: list[list[int]] = []
    for day in chosen:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    words = []
    for run in runs:
        names = [DAYS[day - 1] for day in run]
        words += [f"{names[0]}–{names[-1]}"] if len(run) > 2 else names
    return ", ".join(words)


def clock(minute: int) -> str:
    """1020 as 17:00; a day's end as 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def check_places(name: str, amount: Decimal | None, currency: str) -> None:
    """Raises ValueError for an amount that the currency cannot pay."""
    if amount is not None and -_exponent(amount) > decimals(currency):
        raise ValueError(f"{name} has more decimals than {currency} has")


def _check_money(name: str, amount: Decimal) -> None:
    if not amount.is_finite() or not _NOTHING <= amount <= _MOST:
        raise ValueError(f"{name} is a number from 0 on")
    if _exponent(amount) < _FINEST:
        raise ValueError(f"{name} has {-_FINEST} decimals at most")


def _exponent(amount: Decimal) -> int:
    return int(amount.normalize().as_tuple().exponent)


_decode = msgspec.json.Decoder(Terms).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode

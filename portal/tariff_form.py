"""The form of a tariff: from its terms to fields and back, with rows for windows and tiers."""

from __future__ import annotations

import re
from decimal import Decimal

from csms.rules.currencies import decimals
from csms.rules.pricing_terms import (
    DAY_MINUTES,
    DAYS,
    MOST_TIERS,
    MOST_WINDOWS,
    Terms,
    Tier,
    Window,
    clock,
)
from portal.forms import Form

_CURRENCY = re.compile(r"[A-Z]{3}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(:00)?|24:00")
_MOST_PRICE = 1_000_000
_NOTHING = Decimal(0)


def given(name: str, terms: Terms) -> dict[str, str]:
    """The fields of a tariff as it is."""
    fields = {
        "name": name,
        "currency": terms.currency,
        "per_kwh": _plain(terms.per_kwh),
        "per_minute": _plain(terms.per_minute or None),
        "per_idle_minute": _plain(terms.per_idle_minute or None),
        "idle_grace_min": str(terms.idle_grace_min or ""),
        "session_fee": _plain(terms.session_fee or None),
        "minimum": _plain(terms.minimum),
        "maximum": _plain(terms.maximum),
        "tax_percent": _plain(terms.tax_percent or None),
        "tax": "included" if terms.is_tax_included else "on_top",
        "windows": str(len(terms.windows)),
        "tiers": str(len(terms.tiers)),
    }
    for row, window in enumerate(terms.windows):
        fields[f"w{row}-start"] = clock(window.start)
        fields[f"w{row}-end"] = clock(window.end % DAY_MINUTES)
        fields[f"w{row}-price"] = _plain(window.per_kwh)
        fields |= {f"w{row}-d{day}": "1" for day in window.days}
    for row, tier in enumerate(terms.tiers):
        fields[f"t{row}-kwh"] = _plain(tier.kwh)
        fields[f"t{row}-price"] = _plain(tier.per_kwh)
    return fields


def new(currency: str) -> dict[str, str]:
    """The fields of one that is yet to be made."""
    return {"currency": currency, "tax": "included", "windows": "0", "tiers": "0"}


def rows(form: Form, kind: str) -> range:
    """Of `windows` or `tiers`, as many as the form shows."""
    most = MOST_WINDOWS if kind == "windows" else MOST_TIERS
    said = form.given.get(kind, "0")
    is_count = said.isascii() and said.isdigit() and len(said) < 5
    return range(min(int(said), most) if is_count else 0)


def with_row(form: Form, kind: str) -> Form:
    """The same form with an empty row more; a window's has all days ticked."""
    place = len(rows(form, kind))
    more = {kind: str(place + 1)}
    if kind == "windows":
        more |= {f"w{place}-d{day}": "1" for day in range(1, 8)}
    return Form({**form.given, **more})


def terms(form: Form) -> Terms | None:
    """None, with errors in the form, where they cannot be."""
    currency = (form.text("currency", label="the currency", most=3) or "").upper()
    if currency and not _CURRENCY.fullmatch(currency):
        form.wrong("currency", "Enter three letters, such as EUR")
    places = decimals(currency)
    per_kwh = _price(form, "per_kwh", "a price per kWh such as 0.45, or 0 where it is free")
    values = {
        "per_minute": _price(form, "per_minute", "a price", required=False),
        "per_idle_minute": _price(form, "per_idle_minute", "a price", required=False),
        "session_fee": _price(form, "session_fee", "a fee", required=False, places=places),
    }
    grace = form.integer("idle_grace_min", required=False, least=0, most=7 * DAY_MINUTES)
    minimum = _price(form, "minimum", "a minimum", required=False, places=places)
    maximum = _price(form, "maximum", "a maximum", required=False, places=places)
    tax = form.decimal("tax_percent", required=False, least=0, most=100, places=3)
    tax_is = form.choice("tax", ("included", "on_top"), label="how tax is meant")
    windows = [_window(form, row) for row in rows(form, "windows")]
    tiers = [_tier(form, row) for row in rows(form, "tiers")]
    if minimum is not None and maximum is not None and minimum > maximum:
        form.wrong("maximum", "Enter a maximum that is not less than the minimum")
    if not form.is_valid:
        return None
    assert per_kwh is not None
    try:
        return Terms(
            currency=currency,
            per_kwh=per_kwh,
            windows=tuple(window for window in windows if window is not None),
            tiers=tuple(tier for tier in tiers if tier is not None),
            idle_grace_min=grace or 0,
            minimum=minimum,
            maximum=maximum,
            tax_percent=tax or _NOTHING,
            is_tax_included=tax_is == "included",
            **{name: value or _NOTHING for name, value in values.items()},
        )
    except ValueError as error:
        form.wrong("", f"This tariff cannot be: {error}")
        return None


def _window(form: Form, row: int) -> Window | None:
    """None for a row that was left empty, or is wrong."""
    names = [f"w{row}-{part}" for part in ("start", "end", "price")]
    if not any(form.given.get(name, "").strip() for name in names):
        return None
    start, end = _minute(form, names[0]), _minute(form, names[1])
    price = _price(form, names[2], "a price such as 0.45, or 0")
    days = tuple(day for day in range(1, 8) if form.given.get(f"w{row}-d{day}"))
    if not days:
        form.wrong(f"w{row}-d1", "Tick a day on which it begins")
    if None in (start, end, price) or not days:
        return None
    assert start is not None
    assert end is not None
    assert price is not None
    return Window(per_kwh=price, start=start % DAY_MINUTES, end=end or DAY_MINUTES, days=days)


def _tier(form: Form, row: int) -> Tier | None:
    names = f"t{row}-kwh", f"t{row}-price"
    if not any(form.given.get(name, "").strip() for name in names):
        return None
    kwh = form.decimal(names[0], label="how many kWh", least=0, most=_MOST_PRICE, places=3)
    price = _price(form, names[1], "a price such as 0.45, or 0")
    if kwh == 0:
        form.wrong(names[0], "Enter more than 0 kWh, or leave the row empty")
    return None if not kwh or price is None else Tier(kwh=kwh, per_kwh=price)


def _minute(form: Form, name: str) -> int | None:
    """A time of the day in minutes from midnight; 24:00 is the day's end."""
    said = form.text(name, label="a time such as 17:00", most=8)
    if said is None:
        return None
    if not _TIME.fullmatch(said):
        form.wrong(name, "Enter a time such as 17:00")
        return None
    return int(said[:2]) * 60 + int(said[3:5])


def _price(
    form: Form, name: str, label: str, *, required: bool = True, places: int = 6
) -> Decimal | None:
    return form.decimal(
        name, label=label, required=required, least=0, most=_MOST_PRICE, places=places
    )


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number.normalize():f}"


DAY_NAMES = tuple(enumerate(DAYS, 1))

"""From what is known of a session to its price: the same way for a bill and an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from csms.rules import pricing, pricing_terms
from csms.rules.currencies import rounded
from csms.rules.pricing import Charge, Priced
from csms.rules.pricing_curve import curve
from csms.rules.pricing_terms import Terms, UnreadableTerms
from db.model.stations import UNKNOWN_MAX_POWER_W
from db.pricing import Facts

log = structlog.get_logger()

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
NO_TARIFF = "No tariff is set for this session, so its price is not known."
UNKNOWN = pricing.NO_ENERGY
UNREADABLE = "The terms of this session's tariff cannot be read, so its price is not known."

_UNREGISTERED = "The charger was not accepted yet: the session is kept and not billed."
_REFUSED = "The card was refused, and the charger went on all the same: it is not billed."
_REFUSALS = {"Blocked", "Expired", "Invalid", "Unknown"}  # whoever may charge may do so twice

Registers = Sequence[tuple[datetime, int]]


def month_of(at: datetime, zone: str) -> date:
    """The first day of the calendar month in which an instant lies, for the operator (B6)."""
    return at.astimezone(zone_of(zone)).date().replace(day=1)


def zone_of(*names: str | None) -> tzinfo:
    """The first that is a time zone."""
    for name in names:
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                log.warning("zone.unknown", zone=name)
    return UTC


def why_unknown(tariff_id: int | None, energy_wh: int | None) -> str:
    """Of a price that could not be made."""
    if tariff_id is None:
        return NO_TARIFF
    return UNKNOWN if energy_wh is None else UNREADABLE


def why_unbilled(facts: Facts) -> str | None:
    """Of what nobody let charge (decision 3, reliability C23); None: it is billed."""
    if "unregistered" in facts.flags:
        return _UNREGISTERED
    is_refused = "unauthorized" in facts.flags and facts.authorization_status in _REFUSALS
    return _REFUSED if is_refused and facts.account_id is not None else None


def unbilled(currency: str, why: str) -> Priced:
    nothing = rounded(0, currency)
    return Priced(currency, nothing, nothing, is_included=False, reason=why)


def read_terms(text: str | None) -> Terms | None:
    """None where there is no tariff, or its terms are not to be understood."""
    if text is None:
        return None
    try:
        return pricing_terms.decode(text)
    except UnreadableTerms as error:
        log.error("tariff.unreadable", error=str(error))
        return None


def make(
    terms: Terms,
    facts: Facts,
    registers: Registers,
    *,
    now: datetime,
    zone: str,
    month: date,
    used_before_wh: int,
) -> Priced:
    """
    Args:
        registers: (charger's time, Wh); they matter where `terms.needs_readings`.
        now: the end of a session that runs.
        zone: the operator's, for a charger without a site.
        used_before_wh: of the month's tiers.
    """
    ended_at = facts.ended_at or max(now, facts.started_at)
    shape = None
    if terms.needs_readings:
        shape = curve(
            registers,
            started_at=facts.started_at,
            ended_at=ended_at,
            meter_start_wh=facts.meter_start_wh,
            meter_stop_wh=facts.meter_stop_wh,
            energy_wh=facts.energy_wh or 0,
            max_power_w=facts.max_power_w or UNKNOWN_MAX_POWER_W,
        )
    return pricing.price(
        terms,
        Charge(
            facts.started_at,
            ended_at,
            facts.energy_wh,
            zone_of(facts.zone, zone),
            shape,
            used_before_wh,
            MONTHS[month.month - 1],
        ),
    )

"""The readings of a session for an operator, and whether they bear out its energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from csms.rules.timeline import Mark, Row, Timeline
from db.admin_session import Detail
from portal.format import clock_s, duration, kw

# The total is rounded to whole Wh, and so is each reading.
_ROUNDING_WH = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that an operator would check by hand. `is_good` None: cannot be said yet."""

    is_good: bool | None
    sentence: str


def checks(of: Detail, found: Timeline) -> list[Check]:
    """Each From is the To before it; the deltas are the total; the last To is the stop value."""
    return [_chain(found), _sum(of, found), _stop(of, found), _end(of)]


def verdict(of: Detail, made: Sequence[Check]) -> tuple[str, str]:
    """Tone and words: green only when every check was made and holds."""
    wrong = sum(check.is_good is False for check in made)
    if wrong:
        return "wait", f"{wrong} of {len(made)} checks need a look"
    if not of.is_finalized:
        return "live", "The session runs; what can be checked so far holds"
    if any(check.is_good is None for check in made):
        return "wait", "Not everything could be checked"
    return "ok", "The readings bear out the energy"


def mark_words(mark: Mark, zone: str) -> str:
    since, until = clock_s(mark.since, zone), clock_s(mark.until, zone)
    match mark.kind:
        case "gap":
            return f"Gap: no reading for {duration(mark.until - mark.since)}, from {since}"
        case "jump":
            at = "" if mark.power_w is None else f", {kw(mark.power_w)} kW on average"
            more = ", more than the connector can give" if mark.is_impossible else ""
            return f"Jump: {mark.times:.1f} times the usual step{at}{more}"
        case "again":
            return "The meter fell: it began again, or was replaced"
        case "not_counted":
            return "Not counted: it does not fit the readings around it"
        case "outside":
            return "Outside the session's time"
        case "untimed":
            return "The charger's clock was not set; the time is of receipt"
        case "no_start":
            return f"No reading at the start: the first one is of {until}"
        case "no_end":
            return f"The final reading is missing: the last one is of {since}"


def _chain(found: Timeline) -> Check:
    counted = [row for row in found.rows if row.from_wh is not None]
    broken = found.count("again") + found.count("not_counted")
    if not counted:
        return Check(None, "There are not two registers to compare.")
    if broken:
        word = "reading breaks" if broken == 1 else "readings break"
        return Check(False, f"{broken} {word} the chain: From is not the To before it.")
    return Check(True, "Each From is the To before it.")


def _sum(of: Detail, found: Timeline) -> Check:
    if found.added_wh is None or of.energy_wh is None:
        return Check(None, "The deltas cannot be compared with the total: one of them is unknown.")
    sums, total = f"{Decimal(found.added_wh) / 1000:.3f}", f"{Decimal(of.energy_wh) / 1000:.3f}"
    if abs(Decimal(found.added_wh) - of.energy_wh) <= _ROUNDING_WH:
        return Check(True, f"The deltas add up to {sums} kWh, the same as the total.")
    return Check(False, f"The deltas add up to {sums} kWh, the total is {total} kWh.")


def _stop(of: Detail, found: Timeline) -> Check:
    if not of.is_finalized:
        return Check(None, "It has no stop value yet.")
    last = next((row for row in reversed(found.rows) if _is_counted(row)), None)
    if of.meter_stop_wh is None:
        if last is not None and last.is_last:
            return Check(True, "The last To is the charger's final reading.")
        return Check(None, "The charger said no stop value.")
    register_wh = None if last is None else last.read.register_wh
    if register_wh is not None and abs(of.meter_stop_wh - register_wh) <= _ROUNDING_WH:
        return Check(True, "The last To is the stop value.")
    return Check(False, f"The stop value, {of.meter_stop_wh} Wh, is not the last To.")


def _end(of: Detail) -> Check:
    if not of.is_finalized:
        return Check(None, "The charger has not said its end yet.")
    if of.is_end_inferred:
        return Check(False, "The charger never said the end.")
    return Check(True, "The charger said the end.")


def _is_counted(row: Row) -> bool:
    is_odd = any(mark.kind in {"not_counted", "outside"} for mark in row.marks)
    return row.read.register_wh is not None and not is_odd

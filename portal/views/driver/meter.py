"""A session's meter timeline in words, and its curve of power and energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

from csms.rules.timeline import Mark, Row, Timeline
from db.driver_sessions import Own
from portal.format import clock, clock_s, day, duration, energy, plural, power

_MOST_POINTS = 600
_STEADY = (Decimal("0.85"), Decimal("1.15"))
_TAPERED = Decimal("0.6")


@dataclass(frozen=True, slots=True)
class Told:
    """What a mark says: the finding in a few words, and what it means."""

    head: str
    rest: str


@dataclass(frozen=True, slots=True)
class Curve:
    """`data` is for the script; None in it is a gap, and is drawn as one."""

    finding: str
    aside: str
    described: str
    data: dict[str, Any]


def told(mark: Mark, session: Own) -> Told:
    """`session` gives the zone of the times, and what the connector can give."""
    zone = session.zone
    since, until, took = (
        clock_s(mark.since, zone),
        clock_s(mark.until, zone),
        mark.until - mark.since,
    )
    match mark.kind:
        case "gap":
            return Told(
                f"No reading for {duration(took)},",
                f"from {since} to {until}. The charger was out of reach or said nothing; "
                "its meter kept counting.",
            )
        case "jump":
            return Told(f"A jump: {_times(mark.times)} the usual step.", _jumped(mark, session))
        case "again":
            return Told("The meter began again.", "It fell, and what it counted since is added.")
        case "not_counted":
            return Told("Not counted.", "This value does not fit the readings before and after it.")
        case "outside":
            return Told("Outside the session.", "It was read before the start or after the end.")
        case "untimed":
            return Told(
                "The charger’s clock was not set.", "The time is that at which we received it."
            )
        case "no_start":
            return Told(
                "No reading at the start:",
                f"the session began at {since}, its first meter value is of {until}.",
            )
        case "no_end":
            inferred = " The charger never said that it ended." if session.is_end_inferred else ""
            return Told(
                "The final reading is missing:",
                f"the last one is of {since}, the session ended at {until}.{inferred}",
            )


def summary(found: Timeline) -> str:
    """11 readings, 1 gap"""
    parts = [plural(len(found.rows), "reading")]
    for kind, word in (("gap", "gap"), ("jump", "jump"), ("not_counted", "doubtful value")):
        if count := found.count(kind):  # type: ignore[arg-type]
            parts.append(plural(count, word))
    return ", ".join(parts)


def sum_words(found: Timeline, session: Own) -> tuple[str, str] | None:
    """Whether the steps add up to the total: tone and sentence. None while that cannot be said."""
    if found.added_wh is None or session.energy_wh is None or not session.is_finalized:
        return None
    steps = f"{Decimal(found.added_wh) / 1000:.3f} kWh"
    if abs(found.added_wh - session.energy_wh) <= 1:
        return "ok", f"The steps add up to {steps}, the same as the total."
    return "wait", (
        f"The steps add up to {steps}, the total is {energy(session.energy_wh)}. "
        "Part of it was taken from other values than these registers."
    )


def curve(found: Timeline, session: Own) -> Curve | None:
    """None when there are not two readings to draw a line between."""
    rows = [row for row in found.rows if not any(mark.kind == "outside" for mark in row.marks)]
    if len(rows) < 2:
        return None
    gaps = [(mark.since, mark.until) for row in rows for mark in row.marks if mark.kind == "gap"]
    power_w = _powers(rows)
    values = [value for value in power_w[:-1] if value is not None and value > 0]
    finding = _finding(values, power_w)
    aside = (
        {0: "", 1: f"One gap of {duration(gaps[0][1] - gaps[0][0])}, drawn as a gap"}.get(
            len(gaps), f"{len(gaps)} gaps, drawn as gaps"
        )
        if gaps
        else ""
    )
    times = f"{clock(rows[0].at, session.zone)} to {clock(rows[-1].at, session.zone)}"
    said = f"Power from {times}: {finding[0].lower()}{finding[1:]}"
    return Curve(finding, aside, said, _data(rows, power_w, gaps, session.zone))


def _powers(rows: Sequence[Row]) -> list[Decimal | None]:
    """
    W from each reading to the next; the last one is what it is now.

    As the charger reports it where it does so at least at every second reading; else the mean that
    the meter shows. Over a gap it is as before: what is drawn ends with the last reading (`_data`).
    """
    reported = [row.read.power_w for row in rows]
    if 2 * sum(value is not None for value in reported) >= len(rows):
        found: list[Decimal | None] = []
        for value in reported:
            last = found[-1] if found else None
            found.append(last if value is None else max(Decimal(value), Decimal(0)))
    else:
        found = [_mean(row) for row in rows[1:]]
        found.append(found[-1])
    for place, row in enumerate(rows[1:]):
        if any(mark.kind == "gap" for mark in row.marks):
            found[place] = found[place - 1] if place else None
    return found


def _mean(row: Row) -> Decimal | None:
    """Over the step that ends with this row; the step's beginning is in no mark, so it is told."""
    if row.added_wh is None or row.took is None or row.took.total_seconds() <= 0:
        return None
    return Decimal(row.added_wh) * 3600 / Decimal(row.took.total_seconds())


def _finding(values: Sequence[Decimal], power_w: Sequence[Decimal | None]) -> str:
    """The sentence over the curve; `values` are those above 0."""
    if not values:
        is_known = any(value is not None for value in power_w)
        return "No power was drawn" if is_known else "No power is known of"
    usual = median(values)
    low, high = _STEADY[0] * usual, _STEADY[1] * usual
    end = next((value for value in reversed(power_w) if value is not None and value > 0), usual)
    if sum(low <= value <= high for value in values) * 10 >= len(values) * 6:
        steady = f"Steady near {power(usual)}"
        return f"{steady}, then tapering to {power(end)}" if end < usual * _TAPERED else steady
    top = max(values)
    if end < top * _TAPERED:
        return f"Up to {power(top)}, at the end {power(end)}"
    return f"Between {power(min(values))} and {power(top)}"


def _data(
    rows: Sequence[Row],
    power_w: Sequence[Decimal | None],
    gaps: Sequence[tuple[datetime, datetime]],
    zone: str,
) -> dict[str, Any]:
    times: list[float] = []
    kilowatts: list[float | None] = []
    kwh: list[float | None] = []
    after_gap = {until for _, until in gaps}
    total = 0
    every = -(-len(rows) // _MOST_POINTS)
    for place in range(0, len(rows), every):
        part = rows[place : place + every]
        row = part[0]
        if times and any(one.at in after_gap for one in (rows[place - every + 1 : place + 1])):
            times.append((times[-1] + row.at.timestamp()) / 2)
            kilowatts.append(None)
            kwh.append(None)
        total += row.added_wh or 0
        known = [value for value in power_w[place : place + every] if value is not None]
        times.append(row.at.timestamp())
        kilowatts.append(round(float(sum(known) / len(known)) / 1000, 3) if known else None)
        kwh.append(round(total / 1000, 3))
        total += sum(one.added_wh or 0 for one in part[1:])
    times[-1], kwh[-1] = rows[-1].at.timestamp(), round(total / 1000, 3)
    return {
        "zone": zone,
        "t": times,
        "kw": kilowatts,
        "kwh": kwh,
        "gaps": [[since.timestamp(), until.timestamp()] for since, until in gaps],
    }


def _times(times: Decimal | None) -> str:
    words = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}
    rounded = int((times or Decimal(0)) + Decimal("0.5"))
    return words.get(rounded, f"{rounded} times")


def _jumped(mark: Mark, session: Own) -> str:
    if mark.power_w is None:
        return "It came at the same time as the reading before."
    told = f"Over {duration(mark.until - mark.since)} that is {power(mark.power_w)} on average"
    if mark.is_impossible and session.max_power_w:
        return f"{told}, more than the {power(session.max_power_w)} of this connector."
    return f"{told}."


def dated(at: datetime, session: Own) -> str:
    """17:04:12, with the day where the session began on another, the year where in another one."""
    here, there = clock_s(at, session.zone), day(at, session.zone)
    began, year = day(session.started_at, session.zone), there[-5:]
    if there == began:
        return here
    return f"{there.removesuffix(year) if began.endswith(year) else there}, {here}"

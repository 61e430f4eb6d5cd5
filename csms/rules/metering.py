"""The energy of a session, from all that was read in it (digest 3.3 to 3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from csms.rules import series
from csms.rules.estimates import from_intervals, from_power
from csms.rules.registers import (
    JITTER_WH,
    SPAN,
    Chain,
    Walk,
    is_possible,
    is_register,
    walk,
)
from csms.rules.series import DEFAULT_SERIES, INTERVAL_SERIES, POWER_SERIES, Figures, Point
from db.model.readings import Moment
from db.model.sessions import SessionLive

__all__ = ["DEFAULT_SERIES", "TOLERANCE", "Metered", "advance", "total"]

#: Stations read a moment before they start, and a moment after they end (digest 3.4).
TOLERANCE = timedelta(seconds=60)

_NOTHING = Decimal(0)
_DAY = timedelta(days=1)
#: Two counts of the same energy that differ so much are one in Wh and one in kWh.
_KILO = (Decimal(800), Decimal(1250))


#: Every flag that a look at the whole series may set; a later look replaces them.
FLAGS = frozenset(
    {
        "energy_estimated",
        "implausible_reading",
        "inlet_based",
        "late_reading",
        "meter_reset",
        "meter_rollover",
        "needs_review",
        "phase_mismatch",
        "register_mismatch",
        "unit_suspect",
    }
)


@dataclass(frozen=True, slots=True)
class Metered:
    """
    What a session took, and how sure that is.

    `energy_wh` is rounded half up; None: not known. `register_wh` and `register_at` are the last
    register that was accepted, for `advance` to go on from. `meter_start_wh` and `meter_stop_wh`
    are the registers that the energy lies between, as said. Any flag brings `needs_review`.
    """

    energy_wh: int | None
    series: str | None
    register_wh: Decimal | None
    register_at: datetime | None
    energy_exact_wh: Decimal
    meter_start_wh: int | None
    meter_stop_wh: int | None
    flags: frozenset[str]


class _Frame(NamedTuple):
    """The bounds of the session."""

    started_at: datetime
    ended_at: datetime | None
    start: Point | None
    stop: Point | None
    max_power_w: int

    def holds(self, at: datetime) -> bool:
        # Before a known meterStart is another session; else the first reading may be early.
        begin = self.started_at if self.start else self.started_at - TOLERANCE
        return begin <= at and (self.ended_at is None or at <= self.ended_at + TOLERANCE)

    def is_late(self, at: datetime) -> bool:
        return self.ended_at is not None and at > self.ended_at + TOLERANCE


def advance(live: SessionLive, at: datetime, found: Figures) -> bool:
    """
    Add one moment to the running figures; called once for each new reading of a session.

    False when the whole series must be walked again (`total`): the moment is out of order, the
    power forbids the rise, the register fell, or another series than the session's has energy.
    Its energy is untouched then; power and state of charge move unless the moment is old.
    """
    since = live.register_at
    if since is None or at >= since:
        if found.power_w is not None:
            live.power_w = found.power_w
        if found.soc_pct is not None:
            live.soc_pct = found.soc_pct
    if not found.has_energy:
        return True
    if found.best is None or (live.series is not None and live.series != found.best[0]):
        return False
    key, values = found.best
    high, energy = live.register_wh, live.energy_wh
    for value in values:
        if high is None or since is None:
            if not is_register(value) or at < live.started_at - TOLERANCE:
                return False
            high = value
        else:
            rise = value - high
            if rise > _NOTHING:
                if at < since or not is_possible(rise, since, at, live.max_power_w):
                    return False
                high, energy = value, energy + rise
            elif at < since or rise < -JITTER_WH:
                return False
        since = at
    live.series, live.register_wh, live.register_at = key, high, since
    live.energy_wh = energy
    return True


def total(
    moments: Sequence[Moment],
    *,
    started_at: datetime,
    ended_at: datetime | None,
    meter_start_wh: int | None,
    meter_stop_wh: int | None,
    max_power_w: int,
) -> Metered:
    """
    The energy of a session from everything that was read in it, in any order, repeated or not.

    Args:
        ended_at: None while the session runs.
        meter_start_wh: what 1.6's StartTransaction said; a point of the default series.
        meter_stop_wh: what 1.6's StopTransaction said.
        max_power_w: of the connector; `UNKNOWN_MAX_POWER_W` if it is not known.
    """
    flags = set()
    if ended_at is not None:
        ended_at = max(ended_at, started_at)  # a clock that was set back in the session
    start, stop = _said(meter_start_wh, started_at, -2), _said(meter_stop_wh, ended_at, 2)
    if (start is None and meter_start_wh is not None) or (
        stop is None and meter_stop_wh is not None and ended_at is not None
    ):
        flags.add("register_mismatch")
    frame = _Frame(started_at, ended_at, start, stop, max_power_w)
    inside = [moment for moment in moments if frame.holds(moment.at)]
    metered = _measure(inside, frame)
    if len(inside) < len(moments):
        late = [moment for moment in moments if frame.is_late(moment.at)]
        if metered.energy_wh is None:
            anyway = _measure(moments, frame)
            if anyway.energy_wh is not None:
                metered = anyway
                flags.add("energy_estimated")
                flags.update(["late_reading"] if late else [])
        elif late and _measure([*inside, *late], frame).energy_wh != metered.energy_wh:
            flags.add("late_reading")
    flags |= metered.flags
    if flags or (metered.energy_wh is None and ended_at is not None):
        flags.add("needs_review")
    return replace(metered, flags=frozenset(flags))


def _said(register: int | None, at: datetime | None, order: int) -> Point | None:
    if register is None or at is None or not is_register(Decimal(register)):
        return None
    return Point(at, order, Decimal(register), said=True)


def _measure(moments: Sequence[Moment], frame: _Frame) -> Metered:
    """The best series that tells an energy; else what is known of the best one."""
    found = series.registers(moments)
    said = [point for point in (frame.start, frame.stop) if point is not None]
    flags: set[str] = set()
    if said:
        readings, said, flags = _one_unit(found.get(DEFAULT_SERIES, []), said, frame)
        found = {DEFAULT_SERIES: sorted([*readings, *said])} | {
            key: points for key, points in found.items() if key != DEFAULT_SERIES
        }
    unknown: Metered | None = None
    for key, points in found.items():
        metered = _from_registers(key, points, frame)
        if key == DEFAULT_SERIES and _phases_differ(found):
            flags.add("phase_mismatch")
        if metered.energy_wh is not None and (_tells(points) or frame.ended_at is not None):
            return replace(metered, flags=metered.flags | flags)
        unknown = unknown or metered
    result = unknown or Metered(None, None, None, None, _NOTHING, None, None, frozenset())
    key, sums = INTERVAL_SERIES, from_intervals(moments, frame.started_at, frame.max_power_w)
    # While a session runs, a register's beginning is worth more than an estimate.
    if sums is None and (unknown is None or frame.ended_at is not None):
        key, sums = POWER_SERIES, from_power(moments, frame.max_power_w)
    if sums is not None:
        whole = series.whole(sums.energy)
        result = Metered(whole, key, None, None, sums.energy, None, None, sums.flags)
    return replace(result, flags=result.flags | flags)


def _tells(points: Sequence[Point]) -> bool:
    """Whether a series has two ends."""
    return len({point.at for point in points}) > 1 or len({point.value for point in points}) > 1


def _from_registers(key: str, points: list[Point], frame: _Frame) -> Metered:
    flags = set()
    readable = [point for point in points if is_register(point.value)]
    if len(readable) < len(points):
        flags.add("implausible_reading")
    if not readable:
        return Metered(None, key, None, None, _NOTHING, None, None, frozenset(flags))
    pair = _only_two(readable, frame)
    walked = pair or _to_the_end(readable, frame)
    flags |= walked.flags
    used = walked.readings
    first, last = walked.segments[0].first, walked.segments[-1].last
    high = walked.segments[-1].high
    is_known, end = True, None
    if frame.ended_at is not None:
        end = last.value if last.said else high
        near = abs(last.at - frame.ended_at) <= TOLERANCE
        is_known = _tells(used) or (near and abs(first.at - frame.started_at) <= TOLERANCE)
        if is_known and not near and not last.is_end:
            flags.add("energy_estimated")
    if key.startswith("inlet"):
        flags.add("inlet_based")  # contains the charger's own losses (digest 3.3)
    return Metered(
        series.whole(walked.energy) if is_known else None,
        key,
        high,
        last.at,
        walked.energy if is_known else _NOTHING,
        series.whole(first.value),
        None if end is None or not is_known else series.whole(end),
        frozenset(flags),
    )


def _only_two(points: list[Point], frame: _Frame) -> Walk | None:
    """
    The walk from the register of the start to that of the end, if there is nothing else and the
    power forbids it: a clock may have been wrong, so they stand, flagged, up to a day's power.
    """
    if frame.ended_at is None or len(points) != 2 or not points[1].is_end:
        return None
    (since, _, low, _), (at, _, high, _) = points
    if high <= low or is_possible(high - low, since, at, frame.max_power_w):
        return None
    if not is_possible(high - low, since, at + _DAY, frame.max_power_w):
        return None
    chain = Chain(0, 1, points, high)
    return Walk(high - low, [chain], [], frozenset({"implausible_reading"}))


def _to_the_end(points: list[Point], frame: _Frame) -> Walk:
    """Walk up to the register of the end if that is believable, else through all."""
    if frame.ended_at is not None:
        ends = [p for p in points if p.is_end and p.at >= frame.ended_at - SPAN]
        end = next((p for p in ends if p.said), max(ends, default=None))
        if end is not None:
            upto = [point for point in points if (point.at, point.order) <= (end.at, end.order)]
            walked = walk(upto, frame.max_power_w)
            if walked.segments[-1].last == end:
                return walked
    return walk(points, frame.max_power_w)


def _one_unit(
    readings: list[Point], said: list[Point], frame: _Frame
) -> tuple[list[Point], list[Point], set[str]]:
    """
    Without the source whose numbers are in another unit than the other's (digest 3.4).

    Wh labelled kWh, or kWh in meterStop: of two counts a thousand times apart the larger is
    right if the connector can give it, else the smaller.
    """
    if len(said) == 2 and len(readings) > 1:
        ours, theirs = said[1].value - said[0].value, readings[-1].value - readings[0].value
        large, small = max(ours, theirs), min(ours, theirs)
        if small > 0 and _KILO[0] <= large / small <= _KILO[1]:
            possible = is_possible(large, said[0].at, said[1].at, frame.max_power_w)
            if (large == ours) == possible:
                return [], said, {"unit_suspect"}
            return readings, [], {"unit_suspect"}
    return readings, said, set()


def _phases_differ(found: dict[str, list[Point]]) -> bool:
    """Whether total and phases, where both are, differ by 1 % and 10 Wh (digest 3.3)."""
    sums = next((p for key, p in found.items() if key.startswith(f"{DEFAULT_SERIES}/")), [])
    by_time = {(point.at, point.order): point.value for point in sums}
    both = [
        (point.value, by_time[point.at, point.order])
        for point in found[DEFAULT_SERIES]
        if (point.at, point.order) in by_time
    ]
    if len(both) < 2:
        return False
    rise, rise_of_sum = both[-1][0] - both[0][0], both[-1][1] - both[0][1]
    return abs(rise - rise_of_sum) > abs(rise) / 100 + 10

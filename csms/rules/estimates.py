"""Energy without a register: sums of intervals, and power over time (digest 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from csms.rules.registers import is_possible
from csms.rules.series import intervals, powers
from db.model.readings import Moment

_NOTHING = Decimal(0)
_MICROSECOND = timedelta(microseconds=1)
_US_PER_H = 3_600_000_000
#: Over a gap of more than so many usual intervals nothing is known (digest 3.4).
_GAP = 3


class Sum(NamedTuple):
    energy: Decimal  # Wh
    flags: frozenset[str]


def from_intervals(moments: Iterable[Moment], started_at: datetime, max_power_w: int) -> Sum | None:
    """
    Energies of intervals, summed: those of the one context that covers more time.

    Each value is the energy since the one before, and its time is the interval's end; so the
    first may begin before the session, but must end within it.
    """
    best: tuple[timedelta, int, Decimal, str] | None = None
    wild = set()
    for context, ends in intervals(moments).items():
        energy, since = _NOTHING, started_at
        times = [at for at in sorted(ends) if at > started_at]
        for at in times:
            if ends[at] >= 0 and is_possible(ends[at], since, at, max_power_w):
                energy += ends[at]
            else:
                wild.add(context)
            since = at
        if times:
            covered = (times[-1] - times[0], len(times), energy, context)
            best = covered if best is None else max(best, covered)
    if best is None:
        return None
    _, _, energy, context = best
    return Sum(energy, frozenset({"implausible_reading"} if context in wild else ()))


def from_power(moments: Iterable[Moment], max_power_w: int) -> Sum | None:
    """An estimate: power over time by trapezoids, leaving out gaps; needs two readings."""
    flags = {"energy_estimated"}
    points = []
    for at, power in powers(moments):
        if power * 10 > max_power_w * 11:
            flags.add("implausible_reading")
        else:
            points.append((at, max(power, _NOTHING)))
    steps = [
        ((at - since) // _MICROSECOND, before + power)
        for (since, before), (at, power) in pairwise(points)
    ]
    if not steps:
        return None
    usual = sorted(elapsed for elapsed, _ in steps)[(len(steps) - 1) // 2]
    doubled = sum(
        (power * elapsed for elapsed, power in steps if elapsed <= _GAP * usual), _NOTHING
    )
    return Sum(doubled / (2 * _US_PER_H), frozenset(flags))

"""
How a session's energy rose over time: straight lines between the registers that were read.

All of it is exact (fractions), so that a reading on the line between two others, which tells
nothing new, changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from csms.rules.metering import TOLERANCE
from csms.rules.registers import bridge, is_register, walk
from csms.rules.series import Point

#: Below this power no energy flows: what a full vehicle takes to keep awake. A charge has 1,380 W.
IDLE_BELOW_W = 100

_MICROSECOND = timedelta(microseconds=1)
_US_PER_H = 3_600_000_000


class Mark(NamedTuple):
    """By then the session had so much energy, in Wh."""

    at: datetime
    energy_wh: Fraction


class Curve(NamedTuple):
    """
    `marks` never go back in time nor fall; their last is all of the energy that registers tell.

    `is_even`: no register tells when energy flowed, so it is spread evenly from start to end.
    """

    marks: list[Mark]
    is_even: bool = False

    def until(self, at: datetime) -> Fraction:
        """The energy in Wh before an instant."""
        marks = self.marks
        after = bisect_left(marks, at, key=lambda mark: mark.at)
        if after == len(marks):
            return marks[-1].energy_wh
        if after == 0:
            return Fraction(0)
        (since, low), (until, high) = marks[after - 1], marks[after]
        return low + (high - low) * Fraction((at - since) // _MICROSECOND, _us(since, until))

    def idle_stretches(self) -> list[tuple[datetime, datetime]]:
        """Where the vehicle was connected and took no energy, as far as readings tell."""
        if self.is_even:
            return []
        found: list[tuple[datetime, datetime]] = []
        for (since, low), (until, high) in zip(self.marks, self.marks[1:], strict=False):
            if since == until or (high - low) * _US_PER_H >= IDLE_BELOW_W * _us(since, until):
                continue
            if found and found[-1][1] == since:
                found[-1] = (found[-1][0], until)
            else:
                found.append((since, until))
        return found


def even(since: datetime, until: datetime) -> Curve:
    marks = [Mark(since, Fraction(0)), Mark(max(until, since), Fraction(1))]
    return Curve(marks, is_even=True)


def curve(
    readings: Iterable[tuple[datetime, int]],
    *,
    started_at: datetime,
    ended_at: datetime,
    meter_start_wh: int | None,
    meter_stop_wh: int | None,
    energy_wh: int | Decimal,
    max_power_w: int,
) -> Curve:
    """
    Args:
        readings: (charger's time, register in Wh), in any order.
        ended_at: of a session that runs the time until which its energy is known.
        meter_start_wh: what 1.6 said with the start; likewise `meter_stop_wh`.
        energy_wh: the session's energy as it is billed. Registers, walked as metering walks them,
            give the shape; where they tell nothing of it, it is spread evenly.
        max_power_w: of the connector, to tell a wild value from a charge.
    """
    started_at = started_at.astimezone(UTC)
    ended_at = max(started_at, ended_at.astimezone(UTC))
    points = {
        Point(min(max(at.astimezone(UTC), started_at), ended_at), 0, Decimal(register_wh))
        for at, register_wh in readings
        if started_at - TOLERANCE <= at <= ended_at + TOLERANCE
    }
    if meter_start_wh is not None:
        points.add(Point(started_at, -2, Decimal(meter_start_wh), said=True))
    if meter_stop_wh is not None:
        points.add(Point(ended_at, 2, Decimal(meter_stop_wh), said=True))
    readable = sorted(point for point in points if is_register(point.value))
    if len({point.at for point in readable}) < 2:
        return even(started_at, ended_at)
    marks = _marks(readable, max_power_w)
    if not marks[-1].energy_wh and energy_wh:
        return even(started_at, ended_at)
    return Curve(marks)


def _marks(points: Sequence[Point], max_power_w: int) -> list[Mark]:
    marks: list[Mark] = []
    base = Fraction(0)
    before = None
    for segment in walk(points, max_power_w).segments:
        if before is not None:
            base = marks[-1].energy_wh + Fraction(bridge(before, segment, max_power_w)[0])
        high = segment.first.value
        for point in segment.points:
            high = max(high, point.value)  # a meter's rounding may fall
            marks.append(Mark(point.at, base + Fraction(high - segment.first.value)))
        before = segment
    return marks


def _us(since: datetime, until: datetime) -> int:
    return (until - since) // _MICROSECOND

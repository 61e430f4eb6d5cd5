"""What each reading of a timeline adds, so that the steps sum up to the energy of the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from csms.rules.registers import walk
from csms.rules.series import Point, whole

#: By the place of each reading that counts: the register before it, and what it adds to that, in
#: Wh; both None for the first one.
Counted = Mapping[int, tuple[int | None, int | None]]

_NOTHING = Decimal(0)


def count(points: Sequence[tuple[int, Point]], max_power_w: int) -> Counted:
    """`points` in order, each with its place. What the walk sets aside is not in the result."""
    if not points:
        return {}
    places = {id(point): place for place, point in points}
    found = walk([point for _, point in points], max_power_w)
    steps: dict[int, tuple[int | None, int | None]] = {}
    high: Decimal | None = None
    told = 0
    for segment in found.segments:
        for point in segment.points:
            from_wh = None if high is None else whole(high)
            if high is None:
                added = None
            elif point is segment.first:
                added, high = 0, point.value  # the meter began again
            else:
                added = whole(max(point.value - high, _NOTHING))
            steps[places[id(point)]] = from_wh, added
            high = point.value if high is None else max(high, point.value)
            told += added or 0
    # What was charged while the meter began again; or a meterStop that is a rounding below.
    rest = whole(found.energy) - told
    if rest and len(steps) > 1:
        odd = found.segments[1].first if len(found.segments) > 1 else found.segments[-1].last
        place = places[id(odd)]
        from_wh, added = steps[place]
        steps[place] = from_wh, (added or 0) + rest
    return steps

"""A register read over time: what the power forbids, resets, rollovers (digest 3.4 and 3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from csms.rules.series import Point

#: No meter of a charger reads more (100 GWh), or less than nothing.
HIGHEST = Decimal(10**11)
_NOTHING = Decimal(0)
#: A fall of no more than this is the meter's rounding, not a reset (digest 3.5).
JITTER_WH = Decimal(1)
SLACK_WH = Decimal(100)

#: Where registers start again at 0, in Wh: 9,999.999 kWh to 999,999.999 kWh, and 31 and 32 bits.
MODULI = tuple(Decimal(m) for m in (10**7, 10**8, 10**9, 2**31, 2**32, 10**10))
_NEAR = Decimal("0.98")

#: Readings that begin and end so near to the session's ends span it.
SPAN = timedelta(seconds=60)

_COARSE_WH = 1000
_COARSE_VALUES = 4
_OPEN_MOST = 16
_CHAINS_MOST = 64
_MICROSECOND = timedelta(microseconds=1)
_US_PER_H = 3_600_000_000


def is_register(value: Decimal) -> bool:
    return _NOTHING <= value <= HIGHEST


def is_possible(
    rise: Decimal, since: datetime, at: datetime, max_power_w: int, slack: Decimal = SLACK_WH
) -> bool:
    """Whether a connector can give `rise` Wh in that time: P * t * 1.1 + 100 Wh (digest 3.4)."""
    if rise <= slack:
        return True
    return (rise - slack) * (_US_PER_H * 10) <= max_power_w * ((at - since) // _MICROSECOND) * 11


@dataclass(slots=True, eq=False)
class Chain:
    """Points that agree: each is at most a rounding below the highest and possibly above it."""

    begin: int  # index of the first point
    end: int  # index of the last
    points: list[Point]
    high: Decimal

    @property
    def first(self) -> Point:
        return self.points[0]

    @property
    def last(self) -> Point:
        return self.points[-1]

    @property
    def is_said(self) -> bool:
        """Nothing but 1.6's meterStart and meterStop."""
        return all(point.said for point in self.points)


@dataclass(frozen=True, slots=True)
class Walk:
    """A register series, walked: segments in order, and what was set aside."""

    energy: Decimal
    segments: list[Chain]
    aside: list[Chain]
    flags: frozenset[str]

    @property
    def readings(self) -> list[Point]:
        return [point for chain in self.segments for point in chain.points]


def walk(points: Sequence[Point], max_power_w: int) -> Walk:
    """
    The energy of a sorted register series, in Wh.

    Points are sorted into chains that agree among themselves; the sequence of chains with the
    most points is the meter, each one after the first lower than the one before (a reset or a
    rollover). The rest is set aside: spikes, drop-outs, and a meterStart that is of another
    counter than the readings. So order of arrival, duplicates and single wild values change
    nothing.
    """
    chains = _chains(points, max_power_w, _slack(points))
    segments = _most(chains)
    flags: set[str] = set()
    last = segments[-1]
    if len(segments) > 1 and last.is_said and not _rolled(segments[-2], last, max_power_w):
        segments = segments[:-1]  # a meterStop of 0 or below the readings: readings decide
    said = [chain for chain in chains if chain.is_said]
    if len(said) == 1 and len(said[0].points) == 2 and _is_better(said[0], segments):
        segments = said
    aside = [chain for chain in chains if chain not in segments]
    only_said = all(chain.is_said for chain in segments)
    for chain in aside:
        # Readings that agree among themselves are another counter, not a wild value.
        is_other = chain.is_said or (only_said and len(chain.points) > 1)
        flags.add("register_mismatch" if is_other else "implausible_reading")
    energy = _NOTHING
    before: Chain | None = None
    for chain in segments:
        if before is not None:
            bridged, flag = bridge(before, chain, max_power_w)
            energy += bridged
            flags.add(flag)
        energy += chain.high - chain.first.value
        before = chain
    # meterStop is a whole number and may be a rounding below the last reading; it is the end.
    last = segments[-1]
    if last.last.said and len(last.points) > 1:
        energy += last.last.value - last.high
    return Walk(max(energy, _NOTHING), segments, aside, frozenset(flags))


def _chains(points: Sequence[Point], max_power_w: int, slack: Decimal) -> list[Chain]:
    chains: list[Chain] = []
    live: list[Chain] = []  # those that may go on, last touched last
    for index, point in enumerate(points):
        chain = _fitting(live, point, max_power_w, slack)
        if chain is None:
            chain = Chain(index, index, [point], point.value)
            chains.append(chain)
            if len(live) == _OPEN_MOST:
                live.remove(next((c for c in live if len(c.points) == 1), live[0]))
        else:
            chain.end = index
            chain.points.append(point)
            chain.high = max(chain.high, point.value)
            live.remove(chain)
        live.append(chain)
    return chains


def _fitting(live: list[Chain], point: Point, max_power_w: int, slack: Decimal) -> Chain | None:
    """The chain that was touched last; but a lonely point is a glitch if an older one fits too."""
    lonely = None
    for chain in reversed(live):
        rise = point.value - chain.high
        if rise < -JITTER_WH or not is_possible(rise, chain.last.at, point.at, max_power_w, slack):
            continue
        if len(chain.points) > 1:
            return chain
        lonely = lonely or chain
    return lonely


def _most(chains: list[Chain]) -> list[Chain]:
    """
    The sequence of chains with the most points, of which each begins after the one before ended
    and lower than it: a rise that the power forbids is never a segment.
    """
    if len(chains) == 1:
        return chains
    if len(chains) > _CHAINS_MOST:
        chains = sorted(chains, key=lambda c: (-len(c.points), c.begin))[:_CHAINS_MOST]
        chains.sort(key=lambda c: c.begin)
    best: list[tuple[int, list[Chain]]] = []
    for chain in chains:
        size, path = 0, []
        for (so_far, before), last in zip(best, chains, strict=False):
            if (
                so_far > size
                and last.end < chain.begin
                and last.high - JITTER_WH > chain.first.value
            ):
                size, path = so_far, before
        best.append((size + len(chain.points), [*path, chain]))
    return max(best, key=lambda item: (item[0], -item[1][0].begin))[1]


def _is_better(said: Chain, segments: list[Chain]) -> bool:
    """Whether meterStart and meterStop are, being of another counter than the readings."""
    if said in segments or any(point.said for chain in segments for point in chain.points):
        return False
    first, last = segments[0].first.at, segments[-1].last.at
    return first - said.first.at > SPAN or said.last.at - last > SPAN


def bridge(before: Chain, after: Chain, max_power_w: int) -> tuple[Decimal, str]:
    """The energy between two segments, in Wh, and what happened there."""
    rolled = _rolled(before, after, max_power_w)
    if rolled is not None:
        return rolled, "meter_rollover"
    first, power = after.first, max_power_w
    flag = "register_mismatch" if before.is_said or after.is_said else "meter_reset"
    # Digest 3.5: from 0 if the first value is small and plausible, else from that value.
    elapsed = (first.at - before.last.at) // _MICROSECOND
    small = first.value * _US_PER_H <= power * elapsed
    return (first.value if small else _NOTHING), flag


def _rolled(before: Chain, after: Chain, max_power_w: int) -> Decimal | None:
    """The rise over the end of the register, if it stood near one and the power allows it."""
    high, first = before.high, after.first
    for modulus in MODULI:
        rise = first.value + modulus - high
        if modulus * _NEAR <= high < modulus and is_possible(
            rise, before.last.at, first.at, max_power_w
        ):
            return rise
    return None


def _slack(points: Sequence[Point]) -> Decimal:
    """
    What a register may rise at once: 100 Wh (digest 3.4), and a step of one that counts in kWh,
    which stands still for minutes and then rises by 1,000 Wh.
    """
    values = {point.value for point in points}
    is_coarse = len(values) >= _COARSE_VALUES and all(v % _COARSE_WH == 0 for v in values)
    return SLACK_WH + _COARSE_WH if is_coarse else SLACK_WH

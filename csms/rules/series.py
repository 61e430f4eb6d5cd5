"""The energy series that samples make up: which there are, and which of them is better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import msgspec

from db.model.readings import REGISTER, Moment, Sample

INTERVAL = "Energy.Active.Import.Interval"
POWER = "Power.Active.Import"

#: The register at the outlet, all phases: rank 1 of digest 3.3, and what 1.6's meterStart is.
DEFAULT_SERIES = "outlet"
INTERVAL_SERIES = "interval"
POWER_SERIES = "power"

#: Where a meter may count for a session, best first. Body is the box, Upstream another meter.
_LOCATIONS = {"Outlet": "outlet", "Cable": "cable", "EV": "ev", "Inlet": "inlet"}
_PHASES = {"L1": "1", "L1-N": "1", "L2": "2", "L2-N": "2", "L3": "3", "L3-N": "3"}
#: Among values of one moment, what began comes first and what ended last (digest 3.2: a hint).
_ORDER = {"Transaction.Begin": -1, "Transaction.End": 1}
_INT32 = 2**31 - 1
_CENT = Decimal("0.01")
_WH = Decimal(1)
_HALF = Decimal("0.5")
_NOTHING = Decimal(0)
_HUNDRED = Decimal(100)


class Point(NamedTuple):
    """A value of a series; sorts by time. `said` marks the registers of 1.6's start and stop."""

    at: datetime
    order: int
    value: Decimal
    said: bool = False

    @property
    def is_end(self) -> bool:
        return self.order > 0


class Figures(msgspec.Struct, frozen=True, gc=False):
    """What a moment says, found in one pass over its samples; the last four are for its row."""

    best: tuple[str, list[Decimal]] | None  # the best register series, and its values
    has_energy: bool  # in whatever series
    energy_wh: int | None
    power_w: int | None
    soc_pct: Decimal | None
    context: str | None


class Roles(NamedTuple):
    """Which samples of a moment its figures are made of, by their places."""

    registers: tuple[int, ...]  # of the default series
    powers: tuple[int, ...]  # at the outlet: a total, or one for each phase
    socs: tuple[int, ...]
    has_other: bool  # there is energy in another series


def roles(samples: Sequence[Sample]) -> Roles:
    """Of samples that have a value."""
    registers: list[int] = []
    socs: list[int] = []
    total: int | None = None
    phases: dict[str, int] = {}
    has_other = False
    for place, sample in enumerate(samples):
        measurand, phase = sample.measurand, sample.phase
        if measurand == REGISTER:
            if phase is None and sample.location == "Outlet" and sample.unit == "Wh":
                registers.append(place)
            elif _counts(sample):
                has_other = True
        elif measurand == POWER:
            if sample.location == "Outlet" and sample.unit == "W":
                if phase is None:
                    total = place
                elif phase in _PHASES:
                    phases[_PHASES[phase]] = place
        elif measurand == "SoC":
            socs.append(place)
        elif measurand == INTERVAL:
            has_other = has_other or (sample.unit == "Wh" and sample.location == "Outlet")
    powers = tuple(phases.values()) if total is None else (total,)
    return Roles(tuple(registers), powers, tuple(socs), has_other)


def figures(samples: list[Sample]) -> Figures:
    """
    The figures of one moment: Wh (rounded half up), W and % (two places).

    Energy is the register of the best series that is present (digest 3.3) as the meter says it,
    power is Power.Active.Import at the outlet, or the sum of its phases.
    """
    valued = [sample for sample in samples if sample.value is not None]
    values = [sample.value for sample in valued if sample.value is not None]
    found = roles(valued)
    best = energy = None
    if found.registers:
        energy = max([values[place] for place in found.registers])
        best = DEFAULT_SERIES, [energy]
    if len(found.registers) > 1 or (found.has_other and not found.registers):
        moment = Moment(datetime.min, valued)  # noqa: DTZ901 - its time does not matter
        key, points = next(iter(registers((moment,)).items()), ("", []))
        best = (key, [point.value for point in points]) if points else None
        energy = energy if energy is not None or not points else points[-1].value
    named = [valued[place] for place in found.registers[-1:]] or samples[:1]
    return told(
        best,
        None if energy is None else whole(energy),
        whole(sum([values[place] for place in found.powers], _NOTHING)) if found.powers else None,
        [values[place] for place in found.socs],
        named[0].context if named else None,
        has_other=found.has_other,
    )


def told(
    best: tuple[str, list[Decimal]] | None,
    energy_wh: int | None,
    power_w: int | None,
    socs: Iterable[Decimal],
    context: str | None,
    *,
    has_other: bool = False,
) -> Figures:
    """Figures of what was said, as far as they can be."""
    if power_w is not None and not -_INT32 <= power_w <= _INT32:
        power_w = None
    soc = None
    for value in socs:
        if _NOTHING <= value <= _HUNDRED:
            soc = value.quantize(_CENT, ROUND_HALF_UP)
    return Figures(best, best is not None or has_other, energy_wh, power_w, soc, context)


def registers(moments: Iterable[Moment]) -> dict[str, list[Point]]:
    """
    All register series of a session, best first, each sorted and without duplicates.

    A sum of phases has points only where all phases that occur in the session are present, and
    never a total among them (digest 3.3). Its key names the phases, as in "outlet/123".
    """
    totals: dict[str, set[Point]] = {}
    phases: dict[str, dict[tuple[datetime, int, str], dict[str, Decimal]]] = {}
    for moment in moments:
        for sample in moment.samples:
            if sample.measurand != REGISTER or not _counts(sample):
                continue
            value, order = sample.value, _ORDER.get(sample.context, 0)
            assert value is not None  # or it would not count
            series = _LOCATIONS[sample.location]
            if sample.phase is None:
                totals.setdefault(series, set()).add(Point(moment.at, order, value))
            else:
                together = (moment.at, order, sample.context)
                phase = _PHASES[sample.phase]
                values = phases.setdefault(series, {}).setdefault(together, {})
                values[phase] = max(value, values.get(phase, value))
    found = {}
    for series in _LOCATIONS.values():
        if series in totals:
            found[series] = sorted(totals[series])
        if series in phases:
            every = sorted(set().union(*phases[series].values()))
            sums = {
                Point(at, order, sum(values.values(), _NOTHING))
                for (at, order, _), values in phases[series].items()
                if len(values) == len(every)
            }
            if sums:
                found[f"{series}/{''.join(every)}"] = sorted(sums)
    return found


def intervals(moments: Iterable[Moment]) -> dict[str, dict[datetime, Decimal]]:
    """Energy of intervals at the outlet by context and end; a total, else the sum of phases."""
    totals: dict[str, dict[datetime, Decimal]] = {}
    phases: dict[str, dict[datetime, dict[str, Decimal]]] = {}
    for at, sample in _at_outlet(moments, INTERVAL, "Wh"):
        assert sample.value is not None
        if sample.phase is None:
            ends = totals.setdefault(sample.context, {})
            ends[at] = max(sample.value, ends.get(at, sample.value))
        else:
            values = phases.setdefault(sample.context, {}).setdefault(at, {})
            phase = _PHASES[sample.phase]
            values[phase] = max(sample.value, values.get(phase, sample.value))
    return totals or {
        context: {at: sum(values.values(), _NOTHING) for at, values in ends.items()}
        for context, ends in phases.items()
    }


def powers(moments: Iterable[Moment]) -> list[tuple[datetime, Decimal]]:
    """Power at the outlet in W by time; a total, else the sum of phases where all are present."""
    totals: dict[datetime, Decimal] = {}
    phases: dict[datetime, dict[str, Decimal]] = {}
    for at, sample in _at_outlet(moments, POWER, "W"):
        assert sample.value is not None
        if sample.phase is None:
            totals[at] = max(sample.value, totals.get(at, sample.value))
        else:
            values = phases.setdefault(at, {})
            phase = _PHASES[sample.phase]
            values[phase] = max(sample.value, values.get(phase, sample.value))
    if not totals and phases:
        most = max(len(values) for values in phases.values())
        totals = {at: sum(v.values(), _NOTHING) for at, v in phases.items() if len(v) == most}
    return sorted(totals.items())


def whole(value: Decimal) -> int:
    """Rounded half up."""
    if value >= _NOTHING:  # the usual, and twice as fast
        return int(value + _HALF)
    return int(value.quantize(_WH, ROUND_HALF_UP))


def _counts(sample: Sample) -> bool:
    return (
        sample.value is not None
        and sample.unit == "Wh"
        and sample.location in _LOCATIONS
        and (sample.phase is None or sample.phase in _PHASES)
    )


def _at_outlet(
    moments: Iterable[Moment], measurand: str, unit: str
) -> Iterable[tuple[datetime, Sample]]:
    for moment in moments:
        for sample in moment.samples:
            if (
                sample.measurand == measurand
                and sample.unit == unit
                and sample.location == "Outlet"
                and sample.value is not None
                and (sample.phase is None or sample.phase in _PHASES)
            ):
                yield moment.at, sample

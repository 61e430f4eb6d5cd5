"""The energy series that samples make up: which there are, and which of them is better."""

from __future__ import annotations

from collections.abc import Iterable
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

    register: Decimal | None  # of the default series; the highest, if there are several
    is_alone: bool  # there is one register of the default series at most
    has_other: bool  # there is energy in another series
    energy_wh: int | None
    power_w: int | None
    soc_pct: Decimal | None
    context: str | None


def figures(samples: list[Sample]) -> Figures:
    """
    The figures of one moment: Wh (rounded half up), W and % (two places).

    Energy is the register of the best series that is present (digest 3.3) as the meter says it,
    power is Power.Active.Import at the outlet, or the sum of its phases.
    """
    register: Decimal | None = None
    power: Decimal | None = None
    phases: dict[str, Decimal] | None = None
    soc: Decimal | None = None
    context: str | None = None
    is_alone, has_other = True, False
    for sample in samples:
        value = sample.value
        if value is None:
            continue
        measurand = sample.measurand
        if measurand == REGISTER:
            if sample.phase is None and sample.location == "Outlet" and sample.unit == "Wh":
                context = sample.context
                if register is None:
                    register = value
                else:
                    is_alone = False
                    register = max(register, value)
            elif _counts(sample):
                has_other = True
        elif measurand == POWER:
            if sample.location == "Outlet" and sample.unit == "W":
                if sample.phase is None:
                    power = value
                elif sample.phase in _PHASES:
                    phases = phases or {}
                    phases[_PHASES[sample.phase]] = value
        elif measurand == "SoC":
            if _NOTHING <= value <= _HUNDRED:
                soc = value.quantize(_CENT, ROUND_HALF_UP)
        elif measurand == INTERVAL:
            has_other = has_other or (sample.unit == "Wh" and sample.location == "Outlet")
    if power is None and phases:
        power = sum(phases.values(), _NOTHING)
    power_w = None if power is None else whole(power)
    if power_w is not None and not -_INT32 <= power_w <= _INT32:
        power_w = None
    if context is None and samples:
        context = samples[0].context
    best = _other_register(samples) if register is None and has_other else register
    energy_wh = None if best is None else whole(best)
    return Figures(register, is_alone, has_other, energy_wh, power_w, soc, context)


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


def _other_register(samples: list[Sample]) -> Decimal | None:
    moment = Moment(datetime.min, samples)  # noqa: DTZ901 - one moment, its time does not matter
    found = registers((moment,))
    return next((points[-1].value for points in found.values()), None)


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

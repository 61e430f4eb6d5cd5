"""Words for sessions in tests: minutes after the start, registers in Wh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from csms.rules import metering, samples
from csms.rules.metering import Metered, total
from csms.rules.series import figures
from db.model.readings import Moment, Sample
from db.model.sessions import SessionLive

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
KW22 = 22_000


def normalise(
    value: object, *, multiplier: object = None, signed: object = None, **words: object
) -> Sample:
    names = ("measurand", "unit", "phase", "location", "context", "format")
    assert words.keys() <= set(names)
    return samples.normalise(value, tuple(map(words.get, names)), multiplier, signed)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def moment(minute: float, *said: Sample) -> Moment:
    return Moment(at(minute), list(said))


def wh(minute: float, value: object, context: str | None = None, **words: object) -> Moment:
    """A moment with one register in Wh, unless `words` say something else."""
    return moment(minute, normalise(value, context=context, **words))


def every(step: float, *values: object) -> list[Moment]:
    """Registers in Wh, one every `step` minutes from the start."""
    return [wh(step * index, value) for index, value in enumerate(values)]


def advance(live: SessionLive, said: Moment) -> bool:
    return metering.advance(live, said.at, figures(said.samples))


def metered(
    moments: Sequence[Moment],
    *,
    ended: float | None = 60,
    start: int | None = None,
    stop: int | None = None,
    max_power_w: int = KW22,
) -> Metered:
    return total(
        moments,
        started_at=START,
        ended_at=None if ended is None else at(ended),
        meter_start_wh=start,
        meter_stop_wh=stop,
        max_power_w=max_power_w,
    )


def live(max_power_w: int = KW22) -> SessionLive:
    """The running figures of a 2.x session that just began."""
    return SessionLive(
        station_id=1,
        session_id=1,
        transaction_id="T1",
        evse=1,
        started_at=START,
        max_power_w=max_power_w,
        series=None,
        register_wh=None,
        register_at=None,
        energy_wh=Decimal(0),
        power_w=None,
        soc_pct=None,
        charging_state=None,
        updated_at=START,
    )


def live_16(meter_start_wh: int, max_power_w: int = KW22) -> SessionLive:
    """The running figures of a 1.6 session that just began."""
    figures = live(max_power_w)
    figures.series = "outlet"
    figures.register_wh, figures.register_at = Decimal(meter_start_wh), START
    return figures


def flags(words: str) -> frozenset[str]:
    """Flags by short names; any of them brings needs_review."""
    short = {
        "implausible": "implausible_reading",
        "mismatch": "register_mismatch",
        "reset": "meter_reset",
        "rollover": "meter_rollover",
        "unit": "unit_suspect",
        "late": "late_reading",
        "estimated": "energy_estimated",
        "inlet": "inlet_based",
        "phases": "phase_mismatch",
        "review": "needs_review",
    }
    named = {short[word] for word in words.split()}
    return frozenset(named | {"needs_review"}) if named else frozenset()


def flat(parts: Iterable[Iterable[Moment]]) -> list[Moment]:
    return [one for part in parts for one in part]

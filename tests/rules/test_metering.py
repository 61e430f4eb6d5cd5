from __future__ import annotations

import json
from copy import copy
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from csms.rules import clocks
from csms.rules.metering import DEFAULT_SERIES, Metered, total
from db.model.readings import Moment
from db.model.sessions import SessionLive
from db.model.stations import UNKNOWN_MAX_POWER_W
from tests.rules.metered import (
    START,
    advance,
    at,
    every,
    live,
    live_16,
    metered,
    moment,
    normalise,
    wh,
)


def energy_fields(figures: SessionLive) -> tuple[Any, ...]:
    return figures.series, figures.register_wh, figures.register_at, figures.energy_wh


def begun() -> SessionLive:
    """A 2.x session after a first reading of 1,000 Wh at minute 10."""
    figures = live()
    assert advance(figures, wh(10, 1000))
    return figures


POWER = normalise("7000.5", measurand="Power.Active.Import")
SOC = normalise("55", measurand="SoC", location="EV")


def test_the_first_register_is_the_base() -> None:
    figures = live()

    assert advance(figures, wh(0, 1000))

    assert energy_fields(figures) == (DEFAULT_SERIES, Decimal(1000), START, Decimal(0))


def test_each_register_adds_its_rise() -> None:
    figures = begun()

    assert advance(figures, moment(20, normalise("1.5005", unit="kWh"), POWER, SOC))

    assert energy_fields(figures) == ("outlet", Decimal("1500.5"), at(20), Decimal("500.5"))
    assert (figures.power_w, figures.soc_pct) == (7001, Decimal(55))


def test_a_1_6_session_goes_on_from_meter_start() -> None:
    figures = live_16(1000)

    assert advance(figures, wh(10, 1400))

    assert figures.energy_wh == 400


def test_phases_are_a_series_too() -> None:
    figures = live()

    for minute, value in ((0, 100), (10, 200), (20, 350)):
        assert advance(
            figures, moment(minute, *(normalise(value, phase=p) for p in ("L1", "L2-N", "L3")))
        )

    assert energy_fields(figures) == ("outlet/123", Decimal(1050), at(20), Decimal(750))


@pytest.mark.parametrize(
    ("name", "next_"),
    [
        ("older", wh(9.9, 1000)),
        ("older, and a little higher", wh(9.9, 1050)),
        ("older, though nothing rose", wh(0, 1000)),
        ("beyond the power", wh(11, 1504)),
        ("beyond the slack in no time", wh(10, 1101)),
        ("a fall", wh(11, "998.9")),
        ("a fall to nothing", wh(11, 0)),
        ("phases instead of the total", moment(11, normalise(1000, phase="L1"))),
        ("another location", wh(11, 1000, location="Inlet")),
        ("an interval", wh(11, 5, measurand="Energy.Active.Import.Interval")),
        ("one of two falls", moment(11, normalise(1010), normalise(9, context="Transaction.End"))),
    ],
)  # fmt: skip
def test_the_whole_series_is_walked_again_after(name: str, next_: Moment) -> None:
    figures = begun()
    before = energy_fields(figures)

    assert not advance(figures, next_), name

    assert energy_fields(figures) == before


@pytest.mark.parametrize(
    ("name", "next_", "energy_wh"),
    [
        ("all that the power allows", wh(11, 1503), 503),
        ("the slack in no time", wh(10, 1100), 100),
        ("the same again", wh(10, 1000), 0),
        ("a rounding down", wh(11, 999), 0),
        ("two contexts", moment(11, normalise(1050, context="Trigger"), normalise(1040)), 50),
        ("total and phases", moment(11, normalise(1050), normalise(9, phase="L1")), 50),
        ("what is no number", wh(11, "NaN"), 0),
        ("the box's own meter", wh(11, 7, location="Body"), 0),
    ],
)  # fmt: skip
def test_it_goes_on_with(name: str, next_: Moment, energy_wh: int) -> None:
    figures = begun()

    assert advance(figures, next_), name

    assert figures.energy_wh == energy_wh


def test_a_rounding_down_is_not_counted_twice() -> None:
    figures = begun()

    for minute, value in ((11, "999.5"), (12, 1000), (13, "999.5"), (14, 1001)):
        assert advance(figures, wh(minute, value))

    assert figures.energy_wh == 1


def test_a_better_series_makes_it_walk_again() -> None:
    figures = live()
    assert advance(figures, wh(0, 5, location="Inlet"))
    assert figures.series == "inlet"

    assert not advance(figures, wh(1, 1000))


def test_a_new_phase_makes_it_walk_again() -> None:
    figures = live()
    assert advance(figures, wh(0, 5, phase="L1"))

    assert not advance(figures, moment(1, normalise(6, phase="L1"), normalise(6, phase="L2")))


@pytest.mark.parametrize("value", [-5, 10**12])
def test_what_no_meter_reads_is_no_base(value: int) -> None:
    assert not advance(live(), wh(0, value))


def test_a_reading_long_before_the_start_is_no_base() -> None:
    assert not advance(live(), wh(-1.1, 1000))
    assert advance(live(), wh(-1, 1000))


def test_power_without_energy_is_in_order() -> None:
    figures = begun()
    before = energy_fields(figures)

    assert advance(figures, moment(11, POWER, SOC))

    assert energy_fields(figures) == before
    assert (figures.power_w, figures.soc_pct) == (7001, Decimal(55))


def test_a_reading_without_power_keeps_the_power() -> None:
    figures = begun()
    advance(figures, moment(11, POWER, SOC))

    assert advance(figures, wh(12, 1100))

    assert (figures.power_w, figures.soc_pct) == (7001, Decimal(55))


def test_old_power_is_not_shown_and_new_power_is_even_beside_a_wild_register() -> None:
    figures = begun()

    assert advance(figures, moment(9, POWER))
    assert figures.power_w is None
    assert not advance(figures, moment(11, POWER, normalise(9_000_000)))
    assert figures.power_w == 7001


def test_after_a_walk_it_goes_on_from_the_accepted_register() -> None:
    readings = every(10, 0, 1000, 9_000_000, 2000)
    result = metered(readings, ended=None)
    figures = live()
    figures.series = result.series
    figures.register_wh, figures.register_at = result.register_wh, result.register_at
    figures.energy_wh = result.energy_exact_wh

    assert advance(figures, wh(40, 3000))

    whole = metered([*readings, wh(40, 3000)], ended=None)
    assert energy_fields(figures) == (
        whole.series,
        whole.register_wh,
        whole.register_at,
        whole.energy_exact_wh,
    )


def test_a_walk_says_between_which_registers_the_energy_lies() -> None:
    assert metered(every(30, "1000.4", 1500, "2000.5")) == Metered(
        energy_wh=1000,
        series="outlet",
        register_wh=Decimal("2000.5"),
        register_at=at(60),
        energy_exact_wh=Decimal("1000.1"),
        meter_start_wh=1000,
        meter_stop_wh=2001,
        flags=frozenset(),
    )


def test_a_running_session_has_no_meter_stop() -> None:
    assert metered(every(30, 1000, 2000), ended=None).meter_stop_wh is None


def test_a_meter_start_that_was_dropped_is_not_told() -> None:
    result = metered(every(20, 5_000_000, 5_001_000, 5_002_000, 5_003_000), start=0, stop=5_003_000)

    assert (result.meter_start_wh, result.meter_stop_wh) == (5_000_000, 5_003_000)


def test_an_end_before_the_start_is_an_end_at_the_start() -> None:
    result = metered([], start=1000, stop=1050, ended=-10)

    assert (result.energy_wh, result.flags) == (50, frozenset())


def test_ten_thousand_readings_that_never_agree_tell_nothing() -> None:
    readings = [wh(minute / 100, (minute * 7_919_993) % 10**9) for minute in range(10_000)]

    result = metered(readings, ended=100)

    assert result.energy_wh is None
    assert result.flags == {"implausible_reading", "needs_review"}


RECORDINGS = Path(__file__).parents[1] / "recordings"


def calls(name: str, action: str) -> list[Any]:
    lines = [json.loads(line) for line in (RECORDINGS / name).read_text().splitlines()]
    frames = [json.loads(line["m"]) for line in lines if line["d"] == "in"]
    return [frame[3] for frame in frames if frame[0] == 2 and frame[2] == action]


def time(payload: Any) -> datetime:
    moment = clocks.parse(payload["timestamp"])
    assert moment is not None
    return moment


@pytest.mark.parametrize(
    ("name", "energy_wh", "flags"),
    [
        # 2,500 Wh within 12 s are more than 400 kW: kept, and to be looked at.
        ("libocpp-1.6.jsonl", 2500, frozenset({"implausible_reading", "needs_review"})),
        ("microocpp-1.6.jsonl", 61, frozenset()),
    ],
)
def test_the_recorded_1_6_sessions(name: str, energy_wh: int, flags: frozenset[str]) -> None:
    (start,), (stop,) = calls(name, "StartTransaction"), calls(name, "StopTransaction")

    result = total(
        [],
        started_at=time(start),
        ended_at=time(stop),
        meter_start_wh=start["meterStart"],
        meter_stop_wh=stop["meterStop"],
        max_power_w=UNKNOWN_MAX_POWER_W,
    )

    assert (result.energy_wh, result.flags) == (energy_wh, flags)


def test_the_recorded_2_0_1_session() -> None:
    events = calls("virtual-charge-point-2.0.1.jsonl", "TransactionEvent")
    moments = [
        Moment(
            time(value),
            [
                normalise(
                    sample["value"],
                    measurand=sample.get("measurand"),
                    unit=sample.get("unitOfMeasure", {}).get("unit"),
                    context=sample.get("context"),
                    signed=sample.get("signedMeterValue"),
                )
                for sample in value["sampledValue"]
            ],
        )
        for event in events
        for value in event["meterValue"]
    ]

    result = total(
        moments,
        started_at=time(events[0]),
        ended_at=time(events[-1]),
        meter_start_wh=None,
        meter_stop_wh=None,
        max_power_w=UNKNOWN_MAX_POWER_W,
    )

    assert (result.energy_wh, result.energy_exact_wh) == (332, Decimal("332.3"))
    assert result.flags == {"implausible_reading", "needs_review"}
    figures = copy(live(UNKNOWN_MAX_POWER_W))
    figures.started_at = time(events[0])
    assert [advance(figures, one) for one in moments] == [True, False, False, True]
    assert figures.energy_wh == result.energy_exact_wh

"""What must hold for every session, whatever was read in it and in whichever order (C16, I-3)."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from csms.rules.metering import total
from csms.rules.registers import is_possible
from db.model.readings import Moment
from tests.rules.metered import KW22, START, advance, at, live, live_16, metered, normalise, wh

registers = st.decimals(0, 10**7, places=3)
#: Steps of a register: seconds, and the part of the connector's power that was used.
steps = st.lists(st.tuples(st.integers(1, 1800), st.integers(0, 1000)), min_size=1, max_size=30)


@st.composite
def charges(draw: st.DrawFn) -> list[Moment]:
    """A register that only rises, never faster than 22 kW, from the start on."""
    register, seconds = draw(registers), 0
    moments = [wh(0, register)]
    for elapsed, part in draw(steps):
        seconds += elapsed
        register += (Decimal(KW22) * elapsed * part / 3_600_000).quantize(Decimal("0.001"))
        moments.append(wh(seconds / 60, register))
    return moments


#: Nearly anything: few times and few values, so that they collide, and some wild ones.
wild_moments = st.lists(
    st.builds(
        wh,
        st.integers(-3, 75),
        st.one_of(
            st.integers(-10, 20_000),
            st.sampled_from([0, 5_000_000, 5_001_000, 2**31 - 1, 2**32 - 50, 10**9, 10**14]),
            st.decimals(0, 10**6, places=3),
            st.just("NaN"),
        ),
        st.sampled_from([None, "Transaction.Begin", "Transaction.End", "Sample.Clock"]),
        measurand=st.sampled_from(
            [None, None, None, "Energy.Active.Import.Interval", "Power.Active.Import"]
        ),
        phase=st.sampled_from([None, None, "L1", "L2", "L3-N", "N"]),
        location=st.sampled_from([None, None, None, "Inlet", "Body"]),
    ),
    max_size=14,
)
said = st.none() | st.sampled_from([0, 1000, 5_000_000, 2**32 - 10, -1, 10**12])
ends = st.none() | st.sampled_from([0, 30, 60])


@settings(max_examples=500, deadline=None)
@given(st.data(), wild_moments, ends, said, said)
def test_order_and_repetition_change_nothing(
    data: st.DataObject,
    moments: list[Moment],
    ended: float | None,
    start: int | None,
    stop: int | None,
) -> None:
    again = data.draw(st.lists(st.sampled_from(moments), max_size=5)) if moments else []
    shuffled = data.draw(st.permutations([*moments, *again]))

    result = metered(shuffled, ended=ended, start=start, stop=stop)

    assert result == metered(moments, ended=ended, start=start, stop=stop)


@settings(max_examples=500, deadline=None)
@given(wild_moments, ends, said, said)
def test_energy_is_never_negative_and_its_fields_agree(
    moments: list[Moment], ended: float | None, start: int | None, stop: int | None
) -> None:
    result = metered(moments, ended=ended, start=start, stop=stop)

    assert result.energy_exact_wh >= 0
    assert result.energy_wh is None or abs(result.energy_wh - result.energy_exact_wh) <= Decimal(
        "0.5"
    )
    assert result.energy_wh is not None or result.energy_exact_wh == 0
    assert (result.register_wh is None) == (result.register_at is None)
    assert ("needs_review" in result.flags) or not result.flags


@settings(deadline=None)
@given(charges())
def test_a_plausible_charge_is_last_minus_first(moments: list[Moment]) -> None:
    first, last = moments[0].samples[0].value, moments[-1].samples[0].value
    assert first is not None
    assert last is not None
    ended = (moments[-1].at - START).total_seconds() / 60

    result = metered(moments, ended=ended)

    assert result.energy_exact_wh == last - first
    assert result.flags == frozenset()


@settings(deadline=None)
@given(charges(), st.booleans())
def test_reading_by_reading_comes_to_the_same_as_all_at_once(
    moments: list[Moment], is_16: bool
) -> None:
    start = int(moments[0].samples[0].value or 0) if is_16 else None
    figures = live() if start is None else live_16(start)

    for count, moment in enumerate(moments, start=1):
        assert advance(figures, moment)
        result = metered(moments[:count], ended=None, start=start)
        assert figures.energy_wh == result.energy_exact_wh
        assert figures.register_wh == result.register_wh
        assert figures.register_at == result.register_at
        assert figures.series == result.series


@settings(max_examples=300, deadline=None)
@given(wild_moments, st.none() | st.sampled_from([0, 1000]))
def test_whatever_reading_by_reading_accepts_is_never_negative_and_never_falls(
    moments: list[Moment], start: int | None
) -> None:
    figures = live() if start is None else live_16(start)

    for moment in moments:
        before = copy(figures)
        if advance(figures, moment):
            assert figures.energy_wh >= before.energy_wh
            assert before.register_at is None or (
                figures.register_at is not None and figures.register_at >= before.register_at
            )
        else:
            assert figures.energy_wh == before.energy_wh
            assert (figures.series, figures.register_wh, figures.register_at) == (
                before.series,
                before.register_wh,
                before.register_at,
            )


@settings(deadline=None)
@given(st.data(), charges())
def test_one_absurd_spike_changes_no_energy(data: st.DataObject, moments: list[Moment]) -> None:
    place = data.draw(st.integers(0, len(moments) - 1))
    high = data.draw(st.sampled_from([2 * 10**11, 10**12, 10**14]))
    ended = (moments[-1].at - START).total_seconds() / 60 + 0.5
    spike = Moment(moments[place].at, [normalise(high)])

    result = metered([*moments, spike], ended=ended)

    assert result.energy_exact_wh == metered(moments, ended=ended).energy_exact_wh
    assert result.flags == {"implausible_reading", "needs_review"}


@settings(deadline=None)
@given(st.data(), charges())
def test_one_spike_that_the_power_forbids_changes_no_energy(
    data: st.DataObject, moments: list[Moment]
) -> None:
    middle = data.draw(st.integers(1, len(moments) - 1))
    rise = data.draw(st.integers(10**6, 10**9))
    value = moments[-1].samples[0].value
    assert value is not None
    spike = Moment(moments[middle].at, [normalise(str(value + rise))])
    ended = (moments[-1].at - START).total_seconds() / 60

    result = metered([*moments, spike], ended=ended)

    assert result.energy_exact_wh == metered(moments, ended=ended).energy_exact_wh
    assert "implausible_reading" in result.flags


@settings(deadline=None)
@given(st.data(), charges())
def test_units_change_nothing(data: st.DataObject, moments: list[Moment]) -> None:
    said_otherwise = []
    for moment in moments:
        value = moment.samples[0].value
        assert value is not None
        sample = data.draw(
            st.sampled_from(
                [
                    normalise(str(value / 1000), unit="kWh"),
                    normalise(str(value / 1000), unit=" KWH "),
                    normalise(str(value * 100), multiplier=-2),
                    normalise(str(value / 1000).replace(".", ","), unit="kWh"),
                    normalise(f" {value} ", unit="Wh"),
                    normalise(str(value / 10), unit="kWh", multiplier="-2"),
                ]
            )
        )
        said_otherwise.append(Moment(moment.at, [sample]))

    result = metered(said_otherwise, ended=None)

    assert result == metered(moments, ended=None)


@settings(deadline=None)
@given(st.data(), charges())
def test_the_parts_of_a_split_charge_are_the_whole(
    data: st.DataObject, moments: list[Moment]
) -> None:
    split = data.draw(st.integers(0, len(moments) - 1))

    parts = [
        total(
            part,
            started_at=part[0].at,
            ended_at=part[-1].at,
            meter_start_wh=None,
            meter_stop_wh=None,
            max_power_w=KW22,
        ).energy_exact_wh
        for part in (moments[: split + 1], moments[split:])
    ]

    assert sum(parts) == metered(moments, ended=None).energy_exact_wh


@settings(max_examples=300, deadline=None)
@given(wild_moments)
@example([wh(0, 0), wh(0, "48260.001", "Transaction.End")])
def test_no_more_energy_than_the_connector_can_give(moments: list[Moment]) -> None:
    result = metered(moments, ended=60)

    # A start and an end alone stand, flagged, up to a day's power: a clock may have been wrong.
    alone = "implausible_reading" in result.flags and result.energy_wh == (
        (result.meter_stop_wh or 0) - (result.meter_start_wh or 0)
    )
    until = at(75) + timedelta(days=alone)
    # Each of at most 14 moments may add 100 Wh of slack, or pass over the end of a register.
    assert is_possible(result.energy_exact_wh, at(-3), until, KW22, Decimal(14 * 1200))


def test_a_long_session_is_walked_in_the_order_of_time() -> None:
    moments = [wh(minute, 1000 + 10 * minute) for minute in range(3000)]

    assert [a.at < b.at for a, b in pairwise(moments)]
    assert metered(moments[::-1], ended=2999).energy_wh == 29_990

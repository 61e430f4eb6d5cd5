"""Samples read in one pass: the same text and figures as sample by sample, or none."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.rules import samples, usual_samples
from csms.rules.series import figures
from csms.rules.usual_samples import UsualSamples
from db.model.readings import REGISTER, encode_samples


class Said(msgspec.Struct, frozen=True):
    value: object
    measurand: str | None = None
    unit: str | None = None
    phase: str | None = None
    location: str | None = None
    context: str | None = None


def words(said: Said) -> tuple[object, ...]:
    return said.measurand, said.unit, said.phase, said.location, said.context, None


def one_by_one(said: Sequence[Said]) -> tuple[bytes, Any]:
    found = [samples.normalise(one.value, words(one)) for one in said]
    return encode_samples(found), figures(found)


SOC = Said("51.125", "SoC", "Percent", location="EV")
POWER = Said("11.25", "Power.Active.Import", "kW")
REGISTER_WH = Said("1000123", REGISTER, "Wh")
VOLTAGE = Said("230.5", "Voltage", "V", phase="L1")


def phased(said: Said, *values: str) -> list[Said]:
    return [
        msgspec.structs.replace(said, value=value, phase=f"L{n}")
        for n, value in enumerate(values, 1)
    ]


@pytest.mark.parametrize(
    "said",
    [
        [REGISTER_WH],
        [SOC],
        [VOLTAGE, POWER, REGISTER_WH, SOC],
        [Said("1000.123", None, "kWh"), VOLTAGE],
        [Said(1500), Said(12.5, "Voltage")],
        [Said("-0", "Current.Import", "A"), Said("0.000", "Current.Import", "A", "L2")],
        [Said("-12.5", "Power.Active.Import", "W")],
        [Said("3000000000", "Power.Active.Import", "W")],
        [Said("100.01", "SoC"), Said("50", "SoC"), Said("-1", "SoC")],
        [*phased(POWER, "3.7", "3.6", "3.5")],
        [*phased(POWER, "3.7", "3.6", "3.5"), POWER],
        [REGISTER_WH, *phased(REGISTER_WH, "1", "2", "3")],
        [REGISTER_WH, Said("5", "Energy.Active.Import.Interval", "Wh")],
        [VOLTAGE, Said("7", REGISTER, "Wh", context="Transaction.Begin")],
        [Said("1", 'a "word" of its \\ own, 100 % ü', "%s")],
    ],
)
def test_what_is_usual_is_read_as_one_by_one(said: list[Said]) -> None:
    reader = UsualSamples(words)

    assert reader.read(said) == reader.read(said) == one_by_one(said)


@pytest.mark.parametrize(
    "value",
    [
        *("", " 5", "5 ", "05", "5.", ".5", "1,5", "1,", "+5", "1e3", "NaN", "Infinity", "0x10"),
        *("1_000", "5\n", "\u0665", "1.1234567", "1234567890123", "--1", "1.2.3", "a"),
        *(None, True, [], {}, 1e-7, 1e16, 10**12, float("nan"), float("inf")),
    ],
)
def test_a_value_that_is_no_plain_number_is_read_one_by_one(value: object) -> None:
    reader = UsualSamples(words)

    assert reader.read([VOLTAGE, Said("5", "Voltage")]) is not None
    assert reader.read([VOLTAGE, Said(value, "Voltage")]) is None
    assert reader.read([Said(value, "Voltage"), VOLTAGE]) is None


@pytest.mark.parametrize(
    "said",
    [
        [REGISTER_WH, REGISTER_WH],
        phased(REGISTER_WH, "1", "2", "3"),
        [Said("5", REGISTER, "Wh", location="Inlet")],
        [Said("5", "Energy.Active.Import.Interval", "Wh")],
        [Said("300", "Temperature", "K")],
        [Said("5", "x123454321.123454321")],
        [Said("5", REGISTER, "kWh", "987656789.987656789")],
        [VOLTAGE] * 41,
    ],
)
def test_what_needs_more_than_a_look_is_read_one_by_one(said: list[Said]) -> None:
    assert UsualSamples(words).read(said) is None


def test_words_that_say_more_than_a_number_are_read_one_by_one() -> None:
    assert UsualSamples(lambda _: None).read([VOLTAGE]) is None


def test_inventions_do_not_fill_the_memory() -> None:
    reader = UsualSamples(words)

    for number in range(usual_samples._SHAPES_MOST + 1):
        assert reader.read([Said("5", f"Invention.{number}")]) is not None
    assert reader.read([VOLTAGE] * 1000) is None
    assert len(reader._shapes) == 1


_WORDS = {
    "measurand": st.sampled_from(
        [REGISTER, "Energy.Active.Import.Interval", "Power.Active.Import", "Voltage", "SoC"]
    ),
    "unit": st.sampled_from(["Wh", "kWh", "W", "kW", "Percent", "V", "furlong"]),
    "phase": st.sampled_from(["L1", "L2-N", "L3", "N"]),
    "location": st.sampled_from(["Outlet", "EV", "Inlet", "Cable"]),
    "context": st.sampled_from(["Transaction.Begin", "Transaction.End", "Sample.Clock"]),
}
_NUMBERS = st.one_of(
    st.decimals(-(10**9), 10**9, places=3).map(str),
    st.integers(-10, 10**10),
    st.floats(-1e10, 1e10),
    st.floats(0, 200).map(str),
    st.text(max_size=5),
)
_SAID = st.one_of(st.none(), st.fixed_dictionaries({}, optional=_WORDS)).map(
    lambda said: Said(None, **(said or {"measurand": "Voltage"}))
)
_READER = UsualSamples(words)


@given(st.lists(_SAID, min_size=1, max_size=6), st.data())
def test_a_shape_is_read_alike_whatever_its_values(said: list[Said], data: st.DataObject) -> None:
    for _ in range(3):
        values = data.draw(st.lists(_NUMBERS, min_size=len(said), max_size=len(said)))
        moment = [
            msgspec.structs.replace(one, value=value)
            for one, value in zip(said, values, strict=True)
        ]
        found = _READER.read(moment)
        assert found is None or found == one_by_one(moment)


def test_nearly_everything_that_a_charger_says_is_usual() -> None:
    reader = UsualSamples(words)
    for value in range(100):
        said = [
            msgspec.structs.replace(one, value=str(Decimal(value) / 8))
            for one in (VOLTAGE, POWER, REGISTER_WH, SOC)
        ]
        assert reader.read(said) is not None

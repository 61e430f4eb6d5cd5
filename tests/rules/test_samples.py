from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.rules import samples
from csms.rules.series import figures
from db.model.readings import REGISTER, Sample, decode_samples, encode_samples
from tests.rules.metered import normalise


def number(text: str) -> Decimal:
    return Decimal(text)


def test_what_is_not_said_has_the_standards_defaults() -> None:
    assert normalise("12.5") == Sample(
        measurand=REGISTER,
        value=number("12.5"),
        unit="Wh",
        phase=None,
        location="Outlet",
        context="Sample.Periodic",
        format="Raw",
        said=None,
        signed=None,
    )


def test_what_is_said_is_kept() -> None:
    sample = normalise(
        "16.1",
        measurand="Current.Import",
        unit="A",
        phase="L1-N",
        location="Inlet",
        context="Trigger",
        format="Raw",
    )

    assert sample == Sample(
        "Current.Import", number("16.1"), "A", "L1-N", "Inlet", "Trigger", "Raw"
    )


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("12", "12"),
        (" 12 ", "12"),
        ("+12", "12"),
        ("-12.5", "-12.5"),
        ("-.5", "-0.5"),
        ("12.", "12"),
        (".5", "0.5"),
        ("007", "7"),
        ("1,5", "1.5"),
        ("1e5", "100000"),
        ("1.5E+3", "1500"),
        ("12e-1", "1.2"),
        ("1e-300", "0"),
        ("-0", "0"),
        ("0.12345678949", "0.123456789"),
        ("0.33333333333333331", "0.333333333"),
        ("99999999999999.123", "99999999999999.123"),
        (12, "12"),
        (-12, "-12"),
        (0, "0"),
        (12.5, "12.5"),
        (150.01, "150.01"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e14, "100000000000000"),
        (Decimal("12.5"), "12.5"),
    ],
)
def test_a_number_is_read_however_it_is_written(said: object, value: str) -> None:
    sample = normalise(said)

    assert sample.value == number(value)
    assert sample.value is not None
    assert "E" not in str(sample.value).removesuffix("E-7")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", ""),
        (" ", " "),
        ("NaN", "NaN"),
        ("nan", "nan"),
        ("sNaN", "sNaN"),
        ("inf", "inf"),
        ("-Infinity", "-Infinity"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1.234,5", "1.234,5"),
        ("1,234,567", "1,234,567"),
        ("1 000", "1 000"),
        ("--5", "--5"),
        ("-", "-"),
        (".", "."),
        ("5-", "5-"),
        ("12Wh", "12Wh"),
        ("１２", "１２"),
        ("²", "²"),
        ("1e1000", "1e1000"),
        ("1e99", "1e99"),
        ("1e15", "1e15"),
        ("1000000000000000", "1000000000000000"),
        ("-1000000000000000", "-1000000000000000"),
        (10**15, "1000000000000000"),
        (-(10**15), "-1000000000000000"),
        (10**25, None),
        pytest.param(10**5000, None, id="5,000 digits"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Decimal("NaN"), "NaN"),
        (True, "true"),
        (False, "false"),
        ([1, 2], "[1,2]"),
        ({"a": None}, '{"a":null}'),
        (object(), "object"),
        ("a\x00b\ud800c", "a\ufffdb\ufffdc"),
        ("9" * 5000, "9" * 1000),
    ],
)
def test_what_is_no_number_is_kept_as_said(said: object, kept: str | None) -> None:
    sample = normalise(said)

    assert sample.value is None
    assert sample.said == kept or (kept is None and sample.said)
    assert decode_samples(encode_samples([sample])) == [sample]


def test_nothing_said_is_nothing() -> None:
    assert normalise(None) == Sample()


@pytest.mark.parametrize(
    ("said", "unit", "value", "ours", "kept"),
    [
        ("1.5", "Wh", "1.5", "Wh", None),
        ("1.5", "wh", "1.5", "Wh", None),
        ("1.5", "kWh", "1500", "Wh", "1.5 kWh"),
        (150.01, "kWh", "150010", "Wh", "150.01 kWh"),
        ("1.5", " KWH ", "1500", "Wh", "1.5 KWH"),
        ("-1.5", "kW", "-1500", "W", "-1.5 kW"),
        ("1,5", "kvarh", "1500", "varh", "1,5 kvarh"),
        ("1", "kvar", "1000", "var", "1 kvar"),
        ("1", "kVA", "1000", "VA", "1 kVA"),
        ("1", "VA", "1", "VA", None),
        ("55", "Percent", "55", "%", None),
        ("55", "Percentage", "55", "%", None),
        ("55", "%", "55", "%", None),
        ("21.5", "Celsius", "21.5", "Celsius", None),
        ("21.5", "Celcius", "21.5", "Celsius", None),
        ("300", "K", "26.85", "Celsius", "300 K"),
        ("50", "Fahrenheit", "10", "Celsius", "50 Fahrenheit"),
        ("5", "furlong", "5", "furlong", None),
        ("999999999999999", "kWh", None, "Wh", "999999999999999 kWh"),
        ("x", "kWh", None, "Wh", "x kWh"),
    ],
)
def test_units_become_ours(
    said: object, unit: str, value: str | None, ours: str, kept: str | None
) -> None:
    sample = normalise(said, unit=unit)

    assert sample.value == (None if value is None else number(value))
    assert (sample.unit, sample.said) == (ours, kept)


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [
        (None, "Wh"),
        ("", "Wh"),
        ("Energy.Active.Import.Interval", "Wh"),
        ("Energy.Active.Export.Register", "Wh"),
        ("Energy.Reactive.Import.Register", "varh"),
        ("Energy.Apparent.Import", "VAh"),
        ("Power.Active.Import", "W"),
        ("Power.Reactive.Export", "var"),
        ("Power.Offered", "W"),
        ("Power.Factor", ""),
        ("Current.Offered", "A"),
        ("Voltage", "V"),
        ("SoC", "%"),
        ("Frequency", "Hz"),
        ("Temperature", "Celsius"),
        ("Vendor.Thing", ""),
    ],
)
def test_without_a_unit_the_measurand_decides(measurand: str | None, unit: str) -> None:
    assert normalise("1", measurand=measurand).unit == unit


@pytest.mark.parametrize(
    ("said", "multiplier", "unit", "value"),
    [
        ("5", 3, "Wh", "5000"),
        ("5", 0, "Wh", "5"),
        ("5", None, "Wh", "5"),
        (5, -1, "kWh", "500"),
        ("5", "2", "Wh", "500"),
        ("5", 2.0, "Wh", "500"),
        ("5", 9, "Wh", "5000000000"),
        ("5", -9, "Wh", "0.000000005"),
        ("5", 10, "Wh", None),
        ("5", -10, "Wh", None),
        ("5", 10**30, "Wh", None),
        ("5", 1.5, "Wh", None),
        ("5", float("nan"), "Wh", None),
        ("5", float("inf"), "Wh", None),
        ("5", True, "Wh", None),
        ("5", "many", "Wh", None),
        ("5", [3], "Wh", None),
        ("5000000", 9, "Wh", None),
    ],
)
def test_a_multiplier_is_a_power_of_ten(
    said: object, multiplier: object, unit: str, value: str | None
) -> None:
    sample = normalise(said, multiplier=multiplier, unit=unit)

    assert sample.value == (None if value is None else number(value))


def test_known_words_get_the_standards_spelling() -> None:
    sample = normalise(
        "1",
        measurand="energy.active.import.register",
        location="OUTLET",
        context="transaction.end",
        phase="l1",
        format="raw",
    )

    assert sample == Sample(REGISTER, Decimal(1), "Wh", "L1", "Outlet", "Transaction.End", "Raw")


def test_unknown_words_are_kept_and_cut() -> None:
    sample = normalise(
        "1", measurand="M" * 500, phase="\x00", location=5, context=["x"], unit="u" * 500
    )

    assert sample.measurand == "M" * 100
    assert sample.unit == "u" * 100
    assert (sample.phase, sample.location, sample.context) == ("\ufffd", "5", '["x"]')


def test_a_measurand_that_is_no_text_is_no_register() -> None:
    assert normalise("1", measurand=5).measurand == "5"
    assert normalise("1", measurand=False).measurand == "false"


def test_signed_data_is_kept_byte_for_byte() -> None:
    blob = "OCMF|" + "{},é" * 5000

    sample = normalise(blob, format="SignedData")

    assert (sample.value, sample.said, sample.signed) == (None, None, blob)
    assert decode_samples(encode_samples([sample])) == [sample]


def test_signed_data_that_looks_like_a_number_is_none() -> None:
    sample = normalise("123456", format="SignedData")

    assert (sample.value, sample.signed) == (None, "123456")


def test_a_signed_value_stands_beside_its_number() -> None:
    signed = {"signedMeterData": "T0NNRnw=", "encodingMethod": "OCMF", "publicKey": "\x00"}

    sample = normalise(332.3, signed=signed)

    assert (sample.value, sample.signed) == (number("332.3"), signed)
    assert decode_samples(encode_samples([sample])) == [sample]


@pytest.mark.parametrize("signed", ["\ud800", {"a": ["\ud800"]}, {1j: 2}, {"n": 10**400}])
def test_a_signed_value_that_cannot_be_stored_does_no_harm(signed: object) -> None:
    sample = normalise("1", signed=signed)

    assert sample.value == 1
    assert sample.signed is not None
    encode_samples([sample])


def test_inventions_do_not_fill_the_memory() -> None:
    for kind in range(3000):
        normalise("1", measurand=f"invented {kind}")
        normalise("1", measurand="x" * 10_000 + str(kind))

    assert len(samples._kinds) <= 1024
    assert all(len(key[0]) <= 100 for key in samples._kinds if key[0])
    assert normalise("1.5") == Sample(value=number("1.5"))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.binary(max_size=5)
    | st.sampled_from(["1", "1.5", "kWh", "L1", "SignedData", "1e400", "Transaction.End"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(st.tuples(*[anything] * 9))
def test_nothing_makes_it_raise_and_everything_can_be_stored(said: tuple[Any, ...]) -> None:
    value, measurand, unit, multiplier, phase, location, context, form, signed = said

    sample = normalise(
        value,
        measurand=measurand,
        unit=unit,
        multiplier=multiplier,
        phase=phase,
        location=location,
        context=context,
        format=form,
        signed=signed,
    )

    (again,) = decode_samples(encode_samples([sample]))
    assert again.value == sample.value
    assert sample.value is None or abs(sample.value) < 10**15
    assert sample.said is None or len(sample.said) <= 3000
    words = (sample.measurand, sample.unit, sample.phase, sample.location, sample.context)
    assert all(word is None or len(word) <= 100 for word in words)
    assert "\x00" not in "".join(word for word in (*words, sample.said) if word)
    figures([sample])


def power(watts: object, phase: str | None = None, **words: object) -> Sample:
    return normalise(watts, measurand="Power.Active.Import", phase=phase, **words)


def soc(percent: object) -> Sample:
    return normalise(percent, measurand="SoC", location="EV")


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ([], (None, None, None, None)),
        ([normalise("1000.5")], (1001, None, None, "Sample.Periodic")),
        ([normalise("1000.4")], (1000, None, None, "Sample.Periodic")),
        ([normalise("-1.5")], (-2, None, None, "Sample.Periodic")),
        ([normalise("NaN", context="Trigger")], (None, None, None, "Trigger")),
        ([normalise("5", unit="A")], (None, None, None, "Sample.Periodic")),
        (
            [power("7360.5"), soc("55.555"), normalise("2", context="Transaction.End")],
            (2, 7361, Decimal("55.56"), "Transaction.End"),
        ),
        (
            [normalise("7"), normalise("9", context="Transaction.End")],
            (9, None, None, "Transaction.End"),
        ),
        ([normalise("9"), normalise("5", phase="L1")], (9, None, None, "Sample.Periodic")),
        (
            [normalise("5", phase="L1"), normalise("6", phase="L2-N"), normalise("7", phase="L3")],
            (18, None, None, "Sample.Periodic"),
        ),
        ([normalise("5", location="Inlet")], (5, None, None, "Sample.Periodic")),
        (
            [normalise("5", location="Inlet"), normalise("6", location="Cable")],
            (6, None, None, "Sample.Periodic"),
        ),
        ([normalise("5", location="Body")], (None, None, None, "Sample.Periodic")),
        ([normalise("5", phase="L1-L2")], (None, None, None, "Sample.Periodic")),
        (
            [power("100", "L1"), power("200", "L2"), power("300", "L3-N")],
            (None, 600, None, "Sample.Periodic"),
        ),
        (
            [power("100", "L1"), power("650"), power("200", "L2")],
            (None, 650, None, "Sample.Periodic"),
        ),
        ([power("5", unit="kW")], (None, 5000, None, "Sample.Periodic")),
        ([power("2147483647")], (None, 2**31 - 1, None, "Sample.Periodic")),
        ([power("2147483648")], (None, None, None, "Sample.Periodic")),
        ([power("-2147483648")], (None, None, None, "Sample.Periodic")),
        ([power("9", location="Inlet")], (None, None, None, "Sample.Periodic")),
        ([soc("100")], (None, None, Decimal(100), "Sample.Periodic")),
        ([soc("0")], (None, None, Decimal(0), "Sample.Periodic")),
        ([soc("100.01")], (None, None, None, "Sample.Periodic")),
        ([soc("-1")], (None, None, None, "Sample.Periodic")),
        (
            [normalise("5", measurand="Energy.Active.Import.Interval")],
            (None, None, None, "Sample.Periodic"),
        ),
        ([normalise("999999999999999.9")], (10**15, None, None, "Sample.Periodic")),
    ],
)  # fmt: skip
def test_the_figures_of_a_moment(
    said: list[Sample], row: tuple[int | None, int | None, Decimal | None, str | None]
) -> None:
    found = figures(said)
    assert (found.energy_wh, found.power_w, found.soc_pct, found.context) == row


@pytest.mark.parametrize(
    ("measurand", "unit", "value"),
    [
        (None, "Wh", "12500"),
        (REGISTER, "Wh", "12500"),
        ("energy.active.export.interval", "Wh", "12500"),
        ("Energy.Reactive.Import.Register", "varh", "12500"),
        ("Power.Active.Import", "W", "12.5"),
        ("SoC", "%", "12.5"),
        ("Something.Else", "", "12.5"),
    ],
)
@pytest.mark.parametrize("said", ["12.5", 12.5, " 12,5 "])
def test_energy_of_a_unit_that_is_known_though_unsaid(
    said: object, measurand: str | None, unit: str, value: str
) -> None:
    sample = normalise(said, measurand=measurand, unit=samples.KILO)

    assert (sample.value, sample.unit) == (number(value), unit)
    is_as_said = value == "12.5" and said != " 12,5 "
    assert sample.said == (None if is_as_said else str(said))


def test_what_is_absurd_in_wh_is_absurd_in_kwh() -> None:
    assert normalise("1e12", unit=samples.KILO).value is None
    assert normalise("1e12").value == number("1e12")


def test_what_one_station_means_by_no_unit_is_not_what_another_means() -> None:
    values = [normalise("7", unit=unit).value for unit in (None, samples.KILO, None)]

    assert values == [7, 7000, 7]

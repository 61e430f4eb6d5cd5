"""What sessions cost, by examples whose prices were worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from csms.rules.pricing import NO_ENERGY, Charge, Priced, price
from csms.rules.pricing_curve import curve
from csms.rules.pricing_terms import Terms, Tier, UnreadableTerms, Window, decode, encode

BERLIN = ZoneInfo("Europe/Berlin")
SIX = datetime(2026, 11, 18, 18, tzinfo=BERLIN)  # a Wednesday
EVENING = Window(per_kwh=Decimal("0.40"), start=19 * 60, end=21 * 60)


def terms(per_kwh: str = "0.30", **more: Any) -> Terms:
    values: dict[str, Any] = {"currency": "EUR", "per_kwh": Decimal(per_kwh)} | more
    return Terms(**values)


def charge(
    energy_wh: int | None,
    *readings: tuple[float, int],
    minutes: float = 60,
    at: datetime = SIX,
    zone: tzinfo = BERLIN,
    **more: Any,
) -> Charge:
    """`readings` are (minutes after the start, Wh since the start)."""
    ended_at = at + timedelta(minutes=minutes)
    shape = curve(
        [(at + timedelta(minutes=minute), 1_000_000 + wh) for minute, wh in readings],
        started_at=at,
        ended_at=ended_at,
        meter_start_wh=None,
        meter_stop_wh=None,
        energy_wh=energy_wh or 0,
        max_power_w=400_000,
    )
    return Charge(at, ended_at, energy_wh, zone, shape, **more)


def said(priced: Priced) -> list[tuple[str, str, str]]:
    return [(line.kind, str(line.quantity), str(line.amount)) for line in priced.lines]


def test_energy_times_its_price_is_rounded_once_half_up() -> None:
    # 27.35 kWh x 0.30 = 8.205
    priced = price(terms(), charge(27_350))

    assert priced.total == Decimal("8.21")
    assert said(priced) == [("energy", "27.350000", "8.21")]
    assert (priced.currency, priced.is_included, priced.reason) == ("EUR", False, "")


@pytest.mark.parametrize(
    ("currency", "per_kwh", "total"),
    [("JPY", "31.5", "862"), ("EUR", "0.3333", "9.12"), ("KWD", "0.0333", "0.911")],
)
def test_a_currency_has_its_own_decimals(currency: str, per_kwh: str, total: str) -> None:
    # 27.35 x 31.5 = 861.525; x 0.3333 = 9.115755; x 0.0333 = 0.910755
    priced = price(terms(per_kwh, currency=currency), charge(27_350))

    assert str(priced.total) == total


def test_a_session_is_split_where_the_price_changes() -> None:
    # 18:00 to 20:00 at an even 11 kW: an hour at 0.30, an hour at 0.40.
    priced = price(terms(windows=(EVENING,)), charge(22_000, (0, 0), (120, 22_000), minutes=120))

    assert said(priced) == [("energy", "11.000000", "3.30"), ("energy", "11.000000", "4.40")]
    assert [line.label for line in priced.lines] == ["Other times", "19:00–21:00"]
    assert priced.total == Decimal("7.70")


def test_energy_goes_where_the_readings_say_that_it_flowed() -> None:
    # 20 kWh in the first half hour, 2 kWh from 18:30 to 20:00: a third of them before 19:00.
    readings = ((0, 0), (30, 20_000), (120, 22_000))
    priced = price(terms(windows=(EVENING,)), charge(22_000, *readings, minutes=120))

    # 20.6667 x 0.30 = 6.20, 1.3333 x 0.40 = 0.5333
    assert said(priced) == [("energy", "20.666667", "6.20"), ("energy", "1.333333", "0.53")]


def test_without_readings_energy_is_spread_evenly() -> None:
    priced = price(terms(windows=(EVENING,)), charge(22_000, minutes=120))

    assert priced.total == Decimal("7.70")


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    night = Window(per_kwh=Decimal("0.10"), start=22 * 60, end=6 * 60, days=(5,))
    friday = datetime(2026, 11, 20, 21, tzinfo=BERLIN)
    # Fri 21:00 to Sat 21:00, 1 kWh an hour: 1 before, 8 in the night, 15 after it.
    priced = price(terms(windows=(night,)), charge(24_000, minutes=24 * 60, at=friday))

    assert said(priced) == [("energy", "16.000000", "4.80"), ("energy", "8.000000", "0.80")]
    # The night from Saturday on is not one of Friday's.
    saturday = friday + timedelta(days=1)
    assert price(terms(windows=(night,)), charge(9_000, minutes=540, at=saturday)).total == Decimal(
        "2.70"
    )


@pytest.mark.parametrize(
    ("day", "night_wh"),
    [(28, 7_000), (24, 9_000)],  # 28 March has an hour less, 24 October one more
)
def test_the_night_in_which_the_clock_is_set_is_as_long_as_it_is(day: int, night_wh: int) -> None:
    month = 3 if day == 28 else 10
    night = Window(per_kwh=Decimal("0.10"), start=22 * 60, end=6 * 60)
    start = datetime(2026, month, day, 20, tzinfo=BERLIN).astimezone(UTC)
    end = datetime(2026, month, day + 1, 8, tzinfo=BERLIN).astimezone(UTC)
    minutes = (end - start).total_seconds() / 60
    energy_wh = int(minutes * 1000 / 60)  # 1 kWh an hour
    priced = price(terms(windows=(night,)), charge(energy_wh, minutes=minutes, at=start))

    assert energy_wh == night_wh + 4_000
    assert sorted(line.quantity for line in priced.lines if line.quantity) == [
        Decimal(4),
        Decimal(night_wh) / 1000,
    ]


def test_windows_go_by_the_clock_of_the_site() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    at = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)  # 19:30 in Tokyo, 11:30 in Berlin

    assert price(terms(windows=(EVENING,)), charge(10_000, at=at, zone=tokyo)).total == Decimal("4")
    assert price(terms(windows=(EVENING,)), charge(10_000, at=at)).total == Decimal("3")


def test_time_is_charged_by_whole_minutes() -> None:
    priced = price(terms("0", per_minute=Decimal("0.05")), charge(1_000, minutes=59.99))

    assert said(priced)[1:] == [("time", "59", "2.95")]


def test_idle_minutes_count_after_the_grace_of_each_stretch() -> None:
    # Charging for 30 min, then plugged in for 40: 25 beyond the grace of 15.
    readings = ((0, 0), (30, 5_000), (40, 5_000), (70, 5_000))
    priced = price(
        terms(per_idle_minute=Decimal("0.10"), idle_grace_min=15),
        charge(5_000, *readings, minutes=70),
    )

    assert said(priced) == [("energy", "5.000000", "1.50"), ("idle", "25", "2.50")]
    assert priced.lines[1].label == "Plugged in without charging, after 15 min"


def test_two_short_waits_within_the_grace_cost_nothing() -> None:
    readings = ((0, 0), (14, 0), (30, 5_000), (44, 5_000), (60, 9_000))
    priced = price(
        terms(per_idle_minute=Decimal("0.10"), idle_grace_min=15), charge(9_000, *readings)
    )

    assert said(priced)[1] == ("idle", "0", "0.00")


def test_where_no_register_tells_nobody_is_called_idle() -> None:
    priced = price(terms(per_idle_minute=Decimal("0.10")), charge(5_000, minutes=600))

    assert said(priced)[1] == ("idle", "0", "0.00")


def test_the_allowance_of_a_month_is_used_up_in_order() -> None:
    # Used 113.5 kWh: 6.5 of the first 120 at 0.28 = 1.82, and 20.86 at 0.36 = 7.5096 (the mockup)
    tariff = terms("0.36", tiers=(Tier(kwh=Decimal(120), per_kwh=Decimal("0.28")),))
    priced = price(tariff, charge(27_360, used_before_wh=113_500, month="November"))

    assert said(priced) == [("energy", "6.500000", "1.82"), ("energy", "20.860000", "7.51")]
    assert [line.label for line in priced.lines] == [
        "The last of your first 120 kWh in November",
        "Beyond 120 kWh in November",
    ]
    assert priced.total == Decimal("9.33")


def test_tiers_come_before_windows() -> None:
    # 22 kWh evenly from 18:00 to 20:00, 5 free: 6 kWh left before 19:00 at 0.30, 11 at 0.40.
    tariff = terms(windows=(EVENING,), tiers=(Tier(kwh=Decimal(5), per_kwh=Decimal(0)),))
    priced = price(tariff, charge(22_000, minutes=120, month="May"))

    assert [(str(line.quantity), str(line.amount), line.label) for line in priced.lines] == [
        ("5.000000", "0.00", "The last of your first 5 kWh in May"),
        ("6.000000", "1.80", "Beyond 5 kWh in May"),
        ("11.000000", "4.40", "Beyond 5 kWh in May, 19:00–21:00"),
    ]


def test_a_session_within_the_allowance_is_included() -> None:
    tariff = terms("0.36", tiers=(Tier(kwh=Decimal(50), per_kwh=Decimal(0)),))

    assert price(tariff, charge(10_000, used_before_wh=40_000)).is_included
    beyond = price(tariff, charge(10_001, used_before_wh=40_000))
    assert (beyond.is_included, beyond.total) == (False, Decimal("0.00"))  # 0.00036: not by terms


def test_what_is_under_the_minimum_is_raised_and_over_the_maximum_cut() -> None:
    tariff = terms(session_fee=Decimal("0.50"), minimum=Decimal(2), maximum=Decimal(5))

    assert said(price(tariff, charge(1_000)))[1:] == [
        ("session", "None", "0.50"),
        ("minimum", "None", "1.20"),
    ]
    assert said(price(tariff, charge(20_000)))[-1] == ("maximum", "None", "-1.50")
    assert price(tariff, charge(20_000)).total == Decimal("5.00")


def test_a_start_that_brought_nothing_costs_neither_fee_nor_minimum() -> None:
    priced = price(terms(session_fee=Decimal(1), minimum=Decimal(2)), charge(0, minutes=1))

    assert (priced.total, priced.is_included) == (Decimal("0.00"), True)  # product B6


def test_tax_comes_on_top_or_is_contained() -> None:
    on_top = price(
        terms(tax_percent=Decimal(19), is_tax_included=False), charge(10_000)
    )  # 3.00 and 0.57
    within = price(terms(tax_percent=Decimal("19")), charge(10_000))  # 3.00 x 19 / 119 = 0.479

    assert (on_top.total, on_top.tax) == (Decimal("3.57"), Decimal("0.57"))
    assert (on_top.lines[-1].label, on_top.lines[-1].kind) == ("Tax, 19 %", "tax")
    assert (within.total, within.tax) == (Decimal("3.00"), Decimal("0.48"))
    assert all(line.kind != "tax" for line in within.lines)


def test_unknown_energy_that_has_a_price_makes_the_total_unknown() -> None:
    priced = price(terms(), charge(None))

    assert (priced.total, priced.lines, priced.reason) == (None, [], NO_ENERGY)
    assert not priced.is_included


def test_free_energy_is_free_whether_it_is_known_or_not() -> None:
    assert price(terms("0"), charge(None)).is_included
    assert price(terms("0"), charge(5_000)).total == Decimal("0.00")
    fee = price(terms("0", session_fee=Decimal(1)), charge(None))
    assert (fee.total, fee.is_included) == (Decimal("1.00"), False)


def test_terms_are_kept_as_they_are() -> None:
    whole = terms(
        windows=(EVENING,),
        tiers=(Tier(kwh=Decimal(120), per_kwh=Decimal("0.28")),),
        minimum=Decimal(1),
        tax_percent=Decimal("8.1"),
        is_tax_included=False,
    )

    assert decode(encode(whole)) == whole


@pytest.mark.parametrize(
    "wrong",
    [
        '{"currency":"EUR"}',
        '{"currency":"EUR","per_kwh":"0.3","perminute":"0.1"}',
        '{"currency":"eur","per_kwh":"0.3"}',
        '{"currency":"EUR","per_kwh":"-0.3"}',
        '{"currency":"EUR","per_kwh":"NaN"}',
        '{"currency":"JPY","per_kwh":"30","session_fee":"0.5"}',
        '{"currency":"EUR","per_kwh":"0.3","minimum":"5","maximum":"4"}',
        '{"currency":"EUR","per_kwh":"0.3","windows":[{"per_kwh":"1","start":0,"end":1441}]}',
        '{"currency":"EUR","per_kwh":"0.3","windows":[{"per_kwh":"1","start":0,"end":9,"days":[8]}]}',
        '{"currency":"EUR","per_kwh":"0.3","tiers":[{"kwh":"0","per_kwh":"1"}]}',
        "[]",
        "{",
    ],
)
def test_terms_that_cannot_be_are_refused(wrong: str) -> None:
    with pytest.raises(UnreadableTerms):
        decode(wrong)


def test_days_read_as_a_person_says_them() -> None:
    assert Window(per_kwh=Decimal(1), start=0, end=1440, days=(1, 2, 3, 4, 5)).words == (
        "Mon–Fri 00:00–24:00"
    )
    assert Window(per_kwh=Decimal(1), start=0, end=60, days=(6, 7)).words == "Sat, Sun 00:00–01:00"
    assert EVENING.words == "19:00–21:00"

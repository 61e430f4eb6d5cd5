from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal import format as words

AT = datetime(2026, 11, 20, 17, 42, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wh", "said"),
    [
        (18_214, "18.21 kWh"),
        (18_215, "18.22 kWh"),
        (0, "0.00 kWh"),
        (-4, "0.00 kWh"),
        (-1_500, "-1.50 kWh"),
        (Decimal("868140.5"), "868.14 kWh"),
        (None, "unknown"),
    ],
)
def test_energy_has_two_decimals(wh: int | None, said: str) -> None:
    assert words.energy(wh) == said


@pytest.mark.parametrize(
    ("watts", "said"), [(10_949, "10.9 kW"), (0, "0.0 kW"), (Decimal("59.9"), "0.1 kW")]
)
def test_power_has_one_decimal(watts: int, said: str) -> None:
    assert words.power(watts) == said


def test_what_a_connector_is_made_for_has_no_idle_digits() -> None:
    assert [words.rated(w) for w in (22_000, 7_400, None)] == ["22 kW", "7.4 kW", "unknown"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (40, "40 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (6_240, "1 h 44 min"),
        (49 * 3600, "2 d 1 h"),
        (48 * 3600, "2 d"),
        (None, "unknown"),
    ],
)
def test_durations_name_two_units_at_most(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


def test_a_timedelta_is_a_duration_too() -> None:
    assert words.duration(timedelta(hours=1, minutes=44)) == "1 h 44 min"


def test_times_are_those_of_the_zone() -> None:
    assert words.when(AT, "Europe/Berlin") == "20 Nov 2026, 18:42"
    assert words.when(AT, "Asia/Tokyo") == "21 Nov 2026, 02:42"
    assert words.clock(AT, "Europe/Berlin") == "18:42"
    assert words.clock_s(AT, "Europe/Berlin") == "18:42:09"
    assert words.day(AT, "Asia/Tokyo") == "21 Nov 2026"


def test_a_zone_that_this_machine_does_not_know_is_utc() -> None:
    assert words.clock(AT, "Moon/Base") == "17:42"


def test_what_is_not_known_is_said_so() -> None:
    for say in (words.when, words.clock, words.clock_s, words.day, words.ago, words.kwh, words.kw):
        assert say(None) == "unknown"


def test_ago_carries_the_moment_so_that_the_page_can_count_on() -> None:
    said = words.ago(AT, now=AT + timedelta(minutes=3, seconds=59))

    assert said == '<time datetime="2026-11-20T17:42:09Z" data-ago>3 min ago</time>'


@pytest.mark.parametrize(
    ("passed_s", "said"),
    [
        (-9, "just now"),
        (4.9, "just now"),
        (5, "5 s ago"),
        (60, "1 min ago"),
        (7_200, "2 h ago"),
        (90_000, "1 d ago"),
    ],
)
def test_ago_names_one_unit(passed_s: float, said: str) -> None:
    assert words.ago_words(passed_s) == said


def test_one_and_many() -> None:
    assert [words.plural(n, "session") for n in (0, 1, 2)] == [
        "0 sessions",
        "1 session",
        "2 sessions",
    ]
    assert words.plural(2, "battery", "batteries") == "2 batteries"

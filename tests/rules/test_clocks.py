from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.rules import clocks
from csms.rules.clocks import offset, parse, when, wire

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EXACT = datetime(2026, 11, 20, 21, 46, 25, 703_000, tzinfo=UTC)
WHOLE = EXACT.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T21:46:25.703Z", EXACT),
        ("2026-11-20T21:46:25Z", WHOLE),
        ("2026-11-20t21:46:25.703z", EXACT),
        ("2026-11-20 21:46:25.703Z", EXACT),
        ("  2026-11-20T21:46:25.703Z ", EXACT),
        ("2026-11-20T21:46:25.703", EXACT),
        ("2026-11-20T21:46:25.703 Z", EXACT),
        ("2026-11-20T21:46:25,703Z", EXACT),
        ("2026-11-20T23:46:25.703+02:00", EXACT),
        ("2026-11-20T23:46:25.703+0200", EXACT),
        ("2026-11-20T23:46:25.703+02", EXACT),
        ("2026-11-20T16:16:25.703-05:30", EXACT),
        ("2026-11-20T21:46:25.703-00:00", EXACT),
        ("2026-11-21T21:45:25.703+23:59", EXACT),
        ("2026-11-20T21:46:25.703000999Z", EXACT),
        ("2026-11-20T21:46:25.7Z", EXACT.replace(microsecond=700_000)),
        ("2026-11-20T21:46Z", WHOLE.replace(second=0)),
        ("2026-11-20T21:46", WHOLE.replace(second=0)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, 999_999, UTC)),
        ("2016-12-31T23:59:60.5Z", datetime(2016, 12, 31, 23, 59, 59, 999_999, UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)),
    ],
)
def test_a_moment_is_read_however_it_is_written(text: str, moment: datetime) -> None:
    result = parse(text)

    assert result == moment
    assert result is not None
    assert result.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Z",
        "now",
        "2024-01-01",
        "2024-W01-1",
        "2024-W01-1T00:00:00.000Z",
        "2024-W01-1T00:00:00Z",
        "20240101T000000Z",
        "2024-001T00:00:00Z",
        "2026-11-20T214625Z",
        "2026-11-20T21:46:25.Z",
        "2026-11-20T21:46:25.70aZ",
        "2026-11-20X21:46:25.703Z",
        "2026-11-20T21-46-25.703Z",
        "2026-02-30T00:00:00Z",
        "2023-02-29T00:00:00.000Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T24:00:00.000Z",
        "2026-11-20T24:00Z",
        "2026-11-20T25:00:00Z",
        "2026-11-20T21:60:00Z",
        "2026-11-20T21:46:61Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-20T21:46:25+24:00",
        "2026-11-20T21:46:25+99:99",
        "2026-11-20T21:46:25+02:60",
        "2026-11-20T21:46:25+2",
        "2026-11-20T21:46:25[GMT]",
        "222222017-10-27T19:10:11Z",
        "-2026-11-20T21:46:25Z",
        "２０２６-11-20T21:46:25Z",
        "2026-11-20T21:46:25.７０３Z",
        "2026-11-20T21:46:25Z\n",
        "2026-11-20\n21:46:25Z",
        "2026-11-20T21:46:25\x00Z",
        "2026-11-20T21:46:25." + "1" * 100_000 + "Z",
        None,
        True,
        1_763_674_000,
        1.5,
        b"2026-11-20T21:46:25Z",
        ["2026-11-20T21:46:25Z"],
        {},
    ],
)
def test_what_names_no_moment_is_none(text: object) -> None:
    assert parse(text) is None


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_every_moment_that_python_writes_is_read(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        return
    if moment.utcoffset() == timedelta(minutes=(moment.utcoffset() or timedelta()).seconds // 60):
        assert parse(moment.isoformat()) == expected


@given(st.text() | st.from_regex(r"\A\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}.{0,9}\Z"))
def test_no_text_makes_it_raise(text: str) -> None:
    result = parse(text)

    assert result is None or result.tzinfo is UTC
    when(text, NOON)


@pytest.mark.parametrize(
    ("said", "used", "flags"),
    [
        ("2026-11-20T12:00:00Z", NOON, ()),
        ("2026-11-20T12:05:00Z", NOON + timedelta(minutes=5), ()),
        ("2026-11-20T12:05:01Z", NOON + timedelta(minutes=5, seconds=1), ("clock_ahead",)),
        ("2026-11-21T12:00:00Z", NOON + timedelta(days=1), ("clock_ahead",)),
        ("2026-11-21T12:00:01Z", NOON, ("clock_unset",)),
        ("2096-11-20T12:00:00Z", NOON, ("clock_unset",)),
        ("9999-12-31T23:59:59Z", NOON, ("clock_unset",)),
        ("2026-11-20T11:00:00Z", NOON - timedelta(hours=1), ()),
        ("2026-11-19T12:00:00Z", NOON - timedelta(days=1), ()),
        ("2019-01-01T00:00:00Z", datetime(2019, 1, 1, tzinfo=UTC), ()),
        ("2015-01-01T00:00:00Z", datetime(2015, 1, 1, tzinfo=UTC), ()),
        ("2014-12-31T23:59:59Z", NOON, ("clock_unset",)),
        ("1970-01-01T00:00:00Z", NOON, ("clock_unset",)),
        ("1970-01-01T00:00:00", NOON, ("clock_unset",)),
        ("2026-11-20T12:00:00", NOON, ("zone_missing",)),
        ("2026-11-20T14:00:00", NOON + timedelta(hours=2), ("clock_ahead", "zone_missing")),
        ("2026-11-20T14:00:00+02:00", NOON, ()),
        ("yesterday", NOON, ("clock_unreadable",)),
        ("222222017-10-27T19:10:11Z", NOON, ("clock_unreadable",)),
        (0, NOON, ("clock_unreadable",)),
        (None, NOON, ("clock_missing",)),
        ("", NOON, ("clock_missing",)),
        ("  ", NOON, ("clock_missing",)),
    ],
)
def test_a_clock_is_judged_against_the_time_of_receipt(
    said: object, used: datetime, flags: tuple[str, ...]
) -> None:
    assert when(said, NOON) == (used, flags)


@pytest.mark.parametrize(
    "moment", [EXACT, EXACT.astimezone(timezone(timedelta(hours=5, minutes=30)))]
)
def test_our_own_times_are_whole_seconds_with_z(moment: datetime) -> None:
    assert wire(moment) == "2026-11-20T21:46:25Z"


def heard(ahead: timedelta, *waits_s: float, step: timedelta = timedelta(minutes=1)) -> Any:
    """Times of a station, each with its receipt some seconds after it was said."""
    said = [datetime(2026, 5, 1, 9, tzinfo=UTC) + place * step for place in range(len(waits_s))]
    return [
        (at + ahead, at + timedelta(seconds=wait)) for at, wait in zip(said, waits_s, strict=True)
    ]


@pytest.mark.parametrize(
    ("times", "minutes"),
    [
        ([], None),
        (heard(timedelta(0), 1, 2, 1, 3), None),
        (heard(timedelta(hours=2), 1, 2, 1, 3), 120),
        (heard(timedelta(hours=-1), 1, 2, 1, 3), -60),
        (heard(timedelta(minutes=5), 1, 1, 1, 1), None),
        (heard(timedelta(minutes=7), 1, 1, 1, 1), 7),
        # One alone, or all at once, may come from a queue.
        (heard(timedelta(hours=-1), 1), None),
        (heard(timedelta(hours=-1), 1, 1, 1, step=timedelta(seconds=10)), None),
        (heard(timedelta(0), 3_600, 3_540, 3_480), None),
        # A part of them came late.
        (heard(timedelta(hours=2), 1, 600, 540, 3), None),
    ],
)
def test_a_clock_that_is_off_is_off_by_as_much_each_time(times: Any, minutes: int | None) -> None:
    found = offset(times)

    assert (found and round(found.total_seconds() / 60)) == minutes


@pytest.mark.parametrize(
    ("said", "offset_h", "used", "flags"),
    [
        ("2026-11-20T14:00:00Z", 2, NOON, ()),
        ("2026-11-20T07:00:00Z", -5, NOON, ()),
        ("2026-11-20T14:05:01Z", 2, NOON + timedelta(minutes=5, seconds=1), ("clock_ahead",)),
        ("2026-11-21T14:00:00Z", 2, NOON + timedelta(days=1), ("clock_ahead",)),
        ("2026-11-21T14:00:01Z", 2, NOON, ("clock_unset",)),
        # However it is written: it is the clock that is off.
        ("2026-11-20T14:00:00", 2, NOON, ("zone_missing",)),
        ("2026-11-20T15:00:00+01:00", 2, NOON, ()),
        ("1970-01-01T00:00:00Z", -14, NOON, ("clock_unset",)),
        ("0001-01-01T00:00:00Z", 14, NOON, ("clock_unset",)),
        ("9999-12-31T23:59:59Z", -14, NOON, ("clock_unset",)),
        (None, 2, NOON, ("clock_missing",)),
        ("soon", 2, NOON, ("clock_unreadable",)),
    ],
)
def test_the_hours_of_a_clock_are_taken_off_before_it_is_judged(
    said: object, offset_h: int, used: datetime, flags: tuple[str, ...]
) -> None:
    assert when(said, NOON, offset_h) == (used, flags)


def test_a_moment_is_read_by_the_clock_that_said_it() -> None:
    assert parse("2026-11-20T14:00:00Z", 2) == NOON
    assert parse("soon", 2) is None


@pytest.mark.parametrize(
    ("ahead", "hours"),
    [
        (timedelta(hours=2, seconds=4), 2),
        (timedelta(hours=-5, seconds=4), -5),
        (timedelta(hours=5, minutes=30), None),
        (timedelta(hours=14), 14),
        (timedelta(hours=15), None),
        (timedelta(minutes=6), None),
    ],
)
def test_a_clock_that_shows_another_zone_is_off_by_whole_hours(
    ahead: timedelta, hours: int | None
) -> None:
    assert clocks.hours(ahead) == hours

"""The meter timeline: what each reading added, and what is worth a look (seed: dispute)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from csms.rules import metering
from csms.rules.timeline import Bounds, Read, Timeline, timeline
from db.model.readings import Moment, Sample

FIVE = datetime(2026, 11, 18, 16, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def line(
    registers: Sequence[int | None],
    *,
    at: Sequence[int] | None = None,
    ends: int | None = None,
    **more: Any,
) -> Timeline:
    """Readings at these minutes, a quarter of an hour apart if nothing is said."""
    minutes = at or [15 * place for place in range(len(registers))]
    reads = [
        Read(FIVE + minute * MINUTE, FIVE + minute * MINUTE, register_wh)
        for minute, register_wh in zip(minutes, registers, strict=True)
    ]
    bounds: dict[str, Any] = {
        "started_at": FIVE,
        "ended_at": FIVE + (minutes[-1] if ends is None else ends) * MINUTE,
        "meter_start_wh": None,
        "meter_stop_wh": None,
        "max_power_w": 22_000,
    }
    return timeline(reads, Bounds(**(bounds | more)))


def marks(found: Timeline) -> list[tuple[int, str]]:
    """(minute, kind) of each row that is marked."""
    return [((row.at - FIVE) // MINUTE, mark.kind) for row in found.rows for mark in row.marks]


def test_each_row_tells_what_was_added_since_the_one_before() -> None:
    found = line([8_412_310, 8_414_120, 8_416_820, 8_419_540])

    assert [row.added_wh for row in found.rows] == [None, 1810, 2700, 2720]
    assert [row.from_wh for row in found.rows] == [None, 8_412_310, 8_414_120, 8_416_820]
    assert found.added_wh == 7230
    assert marks(found) == []
    assert found.marks == ()


def test_a_reading_without_a_register_adds_nothing_and_the_next_one_tells_both() -> None:
    found = line([1000, None, 3000])

    assert [row.added_wh for row in found.rows] == [None, None, 2000]


def test_a_pause_of_two_missed_readings_is_a_gap_and_what_it_brings_a_jump() -> None:
    minutes = [0, 15, 30, 45, 60, 105, 120, 135]
    found = line([0, 2700, 5400, 8100, 10_800, 18_820, 21_510, 24_160], at=minutes)

    assert marks(found) == [(105, "gap"), (105, "jump")]
    gap, jump = found.rows[5].marks
    assert (gap.since, gap.until, gap.times) == (
        FIVE + 60 * MINUTE,
        FIVE + 105 * MINUTE,
        Decimal(3),
    )
    assert jump.power_w == 10_693  # 8,020 Wh in 45 min
    assert not jump.is_impossible
    assert found.usual == 15 * MINUTE


def test_a_pause_of_one_missed_reading_or_under_five_minutes_is_none() -> None:
    assert marks(line([0, 9, 18, 27, 36, 60], at=[0, 15, 30, 45, 60, 90])) == []
    assert marks(line([0, 9, 18, 27, 36, 60], at=[0, 1, 2, 3, 4, 8])) == []
    assert marks(line([0, 9, 18, 27, 36, 60], at=[0, 1, 2, 3, 4, 9])) == [(9, "gap")]


def test_where_nothing_is_usual_half_an_hour_is_long() -> None:
    assert marks(line([0, 900], at=[0, 29])) == []
    assert marks(line([0, 900], at=[0, 30])) == [(30, "gap")]


def test_a_jump_is_much_more_than_the_usual_step_and_not_a_trifle() -> None:
    minutes = [0, 1, 2, 3, 4, 5, 6]
    assert marks(line([0, 180, 360, 540, 720, 1169, 1349], at=minutes)) == []
    found = line([0, 180, 360, 540, 720, 1170, 1350], at=minutes)
    assert marks(found) == [(5, "jump")]
    assert found.rows[5].marks[0].is_impossible  # 450 Wh in a minute are 27 kW of 22
    assert marks(line([0, 10, 20, 30, 40, 130, 140], at=minutes)) == []  # under 100 Wh


def test_two_steps_alone_tell_no_jump() -> None:
    assert marks(line([0, 100, 2600], at=[0, 10, 20])) == []


def test_a_value_that_does_not_fit_is_not_counted_and_changes_nothing() -> None:
    found = line([1000, 1200, 9_000_000, 1400, 1600, 0, 1800], at=[0, 1, 2, 3, 4, 5, 6])

    assert marks(found) == [(2, "not_counted"), (5, "not_counted")]
    assert [row.added_wh for row in found.rows] == [None, 200, None, 200, 200, None, 200]
    assert found.added_wh == 800


def test_a_meter_that_begins_again_goes_on_counting() -> None:
    found = line([50_000, 50_200, 50_400, 100, 300, 500], at=[0, 1, 2, 3, 4, 5])

    assert marks(found) == [(3, "again")]
    assert found.added_wh == 400 + 100 + 400  # to the fall, the small first value, and on


def test_what_the_charger_said_at_the_start_and_the_end_are_rows_too() -> None:
    found = line([2000, 3000], at=[10, 20], ends=30, meter_start_wh=1000, meter_stop_wh=3500)

    assert [(row.kind, row.added_wh) for row in found.rows] == [
        ("start", None), ("reading", 1000), ("reading", 1000), ("end", 500),
    ]  # fmt: skip
    assert [row.is_last for row in found.rows] == [False, False, False, True]
    assert found.marks == ()


def test_a_reading_that_says_the_same_as_the_start_is_not_told_twice() -> None:
    found = line([1000, 3000], at=[0, 20], meter_start_wh=1000, meter_stop_wh=3000)

    assert [row.kind for row in found.rows] == ["reading", "reading"]
    assert found.rows[1].is_last


def test_an_end_without_a_reading_is_told_with_the_time_that_is_missing() -> None:
    found = line([1000, 2000, 3000], at=[0, 10, 20], ends=22)

    (mark,) = found.marks
    assert (mark.kind, mark.since, mark.until) == ("no_end", FIVE + 20 * MINUTE, FIVE + 22 * MINUTE)
    assert not any(row.is_last for row in found.rows)
    assert line([1000, 2000, 3000], at=[0, 10, 20], ends=21).marks == ()


def test_a_beginning_without_a_reading_is_told() -> None:
    found = line([1000, 2000, 3000], at=[5, 10, 20])

    assert [mark.kind for mark in found.marks] == ["no_start"]


def test_while_it_runs_no_end_is_missing() -> None:
    found = line([1000, 2000, 3000], at=[0, 10, 20], ended_at=None)

    assert found.marks == ()
    assert not any(row.is_last for row in found.rows)


def test_a_time_that_is_not_the_charger_s_own_is_told() -> None:
    read = Read(FIVE, FIVE, 1000, flags=frozenset({"clock_unset"}))
    found = timeline([read], Bounds(FIVE, None, None, None, 22_000))

    assert marks(found) == [(0, "untimed")]


def test_readings_after_the_end_are_told_apart() -> None:
    found = line([1000, 2000, 3000, 4000], at=[0, 10, 20, 40], ends=20)

    assert marks(found)[0] == (40, "outside")
    assert found.added_wh == 2000


def test_nothing_read_is_nothing_known() -> None:
    found = line([], ends=10)

    assert (found.rows, found.added_wh) == ([], None)
    assert [mark.kind for mark in found.marks] == ["no_end"]


@given(
    steps=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 300)), min_size=1, max_size=40),
    wild=st.sets(st.integers(0, 39), max_size=2),
)
def test_the_steps_add_up_to_the_energy_that_the_session_is_billed_by(
    steps: list[tuple[int, int]], wild: set[int]
) -> None:
    minutes, registers = [0], [10_000]
    for minute, rise in steps:
        minutes.append(minutes[-1] + minute)
        registers.append(registers[-1] + rise)
    for place in wild:
        if 0 < place < len(registers) - 1:
            registers[place] = 90_000_000
    ended_at = FIVE + minutes[-1] * MINUTE
    total = metering.total(
        [
            Moment(FIVE + minute * MINUTE, [Sample(value=Decimal(register))])
            for minute, register in zip(minutes, registers, strict=True)
        ],
        started_at=FIVE,
        ended_at=ended_at,
        meter_start_wh=None,
        meter_stop_wh=None,
        max_power_w=22_000,
    )

    assert line(registers, at=minutes).added_wh == total.energy_wh

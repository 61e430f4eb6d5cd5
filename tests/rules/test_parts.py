"""Which report a part belongs to, and what of it is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.rules import parts
from db.model.reports import ReportState

SOON, LATE = timedelta(seconds=60), timedelta(seconds=61)


@pytest.mark.parametrize(
    ("state", "present", "seq_no", "since_last", "belongs"),
    [
        ("collecting", {0, 1}, 1, LATE, True),  # with other content: each is kept
        ("incomplete", {0, 2}, 1, timedelta(days=1), True),
        ("incomplete", {0, 2}, 2, SOON, False),
        ("complete", {0}, 1, SOON, True),  # it said of each that it is the last one
        ("complete", {0}, 1, LATE, False),
        ("complete", {0, 1}, 0, SOON, False),
        ("complete", {0}, None, SOON, True),
        ("complete", {0}, None, LATE, False),
        ("incomplete", {0}, None, LATE, True),
    ],
)
def test_a_part_goes_on_with_its_report_or_begins_another(
    state: ReportState, present: set[int], seq_no: int | None, since_last: timedelta, belongs: bool
) -> None:
    assert parts.belongs(state, present, seq_no, since_last=since_last) is belongs


@pytest.mark.parametrize(
    ("present", "last", "missing"),
    [
        (set(), None, "all"),
        (set(), 3, "0 to 3"),
        ({0, 1, 2}, None, "what follows 2"),
        ({0, 4}, None, "1 to 3 and what follows 4"),
        ({0, 4, 6}, 8, "1 to 3, 5, 7 to 8"),
        ({1, 2}, 2, "0"),
        ({0, 1, 2}, 2, ""),
        ({0, 1, 5}, 1, ""),
        ({2**31 - 1}, None, f"0 to {2**31 - 2} and what follows {2**31 - 1}"),
    ],
)
def test_what_is_missing_is_said_in_words(
    present: set[int], last: int | None, missing: str
) -> None:
    assert parts.missing(present, last) == missing


def test_not_more_gaps_are_told_than_a_person_reads() -> None:
    told = parts.missing(set(range(0, 1_000, 2)), 999)

    assert told.startswith("1, 3, 5, ")
    assert told.endswith(", 39, ...")


@given(st.sets(st.integers(0, 30)), st.integers(0, 30))
def test_a_report_is_whole_when_every_number_to_its_last_is_there(
    present: set[int], last: int
) -> None:
    is_whole = set(range(last + 1)) <= present

    assert parts.is_whole(present, last) is is_whole
    assert (parts.missing(present, last) == "") is is_whole
    assert not parts.is_whole(present, None)

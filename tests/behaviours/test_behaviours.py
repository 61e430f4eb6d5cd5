"""The rows of what chargers do: complete, and every test that they name is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.behaviours.document import PATH, counts, document
from tests.behaviours.rows import BadLine, Row, read, rows
from tests.catalogue.proofs import TESTS, collect

GOOD = """\
# A word to who writes this.
## One chapter
T-01 We do this.
  ocpp/test_some.py::test_one
  rules/test_other.py::test_two[case a]
T-02 We do that.
  ocpp/test_some.py::test_one
  later: typed commands
## Another
Q-01 We do nothing yet.
  later: smart charging
"""


def test_the_90_behaviours_and_the_quirks_are_numbered_without_a_gap() -> None:
    ids = [row.id for row in rows()]

    tricky = [id for id in ids if id[0] == "T"]
    quirks = [id for id in ids if id[0] == "Q"]
    assert tricky == [f"T-{number:02}" for number in range(1, 91)]
    assert quirks == [f"Q-{number:02}" for number in range(1, 59)]
    assert ids == tricky + quirks


def test_each_test_that_a_row_names_is_there() -> None:
    named = {test for row in rows() for test in row.tests}
    files = {TESTS.parent / test.partition("::")[0] for test in named}
    cases = {item.nodeid for item in collect(sorted(files))}
    there = cases | {case.partition("[")[0] for case in cases}

    assert named - there == set()


def test_the_document_is_what_the_rows_say() -> None:
    """If not: `make behaviours` writes it."""
    assert PATH.read_text() == document(rows())


def test_rows_are_read_with_their_tests_and_what_brings_the_rest() -> None:
    one, two = "tests/ocpp/test_some.py::test_one", "tests/rules/test_other.py::test_two[case a]"

    found = read(GOOD)

    assert found == [
        Row("T-01", "One chapter", "We do this.", (one, two), None),
        Row("T-02", "One chapter", "We do that.", (one,), "typed commands"),
        Row("Q-01", "Another", "We do nothing yet.", (), "smart charging"),
    ]
    assert [row.state for row in found] == ["proven", "in part", "later"]
    assert counts(found) == "2 T: 1 proven, 1 in part, 0 later. 1 Q: 0 proven, 0 in part, 1 later."


@pytest.mark.parametrize(
    "text",
    [
        "T-01 We do this.",
        "  ocpp/test_some.py::test_one",
        "T-1 We do this.\n  ocpp/test_some.py::test_one",
        "T-01 We do this\n  ocpp/test_some.py::test_one",
        "T-01 We do this.\n  test_one",
        "T-01 We do this.\n  later:",
        "T-01 We do this.\n  later: a\n  later: b",
        "whatever",
    ],
)
def test_a_row_without_a_test_or_of_another_form_is_an_error(text: str) -> None:
    with pytest.raises(BadLine):
        read(text)


def test_a_row_is_in_the_document_with_its_tests() -> None:
    text = document(read(GOOD))

    assert "## One chapter\n\n- **T-01** We do this.\n  - `tests/ocpp/test_some.py::" in text
    assert "- **Q-01** We do nothing yet.\n  - *later*: smart charging\n" in text


def test_the_tests_are_named_below_this_folder() -> None:
    assert Path(__file__).parent.parent == TESTS

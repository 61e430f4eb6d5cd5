"""The list of rows, and how their tests are found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.catalogue.marks import UnknownRow, by_row, row
from tests.catalogue.proofs import Uncollectable, proofs
from tests.catalogue.rows import DECIDED, ROWS


def test_there_are_149_rows_numbered_without_a_gap() -> None:
    assert Counter(id[2] for id in ROWS) == {"W": 46, "R": 44, "P": 59}
    for kind, count in (("W", 46), ("R", 44), ("P", 59)):
        assert [id for id in ROWS if id[2] == kind] == [
            f"D-{kind}{number:02}" for number in range(1, count + 1)
        ]
    assert all(ROWS.values())
    assert ROWS.keys() >= DECIDED.keys()


def test_a_row_that_the_catalogue_does_not_have_is_an_error() -> None:
    with pytest.raises(UnknownRow, match="D-W47"):
        row("D-W01", "D-W47")
    with pytest.raises(UnknownRow, match="D-X01"):
        by_row(["X01 something"])


def test_tests_are_found_by_their_marks_and_those_of_their_parameters(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "from tests.catalogue.marks import by_row, row\n"
        "@row('D-W01', 'D-R02')\n"
        "def test_one(): ...\n"
        "@pytest.mark.parametrize(('name', 'x'), by_row([('P03 a', 1), ('P04 b', 2)]))\n"
        "def test_two(name, x): ...\n"
    )

    found = proofs(tmp_path)

    assert {
        id: [test.split("::")[1] for test in tests] for id, tests in found.items() if tests
    } == {
        "D-W01": ["test_one"],
        "D-R02": ["test_one"],
        "D-P03": ["test_two[P03 a]"],
        "D-P04": ["test_two[P04 b]"],
    }


@pytest.mark.parametrize("mark", ["pytest.mark.row('D-W47')", "row('D-W47')"])
def test_a_mark_of_no_row_is_said(tmp_path: Path, mark: str) -> None:
    (tmp_path / "test_some.py").write_text(
        f"import pytest\nfrom tests.catalogue.marks import row\n@{mark}\ndef test_one(): ...\n"
    )

    with pytest.raises((UnknownRow, Uncollectable), match="D-W47"):
        proofs(tmp_path)

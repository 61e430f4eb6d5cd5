"""The list of statements, and how their tests are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted.__main__ import Stale, noticing, planted
from tests.planted.plant import Plant
from tests.planted.plants import PLANTS
from tests.statements.catalogue import STATEMENTS
from tests.statements.proofs import TESTS, UnknownStatement, numbers, proofs


def test_there_are_71_statements_numbered_without_a_gap() -> None:
    assert list(STATEMENTS) == list(range(1, 72))
    assert all(sentence.endswith(".") for sentence in STATEMENTS.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_S5_it_works", [5]),
        ("test_S38_S39_it_works", [38, 39]),
        ("test_S38_and_S39_it_works", [38, 39]),
        ("test_S38_and_works_as_S39_does", [38]),
        ("test_S3", []),
        ("test_it_works_S5_", []),
        ("test_Sunday_is_a_day", []),
        ("S5_it_works", []),
    ],
)
def test_a_name_says_which_statements_it_proves(name: str, expected: list[int]) -> None:
    assert numbers(name) == expected


def test_tests_are_found_by_name_also_async_ones_and_those_of_classes(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_some.py").write_text(
        "async def test_S1_x(): ...\n"
        "class TestMore:\n    def test_S1_S2_y(self): ...\n"
        "def helper():\n    def test_S4_inside(): ...\n"
    )
    (folder / "helper.py").write_text("def test_S3_z(): ...\n")

    found = proofs(folder)
    assert [proof.id for proof in found[1]] == [
        "tests/test_some.py::test_S1_x",
        "tests/test_some.py::test_S1_S2_y",
    ]
    assert [proof.name for proof in found[2]] == ["test_S1_S2_y"]
    assert found[3] == []
    assert found[4] == []


def test_a_number_that_no_statement_has_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_some.py").write_text("def test_S72_x(): ...\n")

    with pytest.raises(UnknownStatement, match="test_S72_x"):
        proofs(folder)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.bug.replace(" ", "_"))
def test_each_planted_bug_fits_the_code(plant: Plant) -> None:
    text = (TESTS.parent / plant.file).read_text()

    assert planted(plant, text) != text
    for test in noticing(plant):
        file, _, name = test.partition("::")
        name = name.partition("[")[0]
        assert f"def {name}" in (TESTS.parent / file).read_text()


def test_a_plant_that_fits_no_more_is_said() -> None:
    with pytest.raises(Stale, match="0 times"):
        planted(PLANTS[0], "other code")

"""The plants fit the code, so that `make planted` can begin."""

from __future__ import annotations

import pytest

from tests.planted.__main__ import ROOT, noticing, planted
from tests.planted.plant import Plant
from tests.planted.plants import PLANTS


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.bug)
def test_each_bug_has_one_place_in_the_code(plant: Plant) -> None:
    text = (ROOT / plant.file).read_text(encoding="utf-8")

    assert planted(plant, text) != text


def test_there_are_enough_and_no_two_alike() -> None:
    assert len({plant.bug for plant in PLANTS}) == len(PLANTS) >= 20
    assert all(noticing(plant) for plant in PLANTS if isinstance(plant.proof, str))

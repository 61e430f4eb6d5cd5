"""The generator of spoilt frames: many, and always the same."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fuzz import spoilt
from tests.ocpp.yard import VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_the_frames_are_many_and_always_the_same(version: str) -> None:
    frames = list(spoilt.all_of(version))

    assert [frame.name for frame in frames] == [frame.name for frame in spoilt.all_of(version)]
    assert len({frame.name for frame in frames}) == len(frames)
    assert Counter(frame.row for frame in frames).keys() == {"D-P56", "D-P57", "D-P58", "D-P59"}
    assert len(spoilt.actions(version)) >= (13 if version == "1.6" else 20)
    assert len(frames) > (600 if version == "1.6" else 3_000)

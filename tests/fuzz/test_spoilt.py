"""
Reliability D-P56 to P59: spoilt frames from the schemas, against lenient and strict stations.

A sample with a seed of its own; with FUZZ_FRAMES=all every one of them (`make fuzz`). FUZZ_SEED
repeats a run.
"""

from __future__ import annotations

import json
import os
import random

import pytest

from tests.catalogue.marks import row
from tests.fuzz import oracle, spoilt
from tests.fuzz.spoilt import Spoilt
from tests.ocpp.yard import VERSIONS, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = ("D-P56", "D-P57", "D-P58", "D-P59")
SEED = int(os.environ.get("FUZZ_SEED") or random.randrange(2**32))
_A_STATION = 500  # frames
MOST = os.environ.get("FUZZ_FRAMES", "20")


def chosen(version: str, of_row: str, *, is_strict: bool) -> list[Spoilt]:
    frames = [frame for frame in spoilt.all_of(version) if frame.row == of_row]
    chance = random.Random(f"{SEED} {version} {of_row} {is_strict}")
    return chance.sample(frames, len(frames) if MOST == "all" else min(int(MOST), len(frames)))


@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("of_row", [pytest.param(id, marks=row(id)) for id in ROWS])
@pytest.mark.parametrize("is_strict", [False, True], ids=["lenient", "strict"])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_spoilt_frame_gets_one_answer_and_hurts_nobody(
    yard: Yard, version: str, is_strict: bool, of_row: str
) -> None:
    frames = chosen(version, of_row, is_strict=is_strict)
    print(f"FUZZ_SEED={SEED}: {len(frames)} frames of {version}, {of_row}")
    wrong: list[str] = []
    for start in range(0, len(frames), _A_STATION):
        batch = frames[start : start + _A_STATION]
        async with yard.station(version, strict=is_strict) as cp:
            for number, frame in enumerate(batch):
                try:
                    await oracle.check(cp, number, frame, is_strict=is_strict)
                except AssertionError as error:
                    wrong.append(f"{frame.name}: {str(error)[:300]}")
            kept = {json.loads(row["body"])[1] for row in await cp.kept()}
        wrong += [
            f"{frame.name}: not in quarantine"
            for number, frame in enumerate(batch)
            if not is_strict and oracle.is_to_be_kept(frame) and f"f{number}" not in kept
        ]
    assert not wrong, "\n".join([f"FUZZ_SEED={SEED}, {len(wrong)} are wrong:", *wrong[:20]])

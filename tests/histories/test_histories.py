"""
Whatever the network makes of it, the rows are what physically happened (reliability C14 to C16).

Some forty histories with the tests; `make histories` plays ten thousand.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.histories.drawing import histories
from tests.histories.physical import History, Version
from tests.histories.world import world

MANY = int(os.environ.get("HISTORIES", "40"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 2**32)
VERSIONS: list[Version] = ["1.6", "2.0.1", "2.1"]
#: To make a failure smaller takes longer than thousands of others: of many it is told as it is.
PHASES = [Phase.generate] if MANY > 1_000 else list(Phase)
#: How many live at the same time, as hypothesis draws it on the average.
_TOGETHER = 4


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.timeout(max(600, MANY))
@pytest.mark.parametrize("version", VERSIONS)
def test_the_rows_are_what_physically_happened(
    database_url: str, tmp_path: Path, version: Version
) -> None:
    print(f"seed {SEED}")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        here = runner.run(stack.enter_async_context(world(database_url, tmp_path)))
        try:

            @seed(SEED)
            @settings(
                max_examples=max(1, MANY // len(VERSIONS) // _TOGETHER),
                deadline=None,
                phases=PHASES,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(st.lists(histories(version), min_size=1, max_size=12))
            def play(batch: list[History]) -> None:
                told = runner.run(here.play(batch))
                assert not told, told

            play()
        finally:
            print(f"{here.played} histories in {version}")
            runner.run(stack.aclose())

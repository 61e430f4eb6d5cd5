"""What the tests of ingest begin with."""

from __future__ import annotations

import pytest

from tests.wire import add_station


@pytest.fixture
async def station_id(database_url: str) -> int:
    return (await add_station(database_url, "CP-1")).id

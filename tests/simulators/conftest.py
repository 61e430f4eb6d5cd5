from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.simulators.central import Central


@pytest_asyncio.fixture
async def central() -> AsyncIterator[Central]:
    """A central system of which every test expects that it heard only valid frames."""
    async with Central() as server:
        yield server
    assert server.invalid == []


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)

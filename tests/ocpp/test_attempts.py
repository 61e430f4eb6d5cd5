"""Connection attempts in plain words: what is odd about a charger that was let in."""

from __future__ import annotations

import pytest

from tests.ocpp.conftest import Central, until
from tests.raw_socket import dialled, joined, request

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("log")]


async def test_who_comes_from_two_places_is_said_so(central: Central) -> None:
    async with joined(central.port):
        after = await central.last_attempt()
        async with dialled(central.port, here="127.0.0.2") as second:
            await second.upgrade(request())
            await second.heartbeat()

            assert (await central.attempt(after))["reason"] == (
                "let in, instead of its connection from 127.0.0.1: is it connected from two places?"
            )

            async def holds() -> bool:
                link = await central.link()
                return link is not None and link["remote_address"] == "127.0.0.2"

            await until(holds)


async def test_who_comes_again_from_the_same_place_is_as_usual(central: Central) -> None:
    async with joined(central.port):
        after = await central.last_attempt()
        async with joined(central.port):
            assert (await central.attempt(after))["reason"] == "let in"


async def test_over_sixty_times_an_hour_is_said(central: Central) -> None:
    await central.pool.execute("delete from connection_attempt")
    # Three more make sixty; what was refused, and what is over an hour ago, does not count.
    await central.pool.execute(
        """
        insert into connection_attempt (at, identity, path, http_status, reason)
        select now() - interval '1 minute' * n, 'CP-1', '/', status, 'let in'
        from generate_series(3, 70) n, unnest(array[101, 401]) status
        """
    )
    told = []
    for _ in range(6):
        after = await central.last_attempt()
        async with joined(central.port):
            told.append((await central.attempt(after))["reason"])

    assert told[:3] == ["let in"] * 3
    assert told[3:] == [
        f"let in, {times} times within an hour: its connection does not hold"
        for times in (61, 62, 63)
    ]

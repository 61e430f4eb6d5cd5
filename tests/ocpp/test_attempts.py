"""Connection attempts in plain words: what is odd about a charger that was let in."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.ocpp.conftest import Central, Log, until
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


@pytest.mark.parametrize("other", ["127.0.0.1", "127.0.0.2"], ids=["same place", "two places"])
async def test_t02_more_than_three_takeovers_within_ten_minutes_are_said(
    central: Central, log: Log, other: str
) -> None:
    await is_gone(central)
    await central.pool.execute("delete from connection_attempt")
    # Taken over before, but longer ago.
    await central.pool.execute(
        """
        insert into connection_attempt (at, identity, path, http_status, reason, is_takeover)
        select now() - interval '11 minutes', 'CP-1', '/', 101, 'let in', true
        from generate_series(1, 3)
        """
    )
    told = []
    async with AsyncExitStack() as stack:
        for number in range(6):
            after = await central.last_attempt()
            here = (other, "127.0.0.1")[number % 2]
            raw = await stack.enter_async_context(dialled(central.port, here=here))
            await raw.upgrade(request())
            await raw.heartbeat()
            attempt = await central.attempt(after)
            assert attempt["is_takeover"] == (number > 0)
            told.append(attempt["reason"])

    from_two = other != "127.0.0.1"
    for said in told[1:4]:
        assert said.endswith("is it connected from two places?") == from_two
        assert "minutes" not in said
    assert told[0] == "let in"
    assert told[4:] == [
        f"let in, instead of its connection from {place}, {times} times within 10 minutes:"
        " is it connected from two places?"
        for place, times in (("127.0.0.1", 4), (other, 5))
    ]
    assert log.events().count("station.taken_over_often") == 2


async def is_gone(central: Central) -> None:
    async def is_free() -> bool:
        return await central.link() is None

    await until(is_free)


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
        await is_gone(central)
        after = await central.last_attempt()
        async with joined(central.port):
            told.append((await central.attempt(after))["reason"])

    assert told[:3] == ["let in"] * 3
    assert told[3:] == [
        f"let in, {times} times within an hour: its connection does not hold"
        for times in (61, 62, 63)
    ]

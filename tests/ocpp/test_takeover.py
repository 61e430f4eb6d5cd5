"""Reliability D-W46, C13: of a charger's sockets the newest that knew the password is served."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from csms.ocpp.link import Link
from csms.ocpp.links import Links
from tests.catalogue.marks import row
from tests.ocpp.conftest import Central, Log, until
from tests.raw_socket import CLOSE, RawSocket, asking, dialled, joined
from tests.wire import basic

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("log")]

REPLACED = (1008, "replaced")
MANY = 50


async def epoch(central: Central) -> int:
    link = await central.link()
    assert link is not None
    return int(link["epoch"])


@row("D-W46")
async def test_a_second_socket_replaces_the_first(central: Central, log: Log) -> None:
    async with joined(central.port) as first:
        taken_by_first = await epoch(central)
        async with joined(central.port) as second:
            assert await first.closed() == REPLACED
            assert await first.ended() == b""

            assert await epoch(central) > taken_by_first
            await second.heartbeat()
    log.check_is_quiet()


@row("D-W46")
async def test_the_late_close_of_the_old_socket_leaves_the_new_one_registered(
    central: Central, log: Log
) -> None:
    async with AsyncExitStack() as old:
        first = await old.enter_async_context(joined(central.port))
        before = log.events().count("station.disconnected")
        async with joined(central.port) as second:
            held = await epoch(central)
            assert (await first.frame()).opcode == CLOSE  # and it does not answer

            await old.aclose()

            async def is_over() -> bool:
                return log.events().count("station.disconnected") > before

            await until(is_over)
            assert await epoch(central) == held
            await second.heartbeat()


@row("D-W46")
@pytest.mark.parametrize(
    "wrong",
    [asking(**basic("CP-1", "wrong")), asking(Authorization=None), asking(Upgrade=None)],
    ids=["wrong password", "no password", "no upgrade"],
)
async def test_who_is_refused_takes_nothing_over(central: Central, wrong: bytes) -> None:
    async with joined(central.port) as first:
        held = await epoch(central)

        async with dialled(central.port) as second:
            second.send(wrong)
            assert (await second.response()).status in (401, 426)

        await first.heartbeat()
        assert await epoch(central) == held


@row("D-W46")
async def test_without_a_version_nothing_is_taken_over(central: Central) -> None:
    async with joined(central.port) as first:
        async with dialled(central.port) as second:
            await second.upgrade(asking(Sec_WebSocket_Protocol="ocpp9"))
            assert (await second.closed())[0] == 1002

        await first.heartbeat()


@row("D-W46")
async def test_of_fifty_at_once_the_last_authenticated_survives(
    central: Central, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: dict[int, str] = {}
    enter = Links.enter

    def spy(self: Links, link: Link) -> bool:
        request = link._socket.request
        assert request is not None
        entered[link.epoch] = request.headers["User-Agent"]
        return enter(self, link)

    monkeypatch.setattr(Links, "enter", spy)
    after = await central.last_attempt()
    closes: dict[str, tuple[int, str]] = {}

    async def live(raw: RawSocket, name: str) -> None:
        await raw.upgrade(asking(User_Agent=name))
        closes[name] = await raw.closed()
        assert await raw.ended() == b""

    async with AsyncExitStack() as stack:
        sockets = {
            f"number {n}": await stack.enter_async_context(dialled(central.port))
            for n in range(MANY)
        }
        lives = {name: asyncio.create_task(live(raw, name)) for name, raw in sockets.items()}

        async def are_replaced() -> bool:
            return sum(task.done() for task in lives.values()) == MANY - 1

        await until(are_replaced)
        (survivor,) = [name for name, task in lives.items() if not task.done()]
        lives[survivor].cancel()
        await asyncio.gather(*lives.values(), return_exceptions=True)

        await sockets[survivor].heartbeat()
        assert set(closes.values()) == {REPLACED}
        assert len(closes) == MANY - 1
        assert await epoch(central) == max(entered)
        assert entered[max(entered)] == survivor
    attempts = await central.attempts(after)
    assert [row["http_status"] for row in attempts] == [101] * MANY
    log.check_is_quiet()


async def test_c13_in_any_order_of_joins_and_ends_the_newest_stays_registered(
    central: Central, log: Log
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with AsyncExitStack() as rest:
        open_ones: list[tuple[AsyncExitStack, RawSocket]] = []
        for _ in range(80):
            if not open_ones or chance.random() < 0.5:
                stack = await rest.enter_async_context(AsyncExitStack())
                open_ones.append((stack, await stack.enter_async_context(joined(central.port))))
                held = await epoch(central)
                continue
            ended = chance.randrange(len(open_ones))
            stack, raw = open_ones.pop(ended)
            if chance.random() < 0.5 and ended < len(open_ones):
                assert await raw.closed() == REPLACED
            await stack.aclose()
            if ended == len(open_ones):
                # The newest left: what is still there has been replaced, and comes back by itself.
                for older, _ in open_ones:
                    await older.aclose()
                open_ones.clear()

                async def nobody_is_there() -> bool:
                    return await central.link() is None

                await until(nobody_is_there)
            else:
                await open_ones[-1][1].heartbeat()
                assert await epoch(central) == held
    log.check_is_quiet()

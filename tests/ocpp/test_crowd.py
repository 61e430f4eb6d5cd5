"""Reliability T17, C25: nobody takes all the room, and who is in stays in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from csms.ocpp.addresses import far_end, subscriber
from db.rows import Pool
from tests.ocpp.conftest import Central, until
from tests.raw_socket import dialled, joined, request
from tests.wire import add_station, charger, csms

HERE, THERE = "127.0.0.2", "127.0.0.3"
ADDRESS = {"gateways": (), "max_per_address": 3}
PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize("settings", [ADDRESS, {"max_connections": 3}], ids=["T17 one", "T17 all"])
async def test_over_the_bound_nobody_new_is_let_in_and_who_is_in_stays(
    database_url: str, tmp_path: Path, pool: Pool, settings: dict[str, Any]
) -> None:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path, **settings) as server, AsyncExitStack() as stack:
        central = Central(server.port, pool)
        here = await stack.enter_async_context(dialled(server.port, here=HERE))
        await here.upgrade(request())
        await here.heartbeat()
        silent = [await stack.enter_async_context(dialled(server.port, here=HERE)) for _ in "12"]
        after = await central.last_attempt()

        for _ in range(2):
            async with dialled(server.port, here=HERE) as fourth:
                fourth.send(request())
                refused = await fourth.response()
                assert refused.status == 503
                assert refused.headers["retry-after"] == "30"
        await here.heartbeat()

        # Said once, though it came twice.
        said = (await central.attempt(after))["reason"]
        if "gateways" in settings:
            assert said.startswith(f"too many connections from {HERE} (more than 3)")
            async with dialled(server.port, here=THERE) as other:
                await other.upgrade(request())
                await other.heartbeat()
        else:
            assert said == "there are 3 connections already"
        for each in silent:
            each.writer.transport.abort()

        async def is_let_in() -> bool:
            async with dialled(server.port, here=HERE) as raw:
                raw.send(request())
                return (await raw.response()).status == 101

        await until(is_let_in)


async def test_t17_far_over_it_nobody_is_answered(database_url: str, tmp_path: Path) -> None:
    async with csms(database_url, tmp_path, **ADDRESS) as server, AsyncExitStack() as stack:
        several = [
            await stack.enter_async_context(dialled(server.port, here=HERE)) for _ in range(8)
        ]
        assert await several[6].ended() == b""
        assert await several[7].ended() == b""


async def test_gateways_have_any_number_of_chargers(database_url: str, tmp_path: Path) -> None:
    await add_station(database_url, "CP-1")
    async with (
        csms(database_url, tmp_path, max_per_address=1) as server,
        joined(server.port),
        joined(server.port) as second,
    ):
        await second.heartbeat()


# C25: after a restart all come at once


@asynccontextmanager
async def nobody_gets_in(pool: Pool) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Whoever comes hangs at its first question; what is given waits for so many of them."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("lock table link in access exclusive mode")

        async def hang(count: int) -> None:
            async def do_wait() -> bool:
                waiting = await pool.fetchval(
                    """
                    select count(*) from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock'
                        and query like '%) let_in)%'
                    """
                )
                return bool(waiting >= count)

            await until(do_wait)

        yield hang


async def test_c25_over_the_bound_of_handshakes_the_others_are_told_to_come_again_soon(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    await add_station(database_url, "CP-1")
    async with (
        csms(database_url, tmp_path, max_handshakes=2) as server,
        joined(server.port) as inside,
        dialled(server.port) as one,
        dialled(server.port) as two,
        dialled(server.port) as three,
    ):
        central = Central(server.port, pool)
        after = await central.last_attempt()
        async with nobody_gets_in(pool) as hang:
            for coming in (one, two):
                coming.send(request())
            await hang(2)
            three.send(request())

            refused = await three.response()

            assert refused.status == 503
            assert 2 <= int(refused.headers["retry-after"]) <= 8
            await inside.heartbeat()
        said = (await central.attempts(after))[0]
        assert (said["identity"], said["http_status"]) == ("CP-1", 503)
        assert said["reason"].startswith("more than 2 chargers connect at this moment")
        assert [(await coming.response()).status for coming in (one, two)] == [101, 101]
        async with joined(server.port) as again:
            await again.heartbeat()


async def test_c25_who_is_in_is_answered_while_more_come_than_the_database_serves(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    await add_station(database_url, "CP-1")
    boot = {"chargePointVendor": "Acme", "chargePointModel": "One"}
    async with (
        csms(database_url, tmp_path, node="here") as server,
        charger(server.url, "CP-1") as inside,
        AsyncExitStack() as stack,
    ):
        await inside.call("BootNotification", boot)  # it is in, and not only let in
        async with nobody_gets_in(pool) as hang:
            for _ in range(30):
                coming = await stack.enter_async_context(dialled(server.port))
                coming.send(request())
            await hang(3)

            async with asyncio.timeout(3):  # less than the database waits for a lock
                answer = await inside.call("BootNotification", boot)

        assert answer["status"] == "Accepted"


async def test_c25_many_may_knock_before_one_is_let_in(database_url: str, tmp_path: Path) -> None:
    most = Path("/proc/sys/net/core/somaxconn")
    if most.exists() and int(most.read_text()) < 400:
        pytest.skip("the kernel keeps fewer connections than this test makes")
    async with csms(database_url, tmp_path) as server:
        with ExitStack() as stack:
            # Nothing is accepted meanwhile: this thread is that of the event loop.
            for _ in range(300):
                knocking = stack.enter_context(socket.socket())
                knocking.settimeout(0.9)  # a second is what TCP waits before it tries again
                knocking.connect(("127.0.0.1", server.port))


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # anybody can say that
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_t27_only_proxies_that_we_trust_say_who_is_behind_them(
    remote: str, forwarded: list[str], address: str
) -> None:
    assert far_end(remote, forwarded, PROXIES) == address


def test_one_subscriber_of_ipv6_is_one() -> None:
    assert subscriber("2001:db8::1") == subscriber("2001:db8::2:0:0:1") == "2001:db8::/64"
    assert subscriber("192.0.2.1") == "192.0.2.1"

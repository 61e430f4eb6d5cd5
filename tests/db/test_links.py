"""Which process holds which station: the newest wins, and an epoch fences the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db import connection_attempts, links, stations
from db.connection_attempts import Tried
from db.errors import NotFound
from db.model.stations import Link
from db.rows import Conn, Pool
from tests.portal import build

LEASE = timedelta(seconds=30)


async def take(conn: Conn, station_id: int, node: str) -> Link:
    tried = Tried(build.NOON, 101, "let in", station_id=station_id, remote_address="::1")
    return await links.take(conn, tried, node=node, ocpp_version="1.6")


async def test_the_newest_socket_takes_the_station_and_the_old_one_cannot_let_it_go(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        old = await take(conn, station.id, "one")
        new = await take(conn, station.id, "two")

        assert new.epoch > old.epoch
        assert await links.find(conn, station.id) == new
        assert await links.epochs(conn, [station.id, 99]) == {station.id: new.epoch}
        assert not await links.release(conn, station_id=station.id, epoch=old.epoch)
        assert await links.release(conn, station_id=station.id, epoch=new.epoch)
        assert await links.find(conn, station.id) is None
        assert await links.epochs(conn, [station.id]) == {}


async def test_who_comes_in_is_found_and_written_down_at_once(pool: Pool) -> None:
    soon = build.NOON + timedelta(minutes=5)
    async with pool.acquire() as conn:
        station = await build.station(conn)
        new = await links.find_comer(conn, "CP-1", now=soon)
        # Refused, and let in only to be closed: neither counts as let in.
        for minute, status in enumerate((101, 401, 101, 0)):
            reason = "let in" if status else "closed: another box"
            tried = Tried(build.NOON, status or 101, reason, "CP-1", station.id, f"::{minute}")
            if status == 101:
                version = ("1.6", "?", "2.1")[minute]
                await links.take(conn, tried, node="one", ocpp_version=version)
            else:
                await connection_attempts.record(conn, tried)

        known = await links.find_comer(conn, "CP-1", now=soon)
        half_later = await links.find_comer(conn, "CP-1", now=soon + timedelta(minutes=30))
        later = await links.find_comer(conn, "CP-1", now=soon + timedelta(hours=1))

        assert new == links.Comer(station, False, None, 0, 0)
        assert known == links.Comer(await stations.get(conn, "CP-1"), True, "::2", 2, 1)
        assert known.station.ocpp_version == "2.1"
        assert half_later is not None
        assert (half_later.let_in, half_later.takeovers) == (2, 0)
        assert later is not None
        assert later.let_in == 0
        assert await links.find_comer(conn, "CP-2", now=soon) is None


async def test_who_is_late_is_written_down_and_takes_nothing(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        held = await take(conn, station.id, "one")
        await conn.execute("update link set epoch = epoch + 100")

        with pytest.raises(NotFound):
            await take(conn, station.id, "two")

        now = await links.find(conn, station.id)
        assert now is not None
        assert (now.node, now.epoch) == ("one", held.epoch + 100)
        assert await conn.fetchval("select count(*) from connection_attempt") == 2


async def test_a_process_that_starts_again_holds_nothing_and_others_keep_theirs(pool: Pool) -> None:
    async with pool.acquire() as conn:
        stations = [await build.station(conn, identity) for identity in ("CP-1", "CP-2")]
        assert await links.start_node(conn, "one", LEASE) == []
        await take(conn, stations[0].id, "one")
        await take(conn, stations[1].id, "two")

        assert await links.start_node(conn, "one", LEASE) == [stations[0].id]
        assert list(await links.epochs(conn, [each.id for each in stations])) == [stations[1].id]


async def test_links_of_the_dead_are_let_go_and_a_lease_keeps_them(pool: Pool) -> None:
    async with pool.acquire() as conn:
        stations = [await build.station(conn, f"CP-{n}") for n in range(3)]
        for node, station in zip(("one", "two", "unknown"), stations, strict=True):
            await take(conn, station.id, node)
        await links.start_node(conn, "one", LEASE)
        await take(conn, stations[0].id, "one")
        await links.start_node(conn, "two", -LEASE)
        await take(conn, stations[1].id, "two")
        await links.renew_lease(conn, "two", LEASE)

        assert await links.release_dead(conn) == [stations[2].id]

        await links.renew_lease(conn, "two", -LEASE)
        assert await links.release_dead(conn) == [stations[1].id]
        assert await links.find(conn, stations[0].id) is not None


async def test_a_process_that_ends_leaves_nothing(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        for node in ("one", "two"):
            await links.start_node(conn, node, LEASE)
        await take(conn, station.id, "one")

        await links.end_node(conn, "one")

        assert await links.find(conn, station.id) is None
        assert [row["name"] for row in await conn.fetch("select name from node")] == ["two"]


async def test_a_socket_that_waited_while_a_newer_one_took_the_station_does_not_get_it(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        await take(conn, station.id, "one")
        await conn.execute("update link set epoch = epoch + 10")

        with pytest.raises(NotFound):
            await take(conn, station.id, "two")

        held = await links.find(conn, station.id)
        assert held is not None
        assert held.node == "one"

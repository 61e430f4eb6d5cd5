"""The rows of this process's links: strays are let go, lost ones taken back, none is stolen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from csms.config import Config
from csms.ocpp.link import Link
from csms.ocpp.links import Links
from csms.ocpp.runner import Runner
from csms.watch import LEASE, Watch
from db import links
from db.changes import Notifier
from db.config import DatabaseConfig
from db.connection_attempts import Tried
from db.model.stations import Station
from db.rows import Conn, Pool
from tests.wire import add_station


@dataclass
class StandIn:
    """What a watch sees of a link."""

    station: Station
    epoch: int
    version: str = "1.6"

    async def close(self, *_: object) -> None:
        self.is_closed = True

    is_closed: bool = False


class Process:
    """A node with its links, whose watch looks when it is told to."""

    def __init__(self, database_url: str, tmp_path: Path, pool: Pool) -> None:
        config = Config(DatabaseConfig(data_dir=tmp_path, database_url=database_url), node="here")
        self.here = Links()
        self.pool = pool
        runner = cast("Runner", None)
        self.watch = Watch(config, pool, self.here, runner, Notifier(database_url))

    async def look(self) -> None:
        async with self.pool.acquire() as conn:
            await self.watch._keep(conn, asyncio.get_running_loop().time() + 3_600)

    def enter(self, station: Station, epoch: int) -> StandIn:
        link = StandIn(station, epoch)
        self.here.enter(cast("Link", link))
        return link

    def leave(self, link: StandIn) -> None:
        self.here.leave(cast("Link", link))


@pytest.fixture
async def process(database_url: str, tmp_path: Path, pool: Pool) -> Process:
    async with pool.acquire() as conn:
        await links.start_node(conn, "here", LEASE)
        await links.start_node(conn, "there", LEASE)
    return Process(database_url, tmp_path, pool)


async def take(pool: Pool, station: Station, node: str = "here") -> int:
    async with pool.acquire() as conn:
        tried = Tried(datetime.now(UTC), 101, "let in", station_id=station.id)
        held = await links.take(conn, tried, node=node, ocpp_version="1.6")
    return held.epoch


async def rows(pool: Pool) -> dict[int, tuple[str, int]]:
    found = await pool.fetch("select station_id, node, epoch from link")
    return {row["station_id"]: (row["node"], row["epoch"]) for row in found}


async def test_a_row_whose_socket_is_gone_is_let_go_and_a_young_one_is_not(
    database_url: str, pool: Pool, process: Process
) -> None:
    stray, held, young, theirs = [
        await add_station(database_url, f"CP-{number}") for number in range(1, 5)
    ]
    await take(pool, stray)
    epoch = await take(pool, held)
    await take(pool, theirs, "there")
    await pool.execute("update link set since = since - $1::interval", timedelta(seconds=61))
    await take(pool, young)
    process.enter(held, epoch)

    await process.look()

    assert set(await rows(pool)) == {held.id, young.id, theirs.id}
    assert f"station:{stray.id}" in process.watch._notifier._topics


async def test_a_link_whose_row_was_lost_takes_it_back(
    database_url: str, pool: Pool, process: Process
) -> None:
    station = await add_station(database_url, "CP-1")
    link = process.enter(station, await take(pool, station))
    await pool.execute("delete from link")

    await process.look()

    assert await rows(pool) == {station.id: ("here", link.epoch)}


@pytest.mark.parametrize("what", ["leaves", "is replaced"])
async def test_a_link_that_ends_while_its_row_is_taken_back_leaves_none(
    database_url: str,
    pool: Pool,
    process: Process,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    station = await add_station(database_url, "CP-1")
    link = process.enter(station, await take(pool, station))
    await pool.execute("delete from link")
    real = links.take_back
    newer: list[StandIn] = []

    async def meanwhile(conn: Conn, *rest: Any) -> dict[int, int]:
        if what == "is replaced":
            newer.append(process.enter(station, await take(pool, station)))
        held = await real(conn, *rest)
        if what == "leaves":
            process.leave(link)
        return held

    monkeypatch.setattr(links, "take_back", meanwhile)
    await process.look()

    expected = {station.id: ("here", newer[0].epoch)} if newer else {}
    assert await rows(pool) == expected


async def test_a_station_that_another_process_took_meanwhile_stays_there(
    database_url: str, pool: Pool, process: Process
) -> None:
    station = await add_station(database_url, "CP-1")
    link = process.enter(station, await take(pool, station))
    epoch = await take(pool, station, "there")

    await process.look()
    await asyncio.gather(*process.here._closing)

    assert await rows(pool) == {station.id: ("there", epoch)}
    assert link.is_closed
    assert process.here.get(station.id) is None


async def test_what_could_not_be_done_is_due_again_at_once(
    database_url: str, pool: Pool, process: Process
) -> None:
    station = await add_station(database_url, "CP-1")
    link = process.enter(station, await take(pool, station))
    await pool.execute("delete from link")
    await pool.execute("update node set lease_until = now()")
    async with pool.acquire() as conn:
        await conn.execute("set lock_timeout = '50ms'")
        async with pool.acquire() as other, other.transaction():
            await other.execute("lock table link in access exclusive mode")
            with pytest.raises(Exception, match="lock timeout"):
                await process.watch._keep(conn, asyncio.get_running_loop().time())

        await process.watch._keep(conn, asyncio.get_running_loop().time())
        await conn.execute("reset lock_timeout")

    assert await rows(pool) == {station.id: ("here", link.epoch)}


async def test_who_is_connected_is_seen_whatever_it_says(
    database_url: str, pool: Pool, process: Process
) -> None:
    quiet = await add_station(database_url, "CP-1")
    away = await add_station(database_url, "CP-2")
    seen = "select last_seen_at from station where id = $1"
    process.enter(quiet, await take(pool, quiet))
    assert await pool.fetchval(seen, quiet.id) is None

    await process.look()

    assert await pool.fetchval(seen, quiet.id) is not None
    assert await pool.fetchval(seen, away.id) is None

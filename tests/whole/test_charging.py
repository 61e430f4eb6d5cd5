"""A charger charges, in three versions and through what goes wrong; the record says the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from db.rows import Pool
from simulators import Station, Vehicle
from simulators.session import Session as Truth
from tests.invariants import check_invariants
from tests.wire import KEY, Csms, add_station, csms

Version = Literal["1.6", "2.0.1", "2.1"]
VERSIONS: list[Version] = ["1.6", "2.0.1", "2.1"]
TOLERANCE = timedelta(seconds=1)


@pytest.fixture
async def servers(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Csms, Csms]]:
    """Two csms processes' worth of one database."""
    await add_station(database_url, "CP-1")
    async with (
        csms(database_url, tmp_path, node="one") as one,
        csms(database_url, tmp_path, node="two") as two,
    ):
        yield one, two


@asynccontextmanager
async def station(server: Csms, pool: Pool, version: Version, **how: Any) -> AsyncIterator[Station]:
    await pool.execute("insert into id_token (uid) values ('ADA-1')")
    journal = server.config.database.data_dir.parent / "said.jsonl"
    async with Station(
        "CP-1",
        version=version,
        url=server.url,
        password=KEY,
        power_w=11_000,
        journal=journal,
        **how,
    ) as cp:
        yield cp
        await cp.flush()
    assert cp.dropped == []
    assert cp.complaints == []
    async with pool.acquire() as conn:
        await check_invariants(conn, [journal])


async def check(pool: Pool, truth: Truth, *, count: int = 1) -> None:
    rows = await pool.fetch("select * from charging_session order by started_at")
    assert len(rows) == count, [dict(row) for row in rows]
    row = rows[-1]
    assert row["energy_wh"] == truth.energy_wh
    assert row["is_finalized"]
    assert not row["is_end_inferred"]
    assert row["id_token"] == "ADA-1"
    assert abs(row["started_at"] - truth.started_at) < TOLERANCE
    assert truth.ended_at is not None
    assert abs(row["ended_at"] - truth.ended_at) < TOLERANCE
    assert truth.reason is not None
    assert row["stop_reason"] == truth.reason
    assert await pool.fetchval("select count(*) from session_live") == 0
    assert await pool.fetchval("select sum(energy_wh) from energy_hourly") == sum(
        row["energy_wh"] for row in rows
    )


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_session_has_the_energy_the_times_and_the_reason_of_the_charger(
    servers: tuple[Csms, Csms], pool: Pool, version: Version
) -> None:
    async with station(servers[0], pool, version) as cp:
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        await cp.charge(1, energy_wh=3_000)
        await cp.swipe(1, "ADA-1")
        await cp.unplug(1)
        truth = cp.sessions[-1]

    assert truth.energy_wh == 3_000
    await check(pool, truth)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_network_lost_in_mid_session_loses_no_watt_hour(
    servers: tuple[Csms, Csms], pool: Pool, version: Version
) -> None:
    async with station(servers[0], pool, version) as cp:
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        await cp.charge(1, energy_wh=1_000)
        await cp.lose_network()
        await cp.charge(1, energy_wh=2_500)
        await cp.unplug(1)
        await cp.find_network()
        truth = cp.sessions[-1]

    assert truth.energy_wh == 3_500
    await check(pool, truth)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_session_begun_and_ended_offline_is_recorded_when_the_queue_is_replayed(
    servers: tuple[Csms, Csms], pool: Pool, version: Version
) -> None:
    async with station(servers[0], pool, version) as cp:
        # A station without network starts whom its list knows: it must have seen the card.
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        await cp.charge(1, energy_wh=500)
        await cp.unplug(1)
        await cp.lose_network()
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        await cp.charge(1, energy_wh=1_500)
        await cp.unplug(1)
        await cp.find_network()
        truth = cp.sessions[-1]

    assert len(cp.sessions) == 2
    await check(pool, truth, count=2)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("repeat", ["same id", "new id"])
async def test_a_charger_that_says_everything_twice_changes_nothing(
    servers: tuple[Csms, Csms], pool: Pool, version: Version, repeat: Literal["same id", "new id"]
) -> None:
    async with station(servers[0], pool, version, repeat_every_message=repeat) as cp:
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        await cp.charge(1, energy_wh=2_000)
        await cp.swipe(1, "ADA-1")
        await cp.unplug(1)
        truth = cp.sessions[-1]

    await check(pool, truth)
    readings = await pool.fetch(
        "select said_at from reading group by said_at, context, energy_wh having count(*) > 1"
    )
    assert readings == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_charger_that_hops_between_two_processes_has_one_session(
    servers: tuple[Csms, Csms], pool: Pool, version: Version
) -> None:
    one, two = servers
    async with station(one, pool, version) as cp:
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        for server, leave in [(two, False), (one, True), (two, True), (one, False)]:
            await cp.charge(1, energy_wh=700)
            await cp.hop(server.url, leave_old_open=leave)
        await cp.charge(1, energy_wh=200)
        await cp.swipe(1, "ADA-1")
        await cp.unplug(1)
        truth = cp.sessions[-1]

    assert truth.energy_wh == 3_000
    await check(pool, truth)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sessions", ["end", "resume"])
async def test_a_reboot_in_mid_session_loses_no_watt_hour(
    servers: tuple[Csms, Csms], pool: Pool, version: Version, sessions: Literal["end", "resume"]
) -> None:
    async with station(servers[0], pool, version) as cp:
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        await cp.charge(1, energy_wh=1_000)
        await cp.reboot(sessions=sessions)
        if sessions == "resume":
            await cp.charge(1, energy_wh=1_000)
            await cp.unplug(1)
        truth = cp.sessions[-1]

    await check(pool, truth)


@pytest.mark.parametrize("version", VERSIONS)
async def test_lost_answers_make_no_second_session(
    servers: tuple[Csms, Csms], pool: Pool, version: Version
) -> None:
    start = "StartTransaction" if version == "1.6" else "TransactionEvent"
    drops = {start: 1, "StopTransaction": 1} if version == "1.6" else {start: 2}
    async with station(servers[0], pool, version, drop_answers=drops, answer_timeout_s=0.3) as cp:
        await cp.plug_in(1, Vehicle())
        await cp.swipe(1, "ADA-1")
        await cp.charge(1, energy_wh=1_000)
        await cp.swipe(1, "ADA-1")
        await cp.unplug(1)
        truth = cp.sessions[-1]

    await check(pool, truth)

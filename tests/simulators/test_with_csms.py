"""Fleet and scenarios against the real central system: what they tell is believed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db import stations
from db.rows import Pool
from simulators.fleet.cast import Plug, Role
from simulators.fleet.resident import Resident, World
from simulators.scenarios.command import SCENARIOS, play
from simulators.scenarios.stage import Stage
from tests.simulators.central import eventually
from tests.wire import KEY, Csms, add_station, csms

CARDS = ("04A2B17C5D2E80", "04A2B17C5D2E81", "04A2B17C5D2E82")


@pytest_asyncio.fixture
async def server(database_url: str, pool: Pool, tmp_path: Path) -> AsyncIterator[Csms]:
    for number in range(3):
        station = await add_station(database_url, f"PLAY-{number}")
        async with pool.acquire() as conn:
            await stations.add_connector(
                conn, station.id, evse=1, connector=1, type="Type 2", max_power_w=11_000
            )
        await pool.execute("insert into id_token (uid) values ($1)", CARDS[number])
    async with csms(database_url, tmp_path) as running:
        yield running


async def sessions(pool: Pool) -> list[dict[str, Any]]:
    rows = await pool.fetch("select * from charging_session order by started_at")
    return [dict(row) for row in rows]


async def test_a_fleet_leaves_sessions_of_its_energies_and_nothing_odd(
    server: Csms, pool: Pool
) -> None:
    role = Role("PLAY-0", "1.6", KEY, connectors=(Plug(),), cards=CARDS[:1])
    world = World(server.url, 1, 1000, say=lambda *_: None, warn=lambda *_: None)
    resident = Resident(role, world)
    life = asyncio.create_task(resident.live(0))
    await eventually(lambda: len(resident.station.sessions) > 1, within_s=40)
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    await resident.leave()

    truth, told = resident.station.sessions, await sessions(pool)
    assert resident.mistakes == 0
    assert [row["energy_wh"] for row in told] == [one.energy_wh for one in truth]
    assert [row["flags"] for row in told] == [[] for _ in truth]
    assert not any(row["is_end_inferred"] for row in told)


@pytest.mark.parametrize(
    ("name", "count", "duration_s"),
    [("morning_rush", 3, 4), ("flaky_network", 3, 4), ("replay_after_outage", 3, 60)],
)
async def test_a_scenario_ends_with_its_own_truth_in_the_record(
    server: Csms, pool: Pool, name: str, count: int, duration_s: float
) -> None:
    rows = await play(SCENARIOS[name], a_stage(server, count, duration_s))

    assert [row.open for row in rows] == [[]] * count
    told = await sessions(pool)
    assert sum(row["energy_wh"] for row in told) == sum(row.energy_wh for row in rows)
    assert len(told) == sum(row.sessions for row in rows)
    assert all(row["ended_at"] is not None for row in told)


async def test_the_rogue_is_answered_and_its_sessions_are_kept(server: Csms, pool: Pool) -> None:
    said: list[str] = []

    rows = await play(SCENARIOS["rogue"], a_stage(server, 1, 3, said))

    assert [row.open for row in rows] == [[], []], said
    told = await sessions(pool)
    assert len(told) == 3, json.dumps(told, default=str)
    assert {row["energy_wh"] for row in told} >= {row.energy_wh for row in rows}


def a_stage(server: Csms, count: int, duration_s: float, said: list[str] | None = None) -> Stage:
    return Stage(
        url=server.url,
        password=KEY,
        seed=1,
        identities=tuple(f"PLAY-{number}" for number in range(count)),
        cards=CARDS[:count],
        duration_s=duration_s,
        say=(lambda _: None) if said is None else said.append,
    )

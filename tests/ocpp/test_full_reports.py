"""What a report of the whole inventory leaves out is gone, and no other report takes anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from db import stations
from db.model.commands import Raw
from db.rows import Pool
from tests.ocpp.reporting import reporter
from tests.ocpp.test_commands import ask
from tests.ocpp.test_device_model import names, part, run_job, states, variable
from tests.wire import Charger

FULL = "FullInventory"


@asynccontextmanager
async def knowing_a_and_b(
    database_url: str, tmp_path: Path, version: str = "2.0.1"
) -> AsyncIterator[Charger]:
    """It told of A and B under the number 1, long before."""
    async with reporter(database_url, tmp_path, version) as cp:
        said = part(0, variable("A"), variable("B"), tbc=False, request_id=1)
        assert await cp.call("NotifyReport", said) == {}
        yield cp


async def asked(
    pool: Pool, cp: Charger, base: str, *, number: int = 7, answer: str = "Accepted"
) -> None:
    """We asked for a report, and got an answer."""
    about = json.dumps({"requestId": number, "reportBase": base}).encode()
    async with pool.acquire() as conn:
        station = await stations.get(conn, "CP-1")
    await ask(pool, station, Raw("GetBaseReport", msgspec.Raw(about)))
    async with asyncio.timeout(20):
        _, message_id, action, _ = json.loads(await cp.socket.recv())
    assert action == "GetBaseReport"
    await cp.socket.send(json.dumps([3, message_id, {"status": answer}]))
    async with asyncio.timeout(20):
        while await pool.fetchval("select count(*) from command where settled_at is null"):
            await asyncio.sleep(0.01)


async def report(cp: Charger, *parts: Any) -> None:
    for said in parts:
        assert await cp.call("NotifyReport", said) == {}


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_what_a_full_report_leaves_out_is_gone(
    database_url: str, pool: Pool, tmp_path: Path, version: str
) -> None:
    async with knowing_a_and_b(database_url, tmp_path, version) as cp:
        await asked(pool, cp, FULL)
        await report(cp, part(1, variable("D"), tbc=False), part(0, variable("A", "2")))

    assert await names(pool) == {"A", "D"}


async def test_until_all_parts_are_there_nothing_is_gone(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with knowing_a_and_b(database_url, tmp_path) as cp:
        await asked(pool, cp, FULL)
        await report(cp, part(0, variable("A")), part(2, variable("D"), tbc=False))
        await pool.execute("update report set heard_at = now() - interval '61 s'")
        await run_job(pool)
        assert (await states(pool))[-1] == "incomplete"
        assert await names(pool) == {"A", "B", "D"}


@pytest.mark.parametrize("base", ["ConfigurationInventory", "SummaryInventory"])
async def test_a_report_of_a_part_of_the_inventory_takes_nothing(
    database_url: str, pool: Pool, tmp_path: Path, base: str
) -> None:
    async with knowing_a_and_b(database_url, tmp_path) as cp:
        await asked(pool, cp, base)
        await report(cp, part(0, variable("A"), tbc=False))

    assert await names(pool) == {"A", "B"}


async def test_a_report_that_nobody_asked_for_takes_nothing(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with knowing_a_and_b(database_url, tmp_path) as cp:
        await asked(pool, cp, FULL, number=8)
        await report(cp, part(0, variable("A"), tbc=False))
        await asked(pool, cp, FULL, answer="Rejected")
        await report(cp, part(0, variable("A", "2"), tbc=False))

    assert await names(pool) == {"A", "B"}


async def test_a_number_is_good_for_one_full_report(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with knowing_a_and_b(database_url, tmp_path) as cp:
        await asked(pool, cp, FULL)
        await report(cp, part(0, variable("A"), variable("B"), tbc=False))
        await report(cp, part(0, variable("A", "of its own accord"), tbc=False))

    assert await names(pool) == {"A", "B"}


async def test_an_empty_report_is_no_inventory(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with knowing_a_and_b(database_url, tmp_path) as cp:
        await asked(pool, cp, FULL)
        empty = {key: value for key, value in part(0, tbc=False).items() if key != "reportData"}
        await report(cp, empty)

    assert await names(pool) == {"A", "B"}


async def test_what_became_known_meanwhile_stays(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with knowing_a_and_b(database_url, tmp_path) as cp:
        await asked(pool, cp, FULL)
        await report(cp, part(0, variable("A")))
        await report(cp, part(0, variable("C"), tbc=False, request_id=9))
        await report(cp, part(1, variable("D"), tbc=False))

    assert await names(pool) == {"A", "C", "D"}

"""kill -9 in mid-burst, and a database that crashes under load: what was answered is there."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from websockets.exceptions import InvalidHandshake, WebSocketException

from db import embedded
from db.embedded_options import Options
from db.migrate import migrate
from db.rows import Pool
from tests.invariants import check_invariants
from tests.processes import process
from tests.wire import add_station, charger

CHARGERS = 12
KILLS = 20


class Journal:
    """A charger that keeps charging through everything, and what it was answered."""

    def __init__(self, identity: str, url: str) -> None:
        self.identity = identity
        self.url = url
        self.acked: list[str] = []
        self.errors: list[Any] = []
        self.transaction_ids: set[int] = set()
        self.is_done = False
        self.register_wh = 0
        self._at = datetime.now(UTC) - timedelta(hours=10)
        self._start = {
            "connectorId": 1,
            "idTag": self.identity,
            "meterStart": 0,
            "timestamp": self._at.isoformat(),
        }

    async def charge(self) -> None:
        """Say each message until it is answered, then the next; a stop at the end."""
        waiting: tuple[str, dict[str, Any]] | None = ("StartTransaction", self._start)
        while waiting is not None:
            try:
                async with charger(self.url, self.identity) as station:
                    while waiting is not None:
                        async with asyncio.timeout(10):
                            answer = await station.call(*waiting)
                        if isinstance(answer, list):
                            self.errors.append(answer)
                            return
                        waiting = self._next(waiting, answer)
            except (OSError, TimeoutError, InvalidHandshake, WebSocketException):
                await asyncio.sleep(0.02)

    def _next(
        self, said: tuple[str, dict[str, Any]], answer: dict[str, Any]
    ) -> tuple[str, dict[str, Any]] | None:
        action, payload = said
        if action == "StopTransaction":
            return None
        if action == "StartTransaction":
            self.transaction_ids.add(answer["transactionId"])
        else:
            self.acked.append(payload["meterValue"][0]["timestamp"])
        self._at += timedelta(seconds=10)
        self.register_wh += random.randint(5, 30)
        (number,) = self.transaction_ids
        if self.is_done:
            return "StopTransaction", {
                "transactionId": number,
                "meterStop": self.register_wh,
                "timestamp": self._at.isoformat(),
            }
        value = {
            "timestamp": self._at.isoformat(),
            "sampledValue": [{"value": str(self.register_wh)}],
        }
        return "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]}


@asynccontextmanager
async def charging(url: str, port: int) -> AsyncIterator[list[Journal]]:
    """Chargers that charge until the block ends, and then stop and are heard out."""
    journals = [Journal(f"CP-{n}", f"ws://127.0.0.1:{port}/ocpp") for n in range(CHARGERS)]
    for journal in journals:
        await add_station(url, journal.identity)
    async with asyncio.TaskGroup() as tasks:
        for journal in journals:
            tasks.create_task(journal.charge())
        yield journals
        for journal in journals:
            journal.is_done = True


async def check(pool: Pool, journals: list[Journal]) -> None:
    for journal in journals:
        assert journal.errors == []
        station = "(select id from station where identity = $1)"
        kept = await pool.fetch(
            f"select said_at from reading where station_id = {station}", journal.identity
        )
        lost = set(journal.acked) - {row["said_at"] for row in kept}
        assert not lost, f"{journal.identity} lost {len(lost)} of {len(journal.acked)}"
        assert len(kept) == len({row["said_at"] for row in kept})
        sessions = await pool.fetch(
            f"select * from charging_session where station_id = {station}", journal.identity
        )
        assert len(sessions) == 1, "one physical session is one row"
        assert sessions[0]["energy_wh"] == journal.register_wh
        assert sessions[0]["is_finalized"]
    async with pool.acquire() as conn:
        await check_invariants(conn)
    total = await pool.fetchval("select sum(energy_wh) from energy_hourly")
    assert total == sum(journal.register_wh for journal in journals)


async def until_acked(journals: list[Journal], more: int) -> None:
    """Progress, so that each kill is in mid-burst."""
    before = sum(len(journal.acked) for journal in journals)
    async with asyncio.timeout(60):
        while sum(len(journal.acked) for journal in journals) < before + more:
            await asyncio.sleep(0.01)


async def test_twenty_kills_in_mid_burst_lose_nothing_that_was_answered(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)

    async with (
        process("csms", tmp_path, DATABASE_URL=database_url, LOG_LEVEL="warning") as csms,
        charging(database_url, csms.port) as journals,
    ):
        for _ in range(KILLS):
            await until_acked(journals, dice.randint(CHARGERS, 200))
            await csms.end(signal.SIGKILL)
            await csms.start(is_ready=False)
        await until_acked(journals, CHARGERS)

    await check(pool, journals)
    assert sum(len(journal.acked) for journal in journals) > KILLS * CHARGERS


def postmaster(url: str, data_dir: Path) -> int:
    pid_file = next(data_dir.glob("pg*/postmaster.pid"))
    return int(pid_file.read_text().splitlines()[0])


async def test_a_database_that_crashes_under_load_loses_nothing_that_was_answered(
    tmp_path: Path,
) -> None:
    data_dir = tmp_path / "data"
    with embedded.server(data_dir, options=Options(), see_it_stop=True) as url:
        await migrate(url)
        async with (
            process("csms", tmp_path, DATABASE_URL=url, LOG_LEVEL="warning") as csms,
            charging(url, csms.port) as journals,
        ):
            for _ in range(3):
                await until_acked(journals, 100)
                crash(data_dir)
                await until_acked(journals, 100)
            await csms.until_ready()
        pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        try:
            await check(pool, journals)
        finally:
            await pool.close()


def crash(data_dir: Path) -> None:
    """An immediate restart by PostgreSQL itself: a backend that is killed takes all with it."""
    import os

    import psutil

    parent = psutil.Process(postmaster("", data_dir))
    backends = [child for child in parent.children() if "app" in " ".join(child.cmdline())]
    os.kill(random.choice(backends).pid, signal.SIGKILL)

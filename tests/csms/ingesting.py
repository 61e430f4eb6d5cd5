"""Ingest as tests drive it: sessions that run, what is said of them, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from csms import charging
from csms.ingest import Ingest
from csms.items import Item, Measured
from csms.rules.series import figures
from db import sessions
from db.messages import Message
from db.model.readings import encode_samples
from db.model.sessions import Session
from db.rows import Pool
from tests.ocpp.conftest import until
from tests.rules.metered import normalise

BEGAN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
RECEIVED = BEGAN + timedelta(hours=2)
#: No rise in a quarter of an hour is more than a connector may give.
STEP = timedelta(minutes=15)
#: No batch is written while this is held, which must be shorter than ingest's lock_timeout.
HOLD_UP = "lock table reading in exclusive mode"


class Topics(set[str]):
    def told(self, *names: str) -> None:
        self.update(names)


@asynccontextmanager
async def ingesting(database_url: str, topics: Topics | None = None) -> AsyncIterator[Ingest]:
    ingest = Ingest(database_url, (topics if topics is not None else Topics()).told)
    task = asyncio.create_task(ingest.run())
    try:
        yield ingest
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def begin(
    pool: Pool, station_id: int, transaction_id: str = "T1", *, evse: int = 1
) -> Session:
    async with pool.acquire() as conn, conn.transaction():
        return await charging.open_session(
            conn,
            set(),
            session_id=await sessions.next_number(conn),
            station_id=station_id,
            family="v2",
            transaction_id=transaction_id,
            evse=evse,
            connector=1,
            started_at=BEGAN,
            received_at=BEGAN,
            id_token="ADA-1",
            account_id=None,
            authorization_status="Accepted",
            meter_start_wh=0,
            flags=[],
        )


def measured(place: int, register_wh: int, flags: str = "") -> Measured:
    """The reading of a session's `place`; the same place and register are the same reading."""
    samples = [normalise(register_wh)]
    at = RECEIVED if "clock_unset" in flags else BEGAN + place * STEP
    fingerprint = place.to_bytes(8, "big") + register_wh.to_bytes(8, "big")
    return Measured(
        at,
        None,
        fingerprint,
        encode_samples(samples),
        figures(samples),
        flags,
    )


def item(station_id: int, *points: Measured, tx: str | None = "T1", **more: Any) -> Item:
    made = Item(station_id, "v2", RECEIVED, transaction_id=tx, needs_session=tx is not None)
    made.measured = list(points)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def message(number: int, action: str | None = "Heartbeat") -> Message:
    return Message(1, RECEIVED, False, f"m{number}", action, b"[]", b"[]", 1)


async def kept(pool: Pool) -> int:
    count: int = await pool.fetchval("select count(*) from reading")
    return count


async def energies(pool: Pool) -> tuple[Any, Any]:
    """The sum of the running sessions, and that of the hours."""
    return (
        await pool.fetchval("select coalesce(sum(energy_wh), 0) from session_live"),
        await pool.fetchval("select coalesce(sum(energy_wh), 0) from energy_hourly"),
    )


async def until_waiting(pool: Pool, count: int = 1) -> None:
    """Until so many connections wait for a lock."""

    async def are_waiting() -> bool:
        found = await pool.fetchval(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """
        )
        return bool(found >= count)

    await until(are_waiting)

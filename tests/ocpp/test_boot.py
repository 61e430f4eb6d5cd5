"""Reliability C18: a box that was exchanged, and who holds what while it says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from db import admin_chargers
from db.rows import Pool
from tests.ocpp.conftest import until
from tests.wire import add_station, charger, csms

START = {
    "connectorId": 1,
    "idTag": "ADA-1",
    "meterStart": 1000,
    "timestamp": "2026-05-01T09:00:00Z",
}


def boot(serial_number: str) -> dict[str, str]:
    return {
        "chargePointVendor": "Acme",
        "chargePointModel": "One",
        "chargePointSerialNumber": serial_number,
    }


async def test_a_boot_holds_the_row_of_its_station_while_it_waits_for_no_other(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    """Ingest writes a session's figures, then the status of the box: else they would deadlock."""
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path, hold_s=60) as server, charger(server.url, "CP-1") as cp:
        await cp.call("BootNotification", boot("S-1"))
        await cp.call("StartTransaction", START)
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("select from session_live for update")
            exchanged = asyncio.create_task(cp.call("BootNotification", boot("S-2")))

            async def waits() -> bool:
                return bool(
                    await pool.fetchval(
                        """
                        select count(*) from pg_stat_activity
                        where datname = current_database() and wait_event_type = 'Lock'
                        """
                    )
                )

            await until(waits)
            assert await conn.fetch("select from station for no key update nowait")
        assert (await exchanged)["status"] == "Accepted"
    row = await pool.fetchrow("select * from charging_session")
    assert row is not None
    assert row["is_finalized"]
    assert "charger_replaced" in row["flags"]
    assert await pool.fetchval("select serial_number from station") == "S-2"


async def test_a_box_that_boots_again_and_again_is_answered_as_ever_and_told_of(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    async def boots_lately() -> int | None:
        async with pool.acquire() as conn:
            row = await admin_chargers.find(conn, "CP-1", zone="UTC")
        assert row is not None
        return row.boots_lately

    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        for times in range(1, 7):
            async with charger(server.url, "CP-1") as cp:
                assert (await cp.call("BootNotification", boot("S-1")))["status"] == "Accepted"
                assert "currentTime" in await cp.call("Heartbeat", {})
            assert await boots_lately() == (times if times >= 5 else None)
    # None of it is asked of the box: who boots in a loop is not kept busy beside it.
    assert await pool.fetchval("select count(*) from command") == 0

    await pool.execute("update station set boots_since = boots_since - interval '61 minutes'")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        await cp.call("BootNotification", boot("S-1"))
    assert await boots_lately() is None

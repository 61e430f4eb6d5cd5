"""How chargers of the field name themselves, and change their minds about the version."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from db.rows import Pool
from tests.wire import Charger, add_station, basic, charger, csms

START = {
    "connectorId": 1,
    "idTag": "ADA-1",
    "meterStart": 1000,
    "timestamp": "2026-05-01T09:00:00Z",
}
BOOT_2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Two"}}
EVENT = {
    "eventType": "Started",
    "timestamp": "2026-05-01T10:00:00Z",
    "triggerReason": "CablePluggedIn",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "tx-1"},
    "evse": {"id": 1, "connectorId": 1},
}


@pytest.mark.parametrize(("identity", "said"), [("RDAM|123", "RDAM%7C123"), ("A B", "A%20B")])
async def test_an_identity_is_encoded_in_the_path_and_plain_in_the_credential(
    database_url: str, tmp_path: Path, identity: str, said: str
) -> None:
    await add_station(database_url, identity)
    async with (
        csms(database_url, tmp_path) as server,
        connect(
            f"{server.url}/{said}",
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers=basic(identity),
        ) as socket,
    ):
        assert "currentTime" in await Charger(socket).call("Heartbeat", {})


async def test_each_connection_of_a_station_speaks_the_version_that_it_chose(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    """A short try in 1.6 right before one in 2.0.1, and a change of mind."""
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        async with charger(server.url, "CP-1", "1.6") as cp:
            assert "currentTime" in await cp.call("Heartbeat", {})
        async with charger(server.url, "CP-1", "2.0.1") as cp:
            assert (await cp.call("BootNotification", BOOT_2))["status"] == "Accepted"
            assert await cp.call("TransactionEvent", EVENT) == {}
            # What only the other version knows is no action of this one.
            assert (await cp.call("StartTransaction", START))[2] == "NotImplemented"
            async with charger(server.url, "CP-1", "1.6") as again:
                assert "transactionId" in await again.call("StartTransaction", START)

    families = await pool.fetch("select family from charging_session order by id")
    assert [row["family"] for row in families] == ["v2", "v16"]

"""Who may say what before it is accepted (decision 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from csms.say import Version
from db.model.stations import Registration
from db.rows import Pool
from tests.catalogue.marks import row
from tests.wire import Charger, add_station, charger, csms

NOT_YET: list[Registration] = ["Pending", "Rejected"]
FAMILY_2: list[Version] = ["2.0.1", "2.1"]
BOOT_16 = {"chargePointVendor": "Acme", "chargePointModel": "One"}
BOOT_2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Two"}}
START = {
    "connectorId": 1,
    "idTag": "ADA-1",
    "meterStart": 1000,
    "timestamp": "2026-05-01T09:00:00Z",
}
OTHERS_16: dict[str, Any] = {
    "Heartbeat": {},
    "Authorize": {"idTag": "ADA-1"},
    "DataTransfer": {"vendorId": "x"},
    "StatusNotification": {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
    "FirmwareStatusNotification": {"status": "Idle"},
}
OTHERS_2: dict[str, Any] = {
    "Heartbeat": {},
    "Authorize": {"idToken": {"idToken": "ADA-1", "type": "ISO14443"}},
    "DataTransfer": {"vendorId": "x"},
    "StatusNotification": {
        "timestamp": "2026-05-01T09:00:00Z",
        "connectorStatus": "Available",
        "evseId": 1,
        "connectorId": 1,
    },
    "NotifyReport": {"requestId": 1, "generatedAt": "2026-05-01T09:00:00Z", "seqNo": 0},
}


def event(kind: str, seq_no: int, register_wh: int, minute: int) -> dict[str, Any]:
    at = f"2026-05-01T09:{minute:02d}:00Z"
    return {
        "eventType": kind,
        "timestamp": at,
        "triggerReason": "CablePluggedIn",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "tx-1"},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": at, "sampledValue": [{"value": register_wh}]}],
    }


def values(number: int | None = None) -> dict[str, Any]:
    value = {"timestamp": "2026-05-01T09:30:00Z", "sampledValue": [{"value": "2500"}]}
    said = {"connectorId": 1, "meterValue": [value]}
    return said if number is None else said | {"transactionId": number}


async def refused(cp: Charger, others: dict[str, Any], why: str) -> None:
    for action, payload in others.items():
        answer = await cp.call(action, payload)
        assert isinstance(answer, list), (action, answer)
        assert (answer[0], answer[2]) == (4, "SecurityError"), (action, answer)
        assert why in answer[3]


async def the_session(pool: Pool) -> Any:
    (row,) = await pool.fetch("select * from charging_session")
    return row


@row("D-R41")
@pytest.mark.parametrize("registration", NOT_YET)
async def test_1_6_before_it_is_accepted_may_boot_and_report_what_it_charged(
    database_url: str, pool: Pool, tmp_path: Path, registration: Registration
) -> None:
    await add_station(database_url, "CP-1", registration=registration)
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        booted = await cp.call("BootNotification", BOOT_16)
        assert booted["status"] == registration
        assert 1 <= booted["interval"] <= 120
        await refused(cp, OTHERS_16, registration)

        number = (await cp.call("StartTransaction", START))["transactionId"]
        assert await cp.call("MeterValues", values(number)) == {}
        stop = {"transactionId": number, "meterStop": 3500, "timestamp": "2026-05-01T10:00:00Z"}
        assert await cp.call("StopTransaction", stop) == {}
        await refused(cp, OTHERS_16, registration)

    session = await the_session(pool)
    assert session["id"] == number
    assert session["energy_wh"] == 2500
    assert "unregistered" in session["flags"]
    assert await pool.fetchval("select count(*) from reading") == 1
    # What was refused left nothing.
    assert await pool.fetchval("select count(*) from connector") == 0
    assert await pool.fetchval("select count(*) from station_job") == 0


@row("D-R41")
@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize("registration", NOT_YET)
async def test_2_x_before_it_is_accepted_may_boot_and_report_what_it_charged(
    database_url: str, pool: Pool, tmp_path: Path, registration: Registration, version: Version
) -> None:
    await add_station(database_url, "CP-1", registration=registration)
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1", version) as cp:
        assert (await cp.call("BootNotification", BOOT_2))["status"] == registration
        await refused(cp, OTHERS_2, registration)

        assert await cp.call("TransactionEvent", event("Started", 0, 1000, 0)) == {}
        assert await cp.call("TransactionEvent", event("Updated", 1, 2000, 10)) == {}
        ended = event("Ended", 2, 3500, 20)
        assert await cp.call("TransactionEvent", ended) == {}
        await refused(cp, OTHERS_2, registration)

    session = await the_session(pool)
    assert (session["transaction_id"], session["energy_wh"]) == ("tx-1", 2500)
    assert "unregistered" in session["flags"]


@row("D-R40")
@pytest.mark.parametrize("version", FAMILY_2)
async def test_2_x_before_its_first_boot_may_report_transactions_only(
    database_url: str, pool: Pool, tmp_path: Path, version: Version
) -> None:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1", version) as cp:
        await refused(cp, OTHERS_2, "a BootNotification comes first")
        assert await cp.call("TransactionEvent", event("Started", 0, 1000, 0)) == {}

        assert (await cp.call("BootNotification", BOOT_2))["status"] == "Accepted"
        assert "currentTime" in await cp.call("Heartbeat", {})
    assert (await the_session(pool))["flags"] == []


@row("D-R40")
async def test_2_x_that_booted_once_need_not_boot_again_on_a_new_socket(
    database_url: str, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        async with charger(server.url, "CP-1", "2.0.1") as cp:
            await cp.call("BootNotification", BOOT_2)
        async with charger(server.url, "CP-1", "2.0.1") as cp:
            assert "currentTime" in await cp.call("Heartbeat", {})


@row("D-R40")
async def test_1_6_needs_no_boot(database_url: str, tmp_path: Path) -> None:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        assert "currentTime" in await cp.call("Heartbeat", {})


@row("D-R41")
@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize("registration", NOT_YET)
async def test_a_strict_2_x_station_reports_nothing_before_it_is_accepted(
    database_url: str, pool: Pool, tmp_path: Path, version: Version, registration: Registration
) -> None:
    await add_station(database_url, "CP-1", registration=registration)
    await pool.execute("update station set strict = true")
    others = OTHERS_2 | {"TransactionEvent": event("Started", 0, 1000, 0)}
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1", version) as cp:
        await cp.call("BootNotification", BOOT_2)
        await refused(cp, others, registration)

    assert await pool.fetchval("select count(*) from charging_session") == 0


async def test_a_strict_1_6_station_still_reports_what_it_charged(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1", registration="Pending")
    await pool.execute("update station set strict = true")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        assert "transactionId" in await cp.call("StartTransaction", START)
    assert "unregistered" in (await the_session(pool))["flags"]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_what_a_station_is_told_at_its_boot_holds_from_then_on(
    database_url: str, pool: Pool, tmp_path: Path, version: Version
) -> None:
    """An operator accepts it, or sends it away, while it is connected; it boots as it was told."""
    await add_station(database_url, "CP-1", registration="Pending")
    boot = BOOT_16 if version == "1.6" else BOOT_2
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1", version) as cp:
        assert (await cp.call("BootNotification", boot))["status"] == "Pending"
        await refused(cp, {"Heartbeat": {}}, "Pending")
        await pool.execute("update station set registration = 'Accepted'")

        assert (await cp.call("BootNotification", boot))["status"] == "Accepted"
        assert "currentTime" in await cp.call("Heartbeat", {})
        if version == "1.6":
            await cp.call("StartTransaction", START)
        else:
            await cp.call("TransactionEvent", event("Started", 0, 1000, 0))

        await pool.execute("update station set registration = 'Rejected'")
        assert (await cp.call("BootNotification", boot))["status"] == "Rejected"
        await refused(cp, {"Heartbeat": {}}, "Rejected")
    assert "unregistered" not in (await the_session(pool))["flags"]


async def test_an_unknown_station_is_let_in_as_pending_when_the_setting_says_so(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with (
        csms(database_url, tmp_path, unknown_stations="pending") as server,
        charger(server.url, "CP-9", key=None) as cp,
    ):
        assert (await cp.call("BootNotification", BOOT_16))["status"] == "Pending"
        await refused(cp, {"Heartbeat": {}}, "Pending")

    assert await pool.fetchval("select registration from station where identity = 'CP-9'") == (
        "Pending"
    )

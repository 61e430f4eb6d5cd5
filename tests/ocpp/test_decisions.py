"""Requests whose answer carries a decision: each kept, and answered with the no that there is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from csms import say
from db.rows import Pool
from tests.wire import Charger, Csms, add_station, charger, csms

BOOT = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "aa",
    "issuerKeyHash": "bb",
    "serialNumber": "01",
}
NOT_HERE = "UnsupportedRequest"


def info(code: str, words: str) -> Any:
    return {"reasonCode": code, "additionalInfo": words}


# Action, what is asked, since which version, what is answered.
ASKED: list[tuple[str, Any, str, Any]] = [
    (
        "Get15118EVCertificate",
        {"iso15118SchemaVersion": "urn:x", "action": "Install", "exiRequest": "A" * 5_600},
        "2.0.1",
        {
            "status": "Failed",
            "exiResponse": "",
            "statusInfo": info(NOT_HERE, "no contract certificates are kept here"),
        },
    ),
    (
        "GetCertificateStatus",
        {"ocspRequestData": {**HASHES, "responderURL": "http://127.0.0.1:1/"}},
        "2.0.1",
        {
            "status": "Failed",
            "statusInfo": info(NOT_HERE, "certificates are not checked here yet"),
        },
    ),
    (
        "GetCertificateChainStatus",
        {
            "certificateStatusRequests": [
                {"source": "OCSP", "urls": ["http://a/"], "certificateHashData": HASHES},
                {"source": "CRL", "urls": ["http://b/"], "certificateHashData": HASHES},
            ]
        },
        "2.1",
        {
            "certificateStatus": [
                {
                    "certificateHashData": HASHES,
                    "source": source,
                    "status": "Failed",
                    "nextUpdate": "…",
                }
                for source in ("OCSP", "CRL")
            ]
        },
    ),
    (
        "VatNumberValidation",
        {"vatNumber": "NL1234", "evseId": 1},
        "2.1",
        {
            "vatNumber": "NL1234",
            "evseId": 1,
            "status": "Rejected",
            "statusInfo": info(NOT_HERE, "VAT numbers are not checked here yet"),
        },
    ),
    (
        "PullDynamicScheduleUpdate",
        {"chargingProfileId": 4},
        "2.1",
        {
            "status": "Rejected",
            "statusInfo": info("InvalidProfileId", "no such dynamic profile was given out here"),
        },
    ),
]


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Csms]:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        yield server


async def checked(station: Charger, version: str, action: str, payload: Any) -> Any:
    """The answer, which fits the official schema."""
    answer = await station.call(action, payload)
    assert isinstance(answer, dict), answer
    assert say.violation(version, action, answer, is_answer=True) is None
    return answer


async def test_what_nobody_decides_is_kept_with_the_no_that_it_got(
    server: Csms, pool: Pool
) -> None:
    for version in ("2.0.1", "2.1"):
        await pool.execute("delete from station_request")
        mine = [row for row in ASKED if row[2] <= version]
        async with charger(server.url, "CP-1", version) as station:
            await station.call("BootNotification", BOOT)
            for action, payload, _, wanted in mine:
                answer = await checked(station, version, action, payload)
                for each in answer.get("certificateStatus", ()):
                    each["nextUpdate"] = "…"
                assert answer == wanted

        rows = await pool.fetch("select * from station_request order by id")
        assert [row["action"] for row in rows] == [row[0] for row in mine]
        assert [json.loads(row["payload"]) for row in rows] == [row[1] for row in mine]
        assert [json.loads(row["answer"]).keys() for row in rows] == [row[3].keys() for row in mine]


async def test_in_2_0_1_what_2_1_added_is_not_known(server: Csms) -> None:
    async with charger(server.url, "CP-1", "2.0.1") as station:
        await station.call("BootNotification", BOOT)
        for action, payload, since, _ in ASKED:
            if since == "2.1":
                assert (await station.call(action, payload))[2] == "NotImplemented"


EVENT = {
    "eventType": "Started",
    "timestamp": "2026-05-01T09:00:00Z",
    "triggerReason": "CablePluggedIn",
    "seqNo": 0,
    "evse": {"id": 1, "connectorId": 1},
    "transactionInfo": {"transactionId": "tx-1"},
}
DC = {"evMaxCurrent": 200, "evMaxVoltage": 400, "energyAmount": 30_000}
NEEDS = {
    "requestedEnergyTransfer": "DC",
    "departureTime": "2026-05-01T17:00:00Z",
    "dcChargingParameters": DC,
}
SCHEDULE = {
    "timeBase": "2026-05-01T09:05:00Z",
    "evseId": 1,
    "chargingSchedule": {
        "id": 1,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11_000}],
    },
}


async def test_a_vehicles_needs_and_schedule_are_kept_with_their_session(
    server: Csms, pool: Pool
) -> None:
    for version, status in (("2.0.1", "Rejected"), ("2.1", "NoChargingProfile")):
        await pool.execute("delete from charging_need")
        asked = {"evseId": 1, "chargingNeeds": NEEDS}
        async with charger(server.url, "CP-1", version) as station:
            await station.call("BootNotification", BOOT)
            await station.call("TransactionEvent", EVENT)
            needs = await checked(station, version, "NotifyEVChargingNeeds", asked)
            schedule = await checked(station, version, "NotifyEVChargingSchedule", SCHEDULE)
            await checked(station, version, "NotifyEVChargingNeeds", asked | {"evseId": 2})

        why = info("NotEnabled", "no charging schedules are made here yet")
        assert needs == {"status": status, "statusInfo": why}
        assert schedule == {"status": "Accepted"}
        session = await pool.fetchval("select id from charging_session")
        first, second, third = await pool.fetch("select * from charging_need order by id")
        assert (first["kind"], first["evse"], first["session_id"]) == ("needs", 1, session)
        assert (first["energy_transfer"], first["energy_wh"]) == ("DC", 30_000)
        assert first["departure_at"].isoformat() == "2026-05-01T17:00:00+00:00"
        assert (first["answered"], json.loads(first["payload"])) == (status, asked)
        assert (second["kind"], second["session_id"]) == ("schedule", session)
        assert second["at"].isoformat() == "2026-05-01T09:05:00+00:00"
        assert (third["evse"], third["session_id"]) == (2, None)


async def test_p44_a_vehicle_stands_at_no_evse_0(server: Csms, pool: Pool) -> None:
    async with charger(server.url, "CP-1", "2.1") as station:
        await station.call("BootNotification", BOOT)
        for evse in (0, -1, 2**31, 2**63, 10**20):
            for action, payload in (
                ("NotifyEVChargingNeeds", {"evseId": evse, "chargingNeeds": NEEDS}),
                ("NotifyEVChargingSchedule", SCHEDULE | {"evseId": evse}),
            ):
                answer = await station.call(action, payload)
                assert answer[2] == "PropertyConstraintViolation"

    assert await pool.fetchval("select count(*) from charging_need") == 0


async def test_extreme_figures_of_a_need_are_kept_as_they_came(server: Csms, pool: Pool) -> None:
    async with charger(server.url, "CP-1", "2.1") as station:
        await station.call("BootNotification", BOOT)
        for amount in (-1, 2**63, 1e20, 1.5, 1e300):
            needs = NEEDS | {
                "departureTime": "\x00 never",
                "dcChargingParameters": DC | {"energyAmount": amount},
            }
            answer = await checked(
                station, "2.1", "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs}
            )
            assert answer["status"] == "NoChargingProfile"

    rows = await pool.fetch("select energy_wh, departure_at from charging_need order by id")
    assert [tuple(row) for row in rows] == [
        (-1, None),
        (None, None),
        (None, None),
        (2, None),
        (None, None),
    ]

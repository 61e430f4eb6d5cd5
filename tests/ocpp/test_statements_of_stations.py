"""What stations state of limits, profiles, swaps, payments, screens: each once, and the latest."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db.rows import Pool
from tests.ocpp.reporting import AT, reporter, rows

PERIOD = {"startPeriod": 0, "limit": 16.0}
SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [PERIOD]}
PROFILE = {
    "id": 4,
    "stackLevel": 2,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Absolute",
    "transactionId": "tx-1",
    "validFrom": "2026-05-01T09:00:00+02:00",
    "chargingSchedule": [SCHEDULE],
}
MESSAGE = {"id": 3, "priority": "InFront", "message": {"format": "UTF8", "content": "Hello\x00"}}
CURVE = {"curveData": [{"x": 1.0, "y": 2.0}], "priority": 1, "yUnit": "PctMaxW"}
DER = {
    "requestId": 5,
    "curve": [
        {
            "id": "c-1",
            "curve": CURVE,
            "curveType": "VoltVar",
            "isDefault": True,
            "isSuperseded": False,
        }
    ],
    "gradient": [{"id": "g-1", "gradient": {"priority": 0, "gradient": 1, "softGradient": 2}}],
}
SWAP = {
    "requestId": 12,
    "eventType": "BatteryIn",
    "idToken": {"idToken": "ADA-1", "type": "ISO14443"},
    "batteryData": [{"evseId": 3, "serialNumber": "B-9", "soC": 12.5, "soH": 98}],
}
SETTLED = {
    "pspRef": "psp-1",
    "status": "Settled",
    "settlementAmount": 12.34,
    "settlementTime": AT,
    "transactionId": "tx-1",
    "receiptId": "R1",
}


async def facts(pool: Pool) -> list[tuple[str, str, str, Any]]:
    """(kind, subject, state, facts) of each that is the latest."""
    return [
        (row["kind"], row["subject"], row["state"], json.loads(row["facts"]))
        for row in await rows(pool, "station_statement")
        if row["is_latest"]
    ]


@pytest.mark.parametrize(
    ("version", "action", "said", "kept"),
    [
        (
            "2.0.1",
            "NotifyChargingLimit",
            {
                "chargingLimit": {"chargingLimitSource": "SO", "isGridCritical": True},
                "chargingSchedule": [SCHEDULE],
                "evseId": 2,
            },
            [
                (
                    "charging_limit",
                    "SO, EVSE 2",
                    "set",
                    {"source": "SO", "is_grid_critical": True, "schedules": [SCHEDULE]},
                )
            ],
        ),
        (
            "2.1",
            "ClearedChargingLimit",
            {"chargingLimitSource": "our own"},
            [("charging_limit", "our own, station", "cleared", {"source": "our own"})],
        ),
        (
            "2.0.1",
            "ReportChargingProfiles",
            {
                "requestId": 1,
                "chargingLimitSource": "CSO",
                "evseId": 1,
                "chargingProfile": [PROFILE],
            },
            [
                (
                    "charging_profile",
                    "4",
                    "reported",
                    {
                        "profile_id": 4,
                        "source": "CSO",
                        "stack_level": 2,
                        "purpose": "TxProfile",
                        "kind": "Absolute",
                        "valid_from": "2026-05-01T07:00:00Z",
                        "schedules": [SCHEDULE],
                    },
                )
            ],
        ),
        (
            "2.1",
            "NotifyPriorityCharging",
            {"transactionId": "tx-1", "activated": True},
            [("priority_charging", "tx-1", "on", {})],
        ),
        (
            "2.0.1",
            "NotifyDisplayMessages",
            {"requestId": 2, "messageInfo": [MESSAGE]},
            [
                (
                    "display_message",
                    "3",
                    "reported",
                    {
                        "message_id": 3,
                        "priority": "InFront",
                        "format": "UTF8",
                        "content": "Hello\x00",
                    },
                )
            ],
        ),
        (
            "2.1",
            "NotifyDERStartStop",
            {"controlId": "c-1", "started": False, "timestamp": AT, "supersededIds": ["g-1"]},
            [
                (
                    "der_activity",
                    "c-1",
                    "ended",
                    {"control_id": "c-1", "superseded_ids": ["g-1"]},
                )
            ],
        ),
        (
            "2.1",
            "ReportDERControl",
            DER,
            [
                (
                    "der_control",
                    "c-1",
                    "default",
                    {
                        "control_id": "c-1",
                        "type": "curve",
                        "curve_type": "VoltVar",
                        "is_default": True,
                        "settings": CURVE,
                    },
                ),
                (
                    "der_control",
                    "g-1",
                    "scheduled",
                    {
                        "control_id": "g-1",
                        "type": "gradient",
                        "settings": {"priority": 0, "gradient": 1, "softGradient": 2},
                    },
                ),
            ],
        ),
        (
            "2.1",
            "BatterySwap",
            SWAP,
            [
                (
                    "battery_swap",
                    "12",
                    "in",
                    {
                        "request_id": 12,
                        "id_token": "ADA-1",
                        "id_token_type": "ISO14443",
                        "batteries": [
                            {
                                "evse": 3,
                                "serial_number": "B-9",
                                "soc_pct": 12.5,
                                "soh_pct": 98,
                                "produced_at": None,
                                "vendor_info": None,
                            }
                        ],
                    },
                )
            ],
        ),
        (
            "2.1",
            "NotifySettlement",
            SETTLED,
            [
                (
                    "settlement",
                    "psp-1",
                    "settled",
                    {"psp_ref": "psp-1", "amount": 12.34, "receipt_id": "R1"},
                )
            ],
        ),
        (
            "2.1",
            "ReservationStatusUpdate",
            {"reservationId": 77, "reservationUpdateStatus": "NoTransaction"},
            [("reservation", "77", "no_transaction", {})],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_each_statement_has_a_home_and_a_repeat_is_no_news(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    version: str,
    action: str,
    said: dict[str, Any],
    kept: list[tuple[str, str, str, Any]],
) -> None:
    async with reporter(database_url, tmp_path, version) as cp:
        for _ in range(2):
            assert await cp.call(action, said) == {}
        assert await facts(pool) == kept
        assert len(await rows(pool, "station_statement")) == len(kept)


async def test_the_latest_of_each_thing_stands_and_what_was_before_is_kept(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    set_ = {"chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": False}}
    async with reporter(database_url, tmp_path, "2.1") as cp:
        for action, said in (
            ("NotifyChargingLimit", set_),
            ("ClearedChargingLimit", {"chargingLimitSource": "EMS"}),
            ("NotifyChargingLimit", set_),  # the same as the first, and news
            ("NotifyChargingLimit", set_ | {"evseId": 1}),
        ):
            assert await cp.call(action, said) == {}

    found = await rows(pool, "station_statement")
    assert [(row["subject"], row["state"], row["is_latest"]) for row in found] == [
        ("EMS, station", "set", False),
        ("EMS, station", "cleared", False),
        ("EMS, station", "set", True),
        ("EMS, EVSE 1", "set", True),
    ]


async def test_a_statement_of_a_session_is_linked_to_it(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    started = {
        "eventType": "Started",
        "timestamp": AT,
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "tx-1"},
    }
    async with reporter(database_url, tmp_path, "2.1") as cp:
        await cp.call("TransactionEvent", started)
        assert await cp.call("NotifySettlement", SETTLED) == {}

    (row,) = await rows(pool, "station_statement")
    assert row["session_id"] == await pool.fetchval("select id from charging_session")
    assert (row["transaction_id"], row["at"].isoformat()) == ("tx-1", "2026-05-01T09:00:00+00:00")


async def test_a_thousand_profiles_come_in_one_report_of_many_parts(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    about = {"requestId": 1, "chargingLimitSource": "CSO", "evseId": 1}
    async with reporter(database_url, tmp_path) as cp:
        for first in (0, 500):
            profiles = [PROFILE | {"id": first + number} for number in range(500)]
            said = about | {"chargingProfile": profiles, "tbc": first == 0}
            assert await cp.call("ReportChargingProfiles", said) == {}

    assert len(await rows(pool, "station_statement")) == 1_000
    (report,) = await rows(pool, "report")
    assert (report["kind"], report["state"], report["parts"], report["items"]) == (
        "charging_profiles",
        "complete",
        2,
        1_000,
    )


async def test_what_a_station_holds_of_a_customer_is_put_together_and_stays_in_one_place(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    about = {"requestId": 1, "generatedAt": AT}
    async with reporter(database_url, tmp_path) as cp:
        for seq_no, data, tbc in ((1, "Ada Lovelace", True), (2, ".", False), (0, "Name: ", True)):
            said = about | {"seqNo": seq_no, "data": data, "tbc": tbc}
            assert await cp.call("NotifyCustomerInformation", said) == {}

    (report,) = await rows(pool, "report")
    assert (report["kind"], report["state"]) == ("customer_information", "complete")
    told = await pool.fetchval("select string_agg(body, '' order by seq_no) from report_part")
    assert told == "Name: Ada Lovelace."
    logged = await pool.fetch("select body from message where action = 'NotifyCustomerInformation'")
    assert {row["body"] for row in logged} == {b'{"masked":true}'}


@pytest.mark.parametrize(
    ("word", "starts", "ends", "becomes"),
    [
        ("Expired", -1, 1, "completed"),
        ("Removed", -1, 1, "cancelled"),
        ("Removed", 1, 2, "confirmed"),  # of one to come no station knows
        ("Removed", -2, -1, "confirmed"),
        ("Expired", -2, -1, "completed"),  # its time is over, so it says so now
        ("Expired", -50, -49, "confirmed"),  # nobody waits for news of it
    ],
)
async def test_a_reservation_that_its_station_let_go_is_over(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    word: str,
    starts: int,
    ends: int,
    becomes: str,
) -> None:
    async with reporter(database_url, tmp_path) as cp:
        await pool.execute("insert into station (identity, public_id) values ('CP-2', 'AAAAAAA2')")
        ada = await pool.fetchval("insert into account (email) values ('ada@x') returning id")
        ids = [
            await pool.fetchval(
                """
                insert into reservation (station_id, account_id, starts_at, ends_at)
                select id, $2, now() + $3, now() + $4 from station where identity = $1
                returning id
                """,
                identity,
                ada,
                timedelta(hours=starts),
                timedelta(hours=ends),
            )
            for identity in ("CP-1", "CP-2")
        ]
        for number in (*ids, 0, -1, 2**62):
            said = {"reservationId": number, "reservationUpdateStatus": word}
            assert await cp.call("ReservationStatusUpdate", said) == {}

    found = await pool.fetch("select status from reservation order by id")
    assert [row["status"] for row in found] == [becomes, "confirmed"]

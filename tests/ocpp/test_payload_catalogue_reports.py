"""Reliability D-P46 to P53: what only reports is answered, and kept, whatever it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.catalogue.marks import by_row, row
from tests.ocpp.conftest import until
from tests.ocpp.payloads import AT, Told, check_both
from tests.ocpp.yard import FAMILY_2, PROPERTY, VERSIONS, Cp, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


def told(name: str, version: str, action: str, payload: Any, strict: str | None = None) -> Told:
    return Told(f"{name} {action} {version}", version, action, payload, strict)


PROGRESS = {
    "1.6": [
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "SignedFirmwareStatusNotification",
    ],
    "2.0.1": [
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "PublishFirmwareStatusNotification",
    ],
}
PROGRESS["2.1"] = PROGRESS["2.0.1"]


def event(number: int) -> dict[str, Any]:
    return {
        "eventId": number,
        "timestamp": AT,
        "trigger": "Delta",
        "actualValue": "1",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "EVSE"},
        "variable": {"name": "Power"},
    }


def events(count: int) -> dict[str, Any]:
    return {"generatedAt": AT, "seqNo": 0, "eventData": [event(number) for number in range(count)]}


GHOSTS = {"type": "Ghosts", "timestamp": AT}
REPORTS = [
    *[
        told("P48 unknown status", v, action, {"status": "Bored"}, PROPERTY)
        for v in VERSIONS
        for action in PROGRESS[v]
    ],
    *[
        told("P48 unknown request", v, action, {"status": "Idle", "requestId": 4711})
        for v in FAMILY_2
        for action in ("FirmwareStatusNotification", "LogStatusNotification")
    ],
    *[
        told("P49 unknown type", v, "SecurityEventNotification", GHOSTS)
        for v in VERSIONS
    ],
    *[
        told(
            "P49 10 kB",
            v,
            "SecurityEventNotification",
            GHOSTS | {"techInfo": "x" * 10_000},
            PROPERTY,
        )
        for v in VERSIONS
    ],
    *[told("P52 1,000", v, "NotifyEvent", events(1_000)) for v in FAMILY_2],
    *[
        told(
            "P53 unknown",
            v,
            "ReservationStatusUpdate",
            {"reservationId": 4711, "reservationUpdateStatus": "Expired"},
        )
        for v in FAMILY_2
    ],
]  # fmt: skip


@pytest.mark.parametrize("case", by_row(REPORTS))
async def test_a_report_is_answered_unless_the_station_is_strict_and_it_is_wrong(
    yard: Yard, case: Told
) -> None:
    await check_both(yard, case, None)


def report(request_id: int, seq_no: int, *, tbc: bool) -> dict[str, Any]:
    return {
        "requestId": request_id,
        "generatedAt": AT,
        "seqNo": seq_no,
        "tbc": tbc,
        "reportData": [
            {
                "component": {"name": "EVSE"},
                "variable": {"name": "Power"},
                "variableAttribute": [{"value": str(seq_no)}],
            }
        ],
    }


PARTS = [
    ("out of order", [(2, False), (0, True), (1, True)]),
    ("without an end", [(0, True), (1, True)]),
    ("repeated", [(0, True), (0, True), (1, False), (1, False)]),
    ("with gaps", [(0, True), (7, False)]),
]


@row("D-P51")
@pytest.mark.parametrize(("name", "parts"), PARTS, ids=[name for name, _ in PARTS])
@pytest.mark.parametrize("version", FAMILY_2)
async def test_every_part_of_a_report_that_nobody_asked_for_is_answered(
    yard: Yard, version: str, name: str, parts: list[tuple[int, bool]]
) -> None:
    for is_strict in (False, True):
        async with yard.station(version, strict=is_strict) as cp:
            for seq_no, tbc in parts:
                assert (await cp.says("NotifyReport", report(4711, seq_no, tbc=tbc)))[2] == {}


DATA = [
    ("vendor", {"vendorId": "Nobody"}, "UnknownVendorId"),
    ("message", {"vendorId": "Nobody", "messageId": "What"}, "UnknownVendorId"),
    ("data", {"vendorId": "Nobody", "data": '{"a":[1]}'}, "UnknownVendorId"),
]


@row("D-P46")
@pytest.mark.parametrize(("name", "payload", "status"), DATA, ids=[name for name, *_ in DATA])
@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_data_of_an_unknown_vendor_is_told_so(
    yard: Yard, version: str, is_strict: bool, name: str, payload: dict[str, Any], status: str
) -> None:
    async with yard.station(version, strict=is_strict) as cp:
        assert (await cp.says("DataTransfer", payload))[2] == {"status": status}


HUGE: list[tuple[str, Any]] = [
    ("text", "x" * 900_000),
    ("JSON in a text", json.dumps([{"a": "\x00\x7f\u00e9"}] * 20_000)),
    ("brackets in a text", "[" * 900_000),
]


@row("D-P47")
@pytest.mark.parametrize(("name", "data"), HUGE, ids=[name for name, _ in HUGE])
@pytest.mark.parametrize("version", VERSIONS)
async def test_data_of_900_kb_is_answered_and_logged_in_part(
    yard: Yard, version: str, name: str, data: str
) -> None:
    async with yard.station(version) as cp:
        answer = await cp.says("DataTransfer", {"vendorId": "Nobody", "data": data})
        await is_logged(cp)

    assert answer[2] == {"status": "UnknownVendorId"}


async def is_logged(cp: Cp) -> None:
    async def length() -> int | None:
        found = await cp.pool.fetchval(
            "select length(body) from message where station_id = $1 and action = 'DataTransfer'",
            cp.station_id,
        )
        return None if found is None else int(found)

    await until(length)
    assert await length() == 64 * 1024

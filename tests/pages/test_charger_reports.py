"""The page of a charger that told everything: in order on a phone and on a desk, and live."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.ocpp.test_commands import ready
from tests.pages.conftest import ADMIN, Site
from tests.pages.test_look import look, looked_at
from tests.wire import Charger

AT = "2026-05-01T09:00:00Z"
LONG = "x" * 400
PAGE = "/admin/chargers/CP-1"


def told(component: str, name: str, value: str, **place: Any) -> dict[str, Any]:
    return {
        "component": {"name": component} | place,
        "variable": {"name": name},
        "variableAttribute": [{"value": value}],
        "variableCharacteristics": {
            "dataType": "decimal",
            "unit": "W",
            "supportsMonitoring": False,
        },
    }


async def tell(cp: Charger, type_: str, info: str) -> None:
    said = {"type": type_, "timestamp": AT, "techInfo": info}
    assert await cp.call("SecurityEventNotification", said) == {}


async def test_what_a_charger_told_is_in_order_on_its_page_and_comes_by_itself(site: Site) -> None:
    async with ready(site.server, version="2.0.1") as cp:
        await tell(cp, "ResetOrReboot", "watchdog")
        await tell(cp, LONG[:50], LONG)
        for number, status in ((1, "Installed"), (2, "DownloadFailed"), (3, "Downloading")):
            said = {"status": status, "requestId": number}
            assert await cp.call("FirmwareStatusNotification", said) == {}
        report = {
            "requestId": 1,
            "generatedAt": AT,
            "seqNo": 1,
            "reportData": [
                told("EVSE", "Power", "22000", evse={"id": 1}),
                told("EVSE", "Power", "11000", evse={"id": 2}),
                told("Controller", LONG[:50], LONG),
            ],
        }
        assert await cp.call("NotifyReport", report) == {}

        page = await looked_at(site, ADMIN)
        wrong = await look(page, PAGE)
        assert wrong == []

        page = await site.signed_in(ADMIN)
        await page.goto(PAGE)
        reports = page.locator("#charger-reports")
        await expect(reports).to_contain_text("It was reset")
        await tell(cp, "TamperDetectionActivated", "door 2")
        await expect(reports).to_contain_text("Somebody tampered with it")
    assert site.wrong == []

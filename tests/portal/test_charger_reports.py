"""What an admin reads of a charger's own reports, on its page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from db import changes, reports, station_events, station_jobs, variables
from db.model.reports import StationEvent
from db.model.stations import Station
from db.rows import Pool
from portal.context import NOTIFIER
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.build import NOON
from tests.portal.conftest import Api
from tests.portal.test_device_model_api import A

CHARGER = "/admin/chargers/CP-1"
HOSTILE = "<script>alert(1)</script>{{7*7}}"


@pytest.fixture
async def station(pool: Pool) -> Station:
    async with pool.acquire() as conn:
        return await build.station(conn)


@pytest.fixture
async def desk(api: Api, pool: Pool, station: Station) -> AsyncIterator[Browser]:
    await add_person(pool, "omar@example.org", role="admin")
    async with signed_in(api.port, "omar@example.org") as page:
        yield page


def security(station: Station, type_: str, info: str, *, is_critical: bool) -> StationEvent:
    return StationEvent(
        station.id, type_.encode(), "security", type_, NOON, None, NOON, is_critical, tech_info=info
    )


async def test_a_charger_that_reported_nothing_says_what_will_stand_there(desk: Browser) -> None:
    whole, part = await desk.get(CHARGER), await desk.get(f"{CHARGER}/reports")

    for shown in (whole, part):
        assert shown.status == 200
        for words in ("None yet. A charger tells", "No firmware update", "It has not told its"):
            assert words in shown.text
    assert "<html" not in part.text


async def test_reports_are_shown_in_plain_words_and_never_as_markup(
    desk: Browser, pool: Pool, station: Station
) -> None:
    async with pool.acquire() as conn:
        for kind, request_id, status, progress in (
            ("firmware", 7, "DownloadFailed", "failed"),
            ("log", None, HOSTILE, "running"),
        ):
            await station_jobs.record(
                conn,
                station.id,
                kind=kind,  # type: ignore[arg-type]
                request_id=request_id,
                progress=progress,  # type: ignore[arg-type]
                status=status,
                detail=HOSTILE,
                at=NOON,
            )
        events = [
            security(station, "TamperDetectionActivated", "door 2", is_critical=True),
            security(station, HOSTILE, HOSTILE, is_critical=False),
        ]
        await station_events.add_many(conn, events)
        told = [
            replace(A, variable_instance="L1", evse=2),
            replace(A, component=HOSTILE, variable=HOSTILE, value=HOSTILE),
            replace(A, variable="Key", mutability="WriteOnly", value=None, unit=None),
            replace(A, variable="Name", value="", unit=None, attribute="Target"),
        ]
        await variables.record(conn, station.id, told, report_id=1, reported_at=NOON)
        await reports.set_incomplete(conn, await build.report(conn, station), missing="1 to 3")
    text = (await desk.get(CHARGER)).text

    for words in (
        "Somebody tampered with it",
        "TamperDetectionActivated",
        "door 2",
        "Critical",
        "Firmware update 7",
        "download failed",
        "Failed",
        "Log upload",
        "part 1 to 3 did not come",
        "<b>Meter</b>",
        "<dt>Power (L1), EVSE 2</dt><dd>7400 W</dd>",
        "<dt>Key</dt><dd>can only be set</dd>",
        "<dt>Name, Target</dt><dd>empty</dd>",
    ):
        assert words in text, words
    assert HOSTILE not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


async def test_the_page_hears_of_what_is_reported(
    api: Api, desk: Browser, station: Station
) -> None:
    assert f"sse:reports:{station.id}" in (await desk.get(CHARGER)).text
    async with desk.stream() as stream:
        await stream.names(0.2)
        api.app[NOTIFIER].changed(changes.topic("reports", station.id))

        assert f"reports:{station.id}" in await stream.names()


async def test_drivers_do_not_hear_of_it(api: Api, pool: Pool, station: Station) -> None:
    await add_person(pool, "ada@example.org")
    async with signed_in(api.port, "ada@example.org") as page, page.stream() as stream:
        await stream.names(0.2)
        api.app[NOTIFIER].changed(changes.topic("reports", station.id))

        assert await stream.names() == []

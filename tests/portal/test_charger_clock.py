"""What the page of a charger says of its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.rows import Pool
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.wire import add_station, charger, csms


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, "omar@example.org", role="admin")
    async with signed_in(api.port, "omar@example.org") as page:
        yield page


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(hours=2), "2 h ahead: is its time zone set?"),
        (timedelta(hours=-5, minutes=-30), "5 h 30 min behind: is its time zone set?"),
        (timedelta(0), None),
    ],
)
async def test_a_clock_that_is_off_by_hours_is_told(
    desk: Browser, pool: Pool, database_url: str, tmp_path: Path, ahead: timedelta, said: str | None
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        for minute in range(4):
            at = now - timedelta(minutes=minute)
            value = {"timestamp": (at + ahead).isoformat(), "sampledValue": [{"value": "1"}]}
            await cp.call("MeterValues", {"connectorId": 1, "meterValue": [value]})
    # As if they had come as they were measured.
    await pool.execute("update reading set received_at = at - $1::interval", ahead)

    page = (await desk.get("/admin/chargers/CP-1")).text

    if said is None:
        assert "Its clock" not in page
    else:
        assert said in page
    is_of_whole_hours = said is not None and said.startswith("2 h ahead")
    assert ('href="/admin/chargers/CP-1/edit#f-clock_offset_h"' in page) == is_of_whole_hours


@pytest.mark.parametrize(
    ("ahead_h", "switch_h", "said"),
    [
        (2, 2, None),
        (2, 1, "1 h ahead of UTC +1: has summer time begun or ended?"),
        (0, 2, "2 h behind UTC +2: has summer time begun or ended?"),
        (-12, 14, "26 h behind UTC +14: has summer time begun or ended?"),
    ],
)
@pytest.mark.parametrize("is_heard_before", [True, False])
async def test_the_switch_counts_for_what_was_heard_before_it_and_since(
    desk: Browser,
    pool: Pool,
    database_url: str,
    tmp_path: Path,
    ahead_h: int,
    switch_h: int,
    said: str | None,
    is_heard_before: bool,
) -> None:
    switch = "update station set clock_offset_h = $1"
    await add_station(database_url, "CP-1")
    if not is_heard_before:
        await pool.execute(switch, switch_h)
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as cp:
        for minute in range(4):
            at = now - timedelta(minutes=minute) + timedelta(hours=ahead_h)
            value = {"timestamp": at.isoformat(), "sampledValue": [{"value": str(minute)}]}
            await cp.call("MeterValues", {"connectorId": 1, "meterValue": [value]})
    # As if they had come as they were measured.
    await pool.execute(
        "update reading set received_at = said_at::timestamptz - $1::interval",
        timedelta(hours=ahead_h),
    )
    await pool.execute(switch, switch_h)

    page = (await desk.get("/admin/chargers/CP-1")).text

    if said is None:
        assert "Its clock" not in page
    else:
        assert said in page
        assert ("say so here" in page) == (abs(ahead_h - switch_h) <= 14)

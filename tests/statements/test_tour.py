"""S29 to S42: the driver's dashboard (seed: customer 60-second tour)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from db import usage as db_usage
from db.accounts import Account
from db.rows import Pool
from portal.context import CONFIG
from portal.views.driver.usage import period
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.statements.charges import (
    MINUTE,
    boot,
    charge,
    kwh,
    measure,
    part,
    set_up,
    start,
    words,
)
from tests.wire import Charger, add_station, charger, csms

THERE = ZoneInfo("Europe/Amsterdam")
HOUR = timedelta(hours=1)


@pytest.fixture
async def ada(pool: Pool) -> Account:
    return await add_person(pool, "ada@example.org")


@pytest.fixture
async def box(
    database_url: str, pool: Pool, tmp_path: Path, ada: Account
) -> AsyncIterator[Charger]:
    await add_station(database_url, "CP-1")
    await set_up(pool, ada)
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as box:
        await boot(box)
        yield box


@pytest.fixture
async def page(api: Api, ada: Account) -> AsyncIterator[Browser]:
    async with signed_in(api.port, ada.email) as page:
        yield page


def panel(markup: str, name: str) -> str:
    return part(markup, f'id="{name}"', "</section>")


def recent(markup: str) -> list[str]:
    """The rows of the recent sessions, as they read."""
    return [words(row) for row in re.findall(r"<li>.*?</li>", panel(markup, "recent"), re.S)]


def usage(markup: str) -> dict[str, Decimal]:
    """The total, and each day of the table, in kWh."""
    shown = panel(markup, "usage")
    total = part(shown, '<b class="figure">', "<span")
    body = part(shown, "<tbody>", "</tbody>") if "<tbody>" in shown else ""
    days = re.findall(
        r'<th scope="row">(.*?)</th>.*?<td class="num">([\d.]+)</td></tr>', body, re.S
    )
    return {"total": Decimal(total.strip()), **{day: Decimal(figure) for day, figure in days}}


async def began(pool: Pool, ada: Account, at: datetime, wh: int, **more: Any) -> int:
    """A session that is over, by its registers, at a charger of its own."""
    async with pool.acquire() as conn:
        found = await conn.fetchval("select count(*) from station")
        station = await build.station(conn, f"OLD-{found}", evses=1)
        made = await build.session(
            conn,
            station,
            account_id=ada.id,
            started_at=at,
            start_received_at=at,
            ended_at=at + HOUR,
            end_received_at=at + HOUR,
            meter_start_wh=5000,
            meter_stop_wh=5000 + wh,
            energy_wh=wh,
            updated_at=at + HOUR,
            **more,
        )
        return made.id


async def reserve(
    pool: Pool, ada: Account, starts_at: datetime, ends_at: datetime, status: str, name: str
) -> None:
    await pool.execute(
        """
        with made as (
            insert into station (identity, public_id, name)
            values ($1, upper(substr(md5($1), 1, 8)), $1)
            returning id
        )
        insert into reservation (station_id, account_id, starts_at, ends_at, status)
        select id, $2, $3, $4, $5::reservation_status from made
        """,
        name,
        ada.id,
        starts_at,
        ends_at,
        status,
    )


async def test_S29_sessions_reservation_and_chargers_are_in_one_view(
    page: Browser, box: Charger
) -> None:
    await charge(box)

    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", (await page.get("/")).text, re.S)

    assert {"Chargers", "Next reservation", "Usage", "Recent sessions"} <= {
        words(heading) for heading in headings
    }


async def test_S30_S31_while_charging_every_page_has_the_banner_with_energy_and_since_when(
    page: Browser, pool: Pool, box: Charger
) -> None:
    at = datetime.now(UTC) - HOUR
    number = await start(box, at, 1000)
    await measure(box, number, at + 30 * MINUTE, 7345)
    since = f"{at.astimezone(THERE):%H:%M}"
    sticker = await pool.fetchval("select public_id from station")

    for path in (
        *("/", "/sessions", f"/sessions/{number}", "/nothing", "/cards", "/account"),
        *("/switch", f"/c/{sticker}", "/c/NOTHERE1", "/notices", f"/statements/{at:%Y-%m}"),
    ):
        told = words((await page.get(path)).text)
        assert "Active session" in told, path
        assert f"{kwh(7345 - 1000)} kWh" in told, path
        assert f"since {since}" in told, path


async def test_S32_without_a_session_there_is_no_banner(page: Browser, box: Charger) -> None:
    await charge(box)

    for path in ("/", "/sessions"):
        assert "Active session" not in words((await page.get(path)).text), path


async def test_S33_the_last_five_sessions_are_listed(
    page: Browser, pool: Pool, ada: Account
) -> None:
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    numbers = [await began(pool, ada, at + day * 24 * HOUR, 1000 + day) for day in range(7)]

    text = (await page.get("/")).text

    listed = re.findall(r'href="/sessions/(\d+)"', panel(text, "recent"))
    assert [int(number) for number in listed] == numbers[:1:-1]
    assert 'href="/sessions">View all' in text


async def test_S34_each_row_has_energy_start_end_and_how_long(page: Browser, box: Charger) -> None:
    at = datetime(2026, 11, 10, 16, 5, tzinfo=UTC)
    await charge(box, [1000, 9000, 28_360], at=at, step=50 * MINUTE)

    (row,) = recent((await page.get("/")).text)

    over = at + 100 * MINUTE
    assert f"{kwh(28_360 - 1000)} kWh" in row
    assert f"{at.astimezone(THERE):%H:%M} – {over.astimezone(THERE):%H:%M} (1 h 40 min)" in row
    assert row.startswith("10 Nov ")


async def test_S35_finished_ones_are_marked_finalized_and_only_they(
    page: Browser, box: Charger
) -> None:
    await charge(box, at=datetime(2026, 11, 10, 9, tzinfo=UTC))
    await start(box, datetime.now(UTC) - HOUR, 50_000)

    running, over = recent((await page.get("/")).text)

    assert "Finalized" in over
    assert "Finalized" not in running
    assert "In progress" in running


async def test_S36_who_has_never_charged_is_told_how_to_begin_and_then_it_appears(
    page: Browser, box: Charger
) -> None:
    told = words(panel((await page.get("/")).text, "recent"))
    assert "No sessions yet" in told
    assert "The session appears here by itself once the charger reports it." in told
    assert "No sessions yet" in words((await page.get("/sessions")).text)

    await charge(box)

    assert "No sessions yet" not in words((await page.get("/")).text)
    assert len(recent((await page.get("/")).text)) == 1


async def test_S37_the_card_names_charger_start_and_end(
    page: Browser, pool: Pool, ada: Account, api: Api
) -> None:
    zone = ZoneInfo(api.app[CONFIG].operator_zone)
    begin = (datetime.now(UTC) + 30 * HOUR).replace(second=0, microsecond=0)
    await reserve(pool, ada, begin, begin + HOUR, "confirmed", "Quay North 1")

    told = words(panel((await page.get("/")).text, "next-reservation"))

    assert "Next reservation" in told
    assert "Quay North 1" in told
    assert f"{begin.astimezone(zone):%H:%M} –" in told
    assert f"{(begin + HOUR).astimezone(zone):%H:%M}" in told


async def test_S38_the_soonest_whose_end_has_not_passed_is_shown(
    page: Browser, pool: Pool, ada: Account
) -> None:
    now = datetime.now(UTC)
    other = await add_person(pool, "grace@example.org")
    await reserve(pool, ada, now + 5 * HOUR, now + 6 * HOUR, "confirmed", "Later")
    await reserve(pool, ada, now + MINUTE, now + HOUR, "cancelled", "Cancelled")
    await reserve(pool, ada, now - 3 * HOUR, now - MINUTE, "confirmed", "Over")
    await reserve(pool, other, now - HOUR, now + HOUR, "confirmed", "Foreign")
    assert "Later" in words(panel((await page.get("/")).text, "next-reservation"))

    await reserve(pool, ada, now - HOUR, now + HOUR, "active", "Running")  # counts until its end

    told = words(panel((await page.get("/")).text, "next-reservation"))
    assert "Running" in told
    assert all(name not in told for name in ("Later", "Cancelled", "Over", "Foreign"))


async def test_S39_without_one_the_card_is_empty(page: Browser) -> None:
    told = words(panel((await page.get("/")).text, "next-reservation"))

    assert "Next reservation" in told
    assert "No reservation" in told


async def test_S40_usage_is_the_total_and_the_days_that_add_up_to_it(
    page: Browser, pool: Pool, ada: Account, api: Api
) -> None:
    zone = ZoneInfo(api.app[CONFIG].operator_zone)
    today = datetime.now(zone).replace(hour=12, minute=0, second=0, microsecond=0)
    first = today.replace(day=1)
    other = await add_person(pool, "grace@example.org")
    charged = [(first, 12_340), (first, 4_000), (today - timedelta(minutes=1), 7_005)]
    for at, wh in charged:
        await began(pool, ada, at, wh)
    await began(pool, other, today, 99_000)
    await began(pool, ada, first - timedelta(hours=13), 50_000)  # an hour before the month

    text = (await page.get("/")).text
    found = usage(text)

    by_day: dict[str, int] = {}
    for at, wh in charged:
        name = f"{at.day} {at:%b}"
        by_day[name] = by_day.get(name, 0) + wh
    total = found.pop("total")
    assert found == {day: Decimal(kwh(wh)) for day, wh in by_day.items()}
    assert total == Decimal(kwh(sum(wh for _, wh in charged)))
    assert panel(text, "usage").count('class="bar') == len(by_day) + 1  # with the plot itself


async def test_S40_what_charges_now_is_in_the_total(page: Browser, box: Charger) -> None:
    at = datetime.now(UTC) - timedelta(seconds=90)
    number = await start(box, at, 1000)
    await measure(box, number, at + MINUTE, 1150)

    assert usage((await page.get("/")).text)["total"] == Decimal(kwh(150))


async def test_S41_the_period_in_the_address_switches_and_any_other_is_current(
    page: Browser, pool: Pool, ada: Account, api: Api
) -> None:
    zone = ZoneInfo(api.app[CONFIG].operator_zone)
    today = datetime.now(zone)
    this = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = (this - timedelta(hours=1)).replace(hour=23, minute=59)
    await began(pool, ada, this, 1_000)
    await began(pool, ada, last, 20_000)
    await began(pool, ada, this.replace(year=this.year - 1), 300_000)
    in_year = 1_000 + (20_000 if last.year == this.year else 0)

    for query, wh in (
        ("?period=current", 1_000),
        ("?period=previous", 20_000),
        ("?period=year", in_year),
        ("", 1_000),
        ("?period=decade", 1_000),
        ("?period=", 1_000),
    ):
        for path in (f"/{query}", f"/usage{query}"):
            assert usage((await page.get(path)).text)["total"] == Decimal(kwh(wh)), path


@pytest.mark.parametrize(
    ("now", "name", "first", "last"),
    [
        ("2026-03-31T22:30:00Z", "current", date(2026, 4, 1), date(2026, 4, 30)),  # 00:30 there
        ("2026-03-31T21:30:00Z", "current", date(2026, 3, 1), date(2026, 3, 31)),
        ("2026-01-15T12:00:00Z", "previous", date(2025, 12, 1), date(2025, 12, 31)),
        ("2028-03-01T12:00:00Z", "previous", date(2028, 2, 1), date(2028, 2, 29)),
        ("2025-12-31T23:30:00Z", "year", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_S41_periods_are_calendar_ones_of_the_operators_zone(
    now: str, name: str, first: date, last: date
) -> None:
    found = period({"period": name}, datetime.fromisoformat(now), "Europe/Amsterdam")

    assert (found.first, found.last) == (first, last)


async def test_S41_days_begin_at_local_midnight_also_when_the_clock_changes(
    pool: Pool, ada: Account
) -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    for at, wh in (
        (datetime(2026, 10, 24, 23, 59, tzinfo=zone), 1_000),
        (datetime(2026, 10, 25, 0, 0, tzinfo=zone), 20_000),
        (datetime(2026, 10, 25, 23, 59, tzinfo=zone), 300_000),  # a day of 25 hours
        (datetime(2026, 10, 26, 0, 0, tzinfo=zone), 4_000_000),
    ):
        await began(pool, ada, at, wh)
    async with pool.acquire() as conn:
        found = await db_usage.list_days(
            conn,
            ada.id,
            zone="Europe/Amsterdam",
            since=datetime(2026, 10, 1, tzinfo=zone),
            until=datetime(2026, 11, 1, tzinfo=zone),
        )

    assert [(day.day.day, int(day.energy_wh)) for day in found] == [
        (24, 1_000), (25, 320_000), (26, 4_000_000),
    ]  # fmt: skip

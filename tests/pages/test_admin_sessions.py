"""The admin's sessions in a real browser: filters that stay, rows that come and leave."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route, expect

from tests.pages.conftest import ADMIN, DESK, PHONE, Site
from tests.pages.test_live import charger, kwh, listening

SHOTS = os.environ.get("SHOTS")


async def history(site: Site, count: int, *, uid: str = "ADA-1") -> None:
    now = datetime.now(UTC)
    await site.pool.executemany(
        """
        insert into charging_session (station_id, family, transaction_id, evse, connector, id_token,
            account_id, started_at, start_received_at, updated_at, is_finalized, ended_at,
            end_received_at, energy_wh, meter_start_wh, meter_stop_wh, authorization_status)
        select station.id, 'v16', $1, 1, 1, $2, id_token.account_id, $3, $3, $4, true, $4, $4,
            8120, 1000, 9120, 'Accepted'
        from station left join id_token on uid = $2 where identity = 'CP-1'
        """,
        [
            (f"old-{uid}-{n}", uid, now - timedelta(hours=n + 2), now - timedelta(hours=n + 1))
            for n in range(count)
        ],
    )


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


async def well_made(page: Page) -> None:
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, f"scrolls sideways by {width} px"


async def test_rows_come_and_leave_under_a_filter_while_one_looks(site: Site) -> None:
    await history(site, 20)
    async with charger(site, "CP-2", "1.6") as station:
        active = await site.signed_in(ADMIN, viewport=DESK)
        await active.goto("/admin/transactions?status=active")
        await expect(active.get_by_text("No session matches these filters")).to_be_visible()
        done = await site.signed_in(ADMIN, viewport=DESK)
        await done.goto("/admin/transactions?status=completed&tag=ada")
        await done.get_by_role("link", name="Load more").click()
        await expect(done.locator("tbody tr[id]")).to_have_count(20)
        await listening(site, 2)

        await station.plug_in(1)
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=1_500)
        row = active.locator("tbody#first tr[id]")
        await expect(row).to_contain_text("In progress")
        await expect(row).to_contain_text(await kwh(site))
        await expect(active.locator("#matching")).to_have_text("1 session matches current filters")
        await expect(active.locator("#now")).to_contain_text("1 session live")
        await expect(done.locator("tbody tr[id]")).to_have_count(20)

        await station.swipe(1, "ADA-1")
        await expect(active.locator("tbody#first tr[id]")).to_have_count(0)
        await expect(active.locator("#matching")).to_have_text("0 sessions match current filters")
        await expect(active.locator("#now")).to_contain_text("No session is live")
        first = done.locator("tbody#first tr[id]").first
        await expect(first).to_contain_text("Completed")
        await expect(first).to_contain_text("1.50")
        await expect(done.locator("tbody tr[id]")).to_have_count(21)
        await expect(done.locator("#matching")).to_have_text("21 sessions match current filters")
        await station.unplug(1)


async def test_a_session_that_moves_up_is_neither_lost_nor_there_twice(site: Site) -> None:
    await history(site, 40)
    desk = await site.signed_in(ADMIN, viewport=DESK)
    await desk.goto("/admin/transactions")
    await desk.get_by_role("link", name="Load more").click()
    await expect(desk.locator("tbody tr[id]")).to_have_count(30)
    await listening(site, 1)
    low = await site.pool.fetchval(
        "select id from charging_session order by updated_at desc, id desc offset 22 limit 1"
    )
    await site.pool.execute(
        "update charging_session set updated_at = now(), energy_wh = 9999 where id = $1", low
    )
    await site.pool.execute("select pg_notify('polaris_changes', $1)", f"session:{low}")
    await expect(desk.locator("tbody#first tr[id]").first).to_contain_text("10.00")
    await expect(desk.locator(f"#session-{low}")).to_have_count(1)
    await expect(desk.locator("tbody tr[id]")).to_have_count(30)


async def test_what_changes_while_the_table_is_read_again_is_not_missed(site: Site) -> None:
    await history(site, 3)
    desk = await site.signed_in(ADMIN, viewport=DESK)
    await desk.goto("/admin/transactions")
    await listening(site, 1)
    read, go_on = asyncio.Event(), asyncio.Event()

    async def slow(route: Route) -> None:
        response = await route.fetch()
        read.set()
        await go_on.wait()
        await route.fulfill(response=response)

    async def change(energy_wh: int) -> None:
        await site.pool.execute(
            "update charging_session set updated_at = now(), energy_wh = $1 where id = 1", energy_wh
        )
        await site.pool.execute("select pg_notify('polaris_changes', 'session:1')")

    await desk.route("**/admin/transactions/first*", slow)
    await change(1_110)
    await asyncio.wait_for(read.wait(), 10)
    await change(2_220)
    await site.pause(2)  # lists are told of every second at most
    go_on.set()

    await expect(desk.locator("tbody#first #session-1")).to_contain_text("2.22")


async def test_an_admin_filters_reads_a_session_and_force_closes_it(site: Site) -> None:
    await history(site, 3)
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1)
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=2_000)
        desk = await site.signed_in(ADMIN, viewport=DESK)
        await desk.goto("/admin/transactions")
        await expect(desk.locator("tbody#first tr[id]")).to_have_count(4)
        await shot(desk, "list-desk-dark")
        await well_made(desk)
        await desk.get_by_label("Tag").fill("ad")
        await desk.get_by_label("Status").select_option("active")
        await desk.get_by_role("button", name="Apply").click()
        await desk.locator("tbody#first").get_by_role("link", name="4", exact=True).click()
        await expect(desk.get_by_role("heading", level=1)).to_contain_text("Session #4")
        await expect(desk.locator("#session-now")).to_contain_text("Charging now")
        await expect(desk.locator("#readings")).to_contain_text("Each From is the To before it.")
        await shot(desk, "detail-desk-dark")
        await well_made(desk)
        await desk.get_by_role("link", name="Force-close session").click()
        await shot(desk, "close-desk-dark")
        await well_made(desk)
        await desk.get_by_label("Reason").fill("cable was cut on Tuesday")
        await desk.get_by_role("button", name="Force-close session 4").click()
        await expect(desk.locator("#session-now")).to_contain_text("Closed by Omar Khayyam")
        await expect(desk.locator("#session-now")).to_contain_text("Completed")

        await station.swipe(1, "ADA-1")  # its own end, late
        await expect(desk.locator("#session-now")).to_contain_text("The charger's own end stands")
        await station.unplug(1)
        looks: dict[str, dict[str, Any]] = {
            "phone-light": {"viewport": PHONE, "color_scheme": "light"},
            "narrow": {"viewport": {"width": 320, "height": 700}},
        }
        for name, how in looks.items():
            page = await site.signed_in(ADMIN, **how)
            if "light" in name:
                await page.evaluate("document.documentElement.dataset.theme = 'light'")
            for path, what in {"": "list", "?tag=zz9": "none", "/4": "detail"}.items():
                await page.goto(f"/admin/transactions{path}")
                if "light" in name:
                    await page.evaluate("document.documentElement.dataset.theme = 'light'")
                await shot(page, f"{what}-{name}")
                await well_made(page)


async def test_stop_asks_the_charger_and_shows_the_life_of_it(site: Site) -> None:
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1)
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=500)
        desk = await site.signed_in(ADMIN, viewport=DESK)
        await desk.goto("/admin/transactions/1")
        await listening(site, 1)
        await desk.get_by_role("button", name="Stop charging").click()
        await station.until(lambda: station.sessions[-1].ended_at is not None)
        await expect(desk.locator("#session-now")).to_contain_text("Completed")
        await expect(desk.locator("#session-now .life")).to_contain_text("done")
        await station.unplug(1)


@pytest.mark.rows_by_hand
async def test_the_readings_of_a_big_meter_fit_a_narrow_phone(site: Site) -> None:
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1)
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=1_500)
        await site.pool.execute("update reading set energy_wh = energy_wh + 69000000")
        page = await site.signed_in(ADMIN, viewport={"width": 320, "height": 640})
        await page.goto("/admin/transactions")
        await page.locator("tbody#first tr[id] th a").first.click()
        await expect(page.locator("table.readings tbody tr").first).to_be_visible()
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"scrolls sideways by {width} px"
        await station.unplug(1)

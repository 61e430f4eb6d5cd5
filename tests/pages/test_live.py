"""Two people watch a session: from the charger's socket to a phone and a desk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from portal.context import LIVE
from simulators import Clock, Station, Vehicle
from tests.pages.conftest import ADMIN, DESK, DRIVER, OTHER, Site
from tests.wire import KEY

Version = Literal["1.6", "2.0.1"]
SOON_MS = 5_000  # most often it takes half of one, but others use this machine too


@asynccontextmanager
async def charger(
    site: Site, identity: str, version: Version, **how: Any
) -> AsyncIterator[Station]:
    """Its clock began an hour ago, so that what is charged at once took its time."""
    clock = Clock(datetime.now(UTC) - timedelta(hours=1))
    async with Station(
        identity,
        version=version,
        url=site.server.url,
        password=KEY,
        power_w=11_000,
        clock=clock,
        **how,
    ) as station:
        yield station


async def listening(site: Site, pages: int) -> None:
    """Until so many pages have their streams."""
    live = site.app[LIVE]
    for _ in range(200):
        if sum(map(len, live._pages.values())) >= pages:
            return
        await site.pause(0.02)
    raise AssertionError("a page has no stream")


async def kwh(site: Site) -> str:
    """What the database has of the session that runs, as a page writes it."""
    energy_wh = await site.pool.fetchval("select energy_wh from session_live")
    assert energy_wh > 0
    return f"{energy_wh / 1000:.2f}"


def card(page: Page, name: str) -> Any:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_driver_starts_watches_and_stops_while_an_admin_looks_on(
    site: Site, version: Version
) -> None:
    async with charger(site, "CP-2", version) as station:
        await station.plug_in(1, Vehicle(battery_wh=60_000, soc_pct=20))
        phone = await site.signed_in(DRIVER)
        desk = await site.signed_in(ADMIN, viewport=DESK)
        await desk.goto("/admin/transactions")
        other = await site.signed_in(OTHER)
        await listening(site, 3)
        await expect(card(phone, "Harbour south")).to_contain_text("cable in")

        await card(phone, "Harbour south").get_by_role("button", name="Start charging").click()
        await station.until(lambda: bool(station.sessions))
        hero = phone.locator("#active section")
        await expect(hero).to_contain_text("Harbour south")
        row = desk.locator("tbody#first tr").first
        await expect(row).to_contain_text("Ada Lovelace")
        await expect(row).to_contain_text("In progress")

        await station.charge(1, energy_wh=2_000)
        await expect(hero).to_contain_text(await kwh(site), timeout=SOON_MS)
        await expect(row).to_contain_text(await kwh(site), timeout=SOON_MS)
        await desk.goto("/admin/chargers/CP-2")
        await listening(site, 3)
        table = desk.locator("#charger-now")
        await station.charge(1, energy_wh=1_000)
        await expect(hero).to_contain_text(await kwh(site), timeout=SOON_MS)
        await expect(table).to_contain_text(await kwh(site), timeout=SOON_MS)
        await expect(other.locator("#active section")).to_have_count(0)
        await expect(card(other, "Harbour south")).to_contain_text("In use")

        await hero.get_by_role("button", name="Stop charging").click()
        await station.until(lambda: station.sessions[-1].ended_at is not None)
        await expect(phone.locator("#active section")).to_have_count(0)
        await expect(phone.get_by_text("Finalized").first).to_be_visible()
        await expect(table).to_contain_text("Completed")
        await station.unplug(1)
        assert station.sessions[-1].energy_wh == 3_000
    assert await site.pool.fetchval("select energy_wh from charging_session") == 3_000


async def test_without_javascript_a_driver_starts_and_stops_too(site: Site) -> None:
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1, Vehicle())
        phone = await site.signed_in(DRIVER, java_script_enabled=False)
        await card(phone, "Harbour south").get_by_role("button", name="Start charging").click()
        await station.until(lambda: bool(station.sessions))
        await phone.goto("/")
        await station.charge(1, energy_wh=500)
        await phone.reload()
        await expect(phone.locator("#active section")).to_contain_text(await kwh(site))
        await phone.get_by_role("button", name="Stop charging").click()
        await station.until(lambda: station.sessions[-1].ended_at is not None)
        await phone.goto("/")
        await expect(phone.locator("#active section")).to_have_count(0)
        await expect(phone.get_by_text("Finalized").first).to_be_visible()
        await station.unplug(1)


async def test_a_page_that_lost_its_stream_says_so_and_catches_up(site: Site) -> None:
    async with charger(site, "CP-1", "2.0.1", connectors=2) as station:
        phone = await site.signed_in(DRIVER)
        await listening(site, 1)
        is_cut = True

        async def cut(route: Any) -> None:
            await (route.abort() if is_cut else route.continue_())

        await phone.route(re.compile("/live$"), cut)
        for pages in site.app[LIVE]._pages.values():
            for page in pages:
                page.end()
        await expect(phone.get_by_text("Reconnecting")).to_be_visible()

        await station.plug_in(1, Vehicle())
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=700)
        await expect(phone.locator("#active section")).to_have_count(0)
        is_cut = False
        await expect(phone.locator("#active section")).to_contain_text(
            await kwh(site), timeout=15_000
        )
        await expect(phone.get_by_text("Reconnecting")).to_have_count(0)
        await station.swipe(1, "ADA-1")
        await station.unplug(1)
    site.wrong[:] = [said for said in site.wrong if "/live" not in said and "ERR_" not in said]


async def test_an_admin_adds_a_charger_and_it_connects_with_what_was_shown(site: Site) -> None:
    desk = await site.signed_in(ADMIN, viewport=DESK)
    await desk.get_by_role("navigation").get_by_role("link", name="Chargers").click()
    await desk.get_by_role("link", name="Add charger").click()
    await desk.get_by_label("Identity").fill("CP-1")
    await desk.get_by_label("Name").fill("Harbour west")
    await desk.get_by_label("Site").select_option("Harbour garage")
    await desk.get_by_label("Connector 1").select_option("Type 2")
    await desk.get_by_label("Power 1").fill("7,4")
    await desk.get_by_role("button", name="Add charger").click()
    await expect(
        desk.get_by_text("There is a charger with this identity already").first
    ).to_be_visible()
    assert await desk.get_by_label("Power 1").input_value() == "7,4"
    await desk.get_by_label("Identity").fill("CP-9")
    await desk.get_by_role("button", name="Add charger").click()
    password = await desk.locator("#password").inner_text()
    assert (await desk.locator("#url").inner_text()).endswith("/ocpp/CP-9")
    await desk.reload()
    await expect(desk.get_by_text("The password was shown")).to_be_visible()
    await desk.get_by_role("link", name="To the charger's page").click()
    await expect(desk.locator("#charger-now")).to_contain_text("Never connected")
    await listening(site, 1)

    async with Station(
        "CP-9", version="1.6", url=site.server.url, password=password, power_w=7_400
    ):
        await expect(desk.locator("#charger-now")).to_contain_text("Connected", timeout=5_000)
        await expect(desk.locator("#charger-said")).to_contain_text("BootNotification")
    site.wrong[:] = [said for said in site.wrong if "422" not in said]

"""A card is lost while it charges: the session ends, and the admin's bell says so at once."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from db import notices
from portal.context import NOTIFIER
from simulators import Vehicle
from tests.pages.conftest import ADMIN, DESK, DRIVER, OTHER, Site
from tests.pages.test_live import charger, listening
from tests.pages.test_look import look, looked_at


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "plain"])
async def test_a_card_is_reported_lost_while_it_charges(site: Site, has_script: bool) -> None:
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1, Vehicle(battery_wh=60_000, soc_pct=20))
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=1_000)
        phone = await site.signed_in(DRIVER, java_script_enabled=has_script)
        desk = await site.signed_in(ADMIN, viewport=DESK)
        other = await site.signed_in(OTHER)
        await listening(site, 3 if has_script else 2)
        bell = desk.locator("#bell")
        await expect(bell).to_have_attribute("aria-label", "Notices, none unread")

        await phone.get_by_role("navigation").get_by_role("link", name="EV cards").click()
        await phone.get_by_role("link", name="Blue card").click()
        await phone.get_by_role("link", name="Report lost").click()
        await expect(phone.get_by_text("at Harbour south is stopped.")).to_be_visible()
        await phone.get_by_label("What happened").fill("left on the train")
        await phone.get_by_role("button", name="Report it lost").click()
        await expect(phone.get_by_text("You reported this card lost")).to_be_visible()

        await station.until(lambda: station.sessions[-1].ended_at is not None)
        await expect(bell).to_have_attribute("aria-label", "Notices, 1 unread")
        await expect(other.locator("#bell")).to_have_attribute("aria-label", "Notices, none unread")
        await phone.goto("/")
        await expect(phone.locator("#active section")).to_have_count(0)
        await station.unplug(1)

        # The same card again: its central system says no, and its driver reads why.
        await station.plug_in(1, Vehicle())
        assert not await station.swipe(1, "ADA-1")
        await station.unplug(1)

        await bell.click()
        await desk.get_by_role("button", name=re.compile("Open ?: Ada Lovelace lost")).click()
        await expect(desk.get_by_text("left on the train").first).to_be_visible()
        await expect(desk.get_by_text("Its driver reported it lost on")).to_be_visible()
        await expect(bell).to_have_attribute("aria-label", "Notices, none unread")
        await phone.goto("/cards")
        await phone.get_by_role("link", name="Blue card").click()
        await expect(phone.get_by_text("The card was blocked.").first).to_be_visible()
    assert await site.pool.fetchval("select state from command where kind = 'stop'") == "done"


async def test_the_bell_counts_while_one_looks(site: Site) -> None:
    phone = await site.signed_in(DRIVER)
    await phone.goto("/notices")
    await listening(site, 1)
    await expect(phone.get_by_text("No notices yet")).to_be_visible()

    async with site.pool.acquire() as conn:
        ada = await conn.fetchval("select id from account where email = $1", DRIVER)
        await notices.add(conn, ada, "session.complete", title="Session 7 is complete")
    site.app[NOTIFIER].changed(notices.topic(ada))

    await expect(phone.get_by_text("Session 7 is complete").first).to_be_visible()
    await expect(phone.locator("#bell .count")).to_have_text("1")
    await phone.get_by_role("button", name="Mark as read").click()
    await expect(phone.locator("#bell .count")).to_have_count(0)


async def test_nothing_is_wrong_with_the_pages_of_cards_drivers_and_notices(site: Site) -> None:
    ((ada, card),) = await site.pool.fetch(
        "select account_id, id from id_token where uid = 'ADA-1'"
    )
    grace = await site.pool.fetchval("select account_id from id_token where uid = 'GRACE-1'")
    await site.pool.execute("insert into id_token (uid, status) values ('SEEN-1', 'Unknown')")
    async with site.pool.acquire() as conn:
        for who in await conn.fetch("select id from account"):
            for path in (None, "/notices"):
                await notices.add(conn, who["id"], "card.lost", title="Lost", path=path)
    await site.pool.execute("update notice set read_at = now() where id = 1")
    wrong: list[str] = []
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1, Vehicle())
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=1_000)
        await station.swipe(1, "SEEN-1")
        for email, paths in (
            (DRIVER, ["/cards", f"/cards/{card}", f"/cards/{card}/lost", "/notices"]),
            (
                ADMIN,
                [
                    "/admin/cards",
                    "/admin/cards?q=none&status=lost",
                    "/admin/cards/new",
                    f"/admin/cards/{card}",
                    "/admin/drivers",
                    "/admin/drivers/new",
                    f"/admin/drivers/{ada}",
                    f"/admin/drivers/{ada}/edit",
                    "/notices",
                ],
            ),
        ):
            page = await looked_at(site, email)
            for path in paths:
                wrong += await look(page, path)
        await page.goto(f"/admin/cards/{card}")
        await page.get_by_label("Driver").select_option(str(grace))
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
        await station.unplug(1)
    site.wrong[:] = [said for said in site.wrong if "409" not in said]
    assert wrong == []

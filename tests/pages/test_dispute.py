"""A driver disputes a session, an admin settles it: one story across both portals."""

from __future__ import annotations

from urllib.parse import unquote

from playwright.async_api import Page, expect

from db import accounts
from db.model.sessions import Session
from tests.pages.conftest import ADMIN, DESK, DRIVER, Site
from tests.pages.test_live import listening
from tests.pages.test_look import NARROW, look, looked_at
from tests.portal.disputing import charged


async def session_of_ada(site: Site) -> Session:
    async with site.pool.acquire() as conn:
        ada = await accounts.find_by_email(conn, DRIVER)
    assert ada is not None
    return await charged(site.pool, ada, identity="CP-9")


async def send(page: Page, session: Session) -> None:
    """With the jump and the row after it marked."""
    await page.goto(f"/sessions/{session.id}")
    marks = page.locator("input[name=marked]")
    for row in (3, 4):
        await marks.nth(row).check()
    await page.get_by_label("Cost", exact=True).check()
    await page.get_by_label("What did you expect?").fill("€7.66")
    await page.get_by_label("Why?").fill("14.04 kWh, and the pole said €0.28")
    await page.get_by_role("button", name="Send dispute").click()
    await expect(page.get_by_role("heading", name="Your dispute")).to_be_visible()


async def test_from_the_drivers_dispute_to_the_credit(site: Site) -> None:
    session = await session_of_ada(site)
    phone = await site.signed_in(DRIVER)
    desk = await site.signed_in(ADMIN, viewport=DESK)
    await send(phone, session)
    mine = phone.locator("#dispute-panel")
    await expect(mine.locator("header .badge")).to_have_text("Open")

    await desk.goto("/admin/disputes")
    await desk.get_by_role("link", name=f"Session #{session.id}").click()
    await expect(desk.get_by_role("heading", level=1)).to_have_text(
        f"Dispute of session #{session.id}"
    )
    await expect(desk.get_by_text("the pole said €0.28")).to_be_visible()
    await expect(desk.locator("tr.flagged .badge", has_text="Marked")).to_have_count(2)
    await listening(site, 2)
    await desk.get_by_role("button", name="Acknowledge").click()
    # The phone was not touched: it hears of it.
    await expect(mine.locator("header .badge")).to_have_text("Acknowledged")

    await desk.get_by_label("Amount").fill("1.67")
    await desk.get_by_label("Reason, for the driver").first.fill("Wrong tariff on the pole")
    await desk.get_by_role("button", name="Give credit").click()
    await expect(desk.locator("#history")).to_contain_text("Credit of €1.67")
    await desk.get_by_label("Your answer").fill("You are right, the pole was not up to date.")
    await desk.get_by_role("button", name="Send answer").click()
    await expect(desk.locator("#history .badge")).to_have_text("Answered")
    await desk.get_by_label("Reason, for the driver").last.fill("Credited")
    await desk.get_by_role("button", name="Close dispute").click()
    await expect(desk.locator("#history .badge")).to_have_text("Closed")

    await expect(mine).to_contain_text("Credit of €1.67, on your statement of ")
    await expect(mine).to_contain_text("You are right, the pole was not up to date.")
    mails = await site.pool.fetch("select kind, recipient, subject from mail order by id")
    assert [row["kind"] for row in mails] == ["dispute_received", "dispute_answered"]
    assert all(row["recipient"] == DRIVER for row in mails)
    assert all(f"#{session.id}" in row["subject"] for row in mails)


async def test_the_mail_that_is_written_instead_holds_what_was_typed(site: Site) -> None:
    session = await session_of_ada(site)
    page = await site.signed_in(DRIVER)
    await page.goto(f"/sessions/{session.id}")
    await page.locator("input[name=marked]").nth(3).check()
    await page.get_by_label("Duration", exact=True).check()
    await page.get_by_label("What did you expect?").fill("20 min & no more")
    await page.get_by_label("Why?").fill("First line\nsecond line")

    link = page.get_by_role("link", name="Write an e-mail instead")
    # Its address is made at the click; a real one would leave for the mail program.
    await page.evaluate(
        "document.addEventListener('click', (click) => click.preventDefault(), { once: true })"
    )
    await link.click()
    address = await link.get_attribute("href")
    assert address is not None
    text = unquote(address)
    assert f"subject=Session #{session.id}&" in text
    assert "(kWh, duration, cost or charger): Duration\r\n" in text
    assert "Expected: 20 min & no more\r\nWhy: First line\r\nsecond line\r\n" in text
    assert "look wrong: 17:49:12" in text


async def test_nothing_is_wrong_with_the_pages_of_a_dispute(site: Site) -> None:
    session = await session_of_ada(site)
    driver, admin = (
        await looked_at(site, DRIVER),
        await looked_at(site, ADMIN),
    )

    wrong = await look(driver, f"/sessions/{session.id}")
    wrong += await look(admin, "/admin/disputes")
    await send(driver, session)
    id_ = await site.pool.fetchval("select id from dispute")
    wrong += await look(driver, f"/sessions/{session.id}")
    wrong += await look(admin, "/admin/disputes")
    wrong += await look(admin, f"/admin/disputes/{id_}")
    assert wrong == []


async def test_a_dispute_that_came_back_is_in_order_too(site: Site) -> None:
    session = await session_of_ada(site)
    page = await site.signed_in(DRIVER, viewport=NARROW, java_script_enabled=False)
    await page.goto(f"/sessions/{session.id}")
    await page.locator("input[name=marked]").nth(3).check()
    await page.get_by_label("Cost", exact=True).check()
    await page.get_by_label("What did you expect?").fill(" ")
    await page.get_by_label("Why?").fill("The pole said €0.28")
    await page.get_by_role("button", name="Send dispute").click()

    await expect(page.get_by_role("alert")).to_contain_text("Enter what you expected")
    await expect(page.get_by_label("Why?")).to_have_value("The pole said €0.28")
    await expect(page.get_by_label("17:49:12")).to_be_checked()
    await page.get_by_label("What did you expect?").fill("€7.66")
    await page.get_by_role("button", name="Send dispute").click()
    await expect(page.get_by_role("heading", name="Your dispute")).to_be_visible()
    site.wrong[:] = [said for said in site.wrong if "422" not in said]
    assert await site.pool.fetchval("select cardinality(marked) from dispute") == 1

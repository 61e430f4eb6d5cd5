"""The driver's own way through: in by mail, charge, a receipt, a statement, and other accounts."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from playwright.async_api import Page, expect

from db import accounts
from portal.context import CONFIG
from simulators import Vehicle
from tests.pages.conftest import ADMIN, DESK, DRIVER, PASSWORD, Site
from tests.pages.test_live import card, charger, kwh
from tests.pages.test_look import look, looked_at
from tests.portal import build
from tests.portal.disputing import charged

NEW = "mary@example.org"
#: What is cut off at the edge of its panel, or runs into its neighbour.
STICKS_OUT = """
() => [...document.querySelectorAll("main .panel *")].filter((each) => {
  const own = each.getBoundingClientRect()
  const around = each.closest(".panel").getBoundingClientRect()
  const isText = each.matches("p, dd:not(.titled), td, th")
  const isWide = isText && each.scrollWidth > each.clientWidth + 1
  return own.width > 2 && (own.right > around.right + 1 || isWide) && !each.closest(".unseen")
}).map((each) => `${each.tagName} ${each.textContent.trim().slice(0, 30)}`)
"""


async def mailed_path(site: Site) -> str:
    """The link of the sign-in mail, without its host, which is of the configuration."""
    folder = site.app[CONFIG].database.data_dir / "mail"
    for _ in range(100):
        if found := sorted(folder.glob("*sign_in_link.eml")):
            mail = email.message_from_bytes(found[-1].read_bytes(), policy=email.policy.default)
            body = mail.get_body(("plain",))
            assert mail["To"] == NEW
            assert body is not None
            link = re.search(r"https?://[^/]+(/sign-in/link\S+)", body.get_content())
            assert link, body.get_content()
            return link[1]
        await asyncio.sleep(0.1)
    raise AssertionError("no mail came")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "plain"])
async def test_the_first_sign_in_is_by_a_link_in_a_mail(site: Site, has_script: bool) -> None:
    async with site.pool.acquire() as conn:
        await accounts.add(conn, email=NEW, name="Mary", role="driver", password_hash=None)
    phone = await site.nobody(java_script_enabled=has_script)

    await phone.goto("/")
    await phone.get_by_label("E-mail address").first.fill(NEW)
    await phone.get_by_role("button", name="E-mail me a sign-in link").click()
    await expect(phone.get_by_role("heading", name="Look into your mail")).to_be_visible()
    path = await mailed_path(site)
    for _ in range(2):  # whoever only looks, such as a mail scanner, uses nothing up
        await phone.goto(path)
        await expect(phone.locator("main")).to_contain_text(f"As Mary, {NEW}.")
    await phone.locator("main").get_by_role("button", name="Sign in").click()

    await phone.wait_for_url(f"{site.url}/")
    await expect(phone.get_by_role("heading", level=1)).to_have_text("Dashboard")
    for said in ("Chargers", "No reservation", "Nothing charged", "No sessions yet"):
        await expect(phone.locator("main")).to_contain_text(said)
    other = await site.nobody()
    await other.goto(path)
    await expect(other.get_by_role("heading", name="This link was used already")).to_be_visible()
    site.wrong[:] = [said for said in site.wrong if "410" not in said]

    await phone.goto("/account")
    await phone.get_by_label("New password").fill("a long new password")
    await phone.get_by_role("button", name="Set the password").click()
    # The session is another one from then on.
    await expect(phone.get_by_text("The new password is set.")).to_be_visible()
    await phone.goto("/account")
    await expect(phone.get_by_label("Current password")).to_be_visible()
    await phone.get_by_role("button", name="Sign out here").click()
    await phone.wait_for_url("**/sign-in")
    await sign_in(phone, NEW, "a long new password")
    await phone.wait_for_url(f"{site.url}/")


async def sign_in(page: Page, address: str, password: str) -> None:
    await page.get_by_text("Use a password").click()
    form = page.locator("form[action='/sign-in']")
    await form.get_by_label("E-mail address").fill(address)
    await form.get_by_label("Password", exact=True).fill(password)
    await form.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "plain"])
async def test_an_admin_comes_back_as_the_customer_that_they_are_too(
    site: Site, has_script: bool
) -> None:
    page = await site.signed_in(ADMIN, java_script_enabled=has_script)
    await page.goto("/")
    await page.wait_for_url("**/admin")  # an admin has no dashboard

    await page.goto("/switch")
    await page.get_by_role("link", name="Sign in with another account").click()
    await sign_in(page, DRIVER, PASSWORD)
    await page.wait_for_url(f"{site.url}/")
    await page.goto("/switch")
    await expect(page.locator(".accounts > li")).to_have_count(2)
    await expect(page.locator(".accounts > li", has_text="Now")).to_contain_text(DRIVER)
    await page.get_by_role("button", name=re.compile(f"Switch to .*{ADMIN}")).click()
    await page.wait_for_url("**/admin")
    await page.goto("/switch")
    await page.get_by_role("button", name=re.compile(f"Switch to .*{DRIVER}")).click()
    await page.wait_for_url(f"{site.url}/")

    # Another one's page is as little there as before.
    await page.goto("/admin")
    await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    await page.goto("/switch")
    await page.get_by_role("button", name=re.compile(f"Sign out .*{ADMIN}")).click()
    await page.goto("/switch")
    await expect(page.locator(".accounts > li")).to_have_count(1)
    site.wrong[:] = [said for said in site.wrong if "404" not in said]


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "plain"])
async def test_start_watch_stop_and_a_receipt_with_the_price(site: Site, has_script: bool) -> None:
    async with site.pool.acquire() as conn, conn.transaction():
        await build.tariff(conn, "Standard", per_kwh=Decimal("0.36"), session_fee=Decimal("0.50"))
    async with charger(site, "CP-2", "2.0.1") as station:
        await station.plug_in(1, Vehicle(battery_wh=60_000, soc_pct=20))
        phone = await site.signed_in(DRIVER, java_script_enabled=has_script)
        await card(phone, "Harbour south").get_by_role("button", name="Start charging").click()
        await station.until(lambda: bool(station.sessions))
        await station.charge(1, energy_wh=2_345)
        await phone.goto("/")
        hero = phone.locator("#active section")
        await expect(hero).to_contain_text(await kwh(site))
        await expect(hero).to_contain_text(re.compile(r"Cost so far\s*€\d"))
        await hero.get_by_role("button", name="Stop charging").click()
        await station.until(lambda: station.sessions[-1].ended_at is not None)
        await station.unplug(1)
        taken_wh = station.sessions[-1].energy_wh
    cost = Decimal(taken_wh) / 1000 * Decimal("0.36")
    cents = Decimal("0.01")
    total = f"€{cost.quantize(cents, ROUND_HALF_UP) + Decimal('0.50')}"

    number = await site.pool.fetchval("select id from charging_session")
    for _ in range(100):
        if await site.pool.fetchval("select count(*) from session_price where total is not null"):
            break
        await site.pause(0.1)
    await phone.goto("/sessions")
    await phone.locator(f"#session-{number}").get_by_role("link").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text(f"Session #{number}")
    await expect(phone.locator(".page-head .badge")).to_have_text("Completed")
    cost_tile = phone.locator(".tiles > div", has_text="Cost")
    await expect(cost_tile).to_contain_text(total)
    await expect(cost_tile).not_to_contain_text("estimated")
    lines = phone.get_by_role("table", name="Price, line by line")
    await expect(lines).to_contain_text("× €0.36")
    await expect(lines).to_contain_text("€0.50")
    await expect(lines.get_by_role("row", name="Total")).to_contain_text(total)
    await phone.goto("/notices")
    await expect(phone.locator("main")).to_contain_text(f"Cost: {total}.")


async def test_a_statement_on_paper_has_the_figures_and_nothing_to_press(site: Site) -> None:
    async with site.pool.acquire() as conn:
        ada = await accounts.find_by_email(conn, DRIVER)
        assert ada is not None
    session = await charged(site.pool, ada, identity="CP-9")
    page = await site.signed_in(DRIVER, viewport=DESK)
    await page.goto(f"/statements/{session.started_at:%Y-%m}")
    on_screen = await page.locator("tbody tr").first.bounding_box()

    await page.emulate_media(media="print")

    for gone in ("header.top", "nav", ".back", ".strip-holder"):
        await expect(page.locator(gone).first).to_be_hidden()
    await expect(page.locator("main")).to_contain_text("€9.33")
    on_paper = await page.locator("tbody tr").first.bounding_box()
    assert on_screen
    assert on_paper
    assert on_paper["height"] < 40 < on_screen["height"]  # a month fits on a page or two


async def test_nothing_is_wrong_with_the_pages_of_a_driver(site: Site) -> None:
    async with site.pool.acquire() as conn:
        ada = await accounts.find_by_email(conn, DRIVER)
        assert ada is not None
    over = await charged(site.pool, ada, identity="CP-9")
    sticker = await site.pool.fetchval("select public_id from station where identity = 'CP-2'")
    await site.pool.execute(
        "update id_token set status = 'Blocked', lost_at = now() where uid = 'ADA-1'"
    )
    await site.pool.execute(
        "update charging_session set id_token = 'ADA-1', energy_wh = 1578900 where id = $1", over.id
    )
    await site.pool.execute(
        "insert into id_token (uid, account_id, label) values ('ADA-2', $1, 'Wallet')", ada.id
    )
    before = ["/sign-in/forgot", "/sign-in/sent", "/sign-in/link?token=none"]
    own = [
        *("/", "/sessions", "/sessions?status=active&from=2026-01-01"),
        *(f"/sessions/{over.id}", f"/statements/{datetime.now(UTC):%Y-%m}", "/account"),
        *("/cards", "/switch", f"/c/{sticker}", "/sign-in?add=1"),
    ]
    wrong: list[str] = []
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1, Vehicle())
        await station.swipe(1, "ADA-2")
        await station.charge(1, energy_wh=1_000)
        for who, paths in ((None, before), (DRIVER, own)):
            page = await looked_at(site, who)
            for path in paths:
                wrong += await look(page, path)
                wrong += [f"{path}: {each} is cut off" for each in await page.evaluate(STICKS_OUT)]
        await station.unplug(1)
    site.wrong[:] = [said for said in site.wrong if not re.search("404|410", said)]
    assert wrong == []

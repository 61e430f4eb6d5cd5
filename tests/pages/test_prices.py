"""Tariffs, plans and the lines of a price: on a phone and on a desk, dark and light."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from playwright.async_api import expect

from csms.rules.pricing_terms import Tier, Window
from db import plans, stations
from tests.pages.conftest import ADMIN, DESK, DRIVER, Site
from tests.pages.test_look import look, looked_at
from tests.portal import build

EVENING = Window(per_kwh=Decimal("0.48"), start=17 * 60, end=21 * 60, days=(1, 2, 3, 4, 5))


async def prices(site: Site) -> int:
    """Tariffs, a plan of Ada's, and a session of hers; its number."""
    async with site.pool.acquire() as conn, conn.transaction():
        await build.tariff(
            conn,
            "Standard",
            windows=(EVENING,),
            per_idle_minute=Decimal("0.10"),
            idle_grace_min=15,
            tax_percent=Decimal(19),
        )
        tiers = (Tier(kwh=Decimal(5), per_kwh=Decimal("0.10")),)
        home = await build.tariff(conn, "Home", is_default=False, tiers=tiers)
        plan = await plans.add(conn, name="Commuter", tariff_id=home, monthly_fee=Decimal("9.9"))
        account = await conn.fetchval("select id from account where email = $1", DRIVER)
        await plans.set_of(conn, account, plan)
        now = datetime.now(UTC)
        await conn.execute("update tariff_assignment set since = $1", now - timedelta(days=9))
        session = await build.session(
            conn,
            await stations.get(conn, "CP-1"),
            account_id=account,
            started_at=now - timedelta(hours=2),
            ended_at=now - timedelta(hours=1),
            energy_wh=12_500,
            meter_stop_wh=13_500,
            updated_at=now - timedelta(hours=1),
        )
    return session.id


async def priced(site: Site) -> None:
    for _ in range(200):
        if await site.pool.fetchval("select count(*) from session_price"):
            return
        await site.pause(0.05)
    raise AssertionError("the job did not price the session")


async def test_nothing_is_wrong_with_the_pages_of_prices(site: Site) -> None:
    number = await prices(site)
    await priced(site)
    wrong: list[str] = []
    for email, paths in (
        (DRIVER, [f"/sessions/{number}", "/"]),
        (
            ADMIN,
            [
                "/admin/tariffs",
                "/admin/tariffs/1",
                "/admin/tariffs/new",
                "/admin/plans",
                "/admin/plans/1",
                "/admin/plans/new",
            ],
        ),
    ):
        page = await looked_at(site, email)
        for path in paths:
            wrong += await look(page, path)

    assert wrong == []


async def test_an_admin_makes_a_tariff_with_an_evening_price(site: Site) -> None:
    page = await site.signed_in(ADMIN, viewport=DESK)
    await page.goto("/admin/tariffs")
    await page.get_by_role("link", name="Add tariff").first.click()
    await page.get_by_label("Name").fill("Harbour")
    await page.get_by_label("Energy").fill("0.30")
    await page.get_by_role("button", name="Add a time").click()
    for day in ("Sat", "Sun"):
        await page.get_by_label(day).uncheck()
    await page.get_by_label("From").fill("17:00")
    await page.get_by_label("Until").fill("21:00")
    await page.get_by_label("Price", exact=True).fill("0.40")
    await page.get_by_role("button", name="Work out the example").click()
    example = page.get_by_role("region", name="For example")
    await expect(example).to_contain_text("20 kWh from 18:00 to 19:00 on a Wednesday")
    await expect(example).to_contain_text("€8.00")

    await page.get_by_label("Name").press("Enter")  # saves, and adds no row

    await expect(page.get_by_role("heading", level=1)).to_have_text("Harbour")
    await expect(page.get_by_role("region", name="Versions")).to_contain_text("1 other time")
    await page.get_by_role("button", name="Make default").click()
    await expect(page.get_by_role("table", name="Tariffs")).to_contain_text("Default")


async def test_a_session_page_gets_its_price_without_a_reload(site: Site) -> None:
    page = await site.signed_in(DRIVER)
    number = await prices(site)
    await page.goto(f"/sessions/{number}")

    # 5 kWh at 0.10 and 7.5 at 0.30
    await expect(page.get_by_role("table", name="Price, line by line")).to_contain_text("€2.75")
    await expect(page.get_by_role("table", name="Price, line by line")).to_contain_text(
        "The last of your first 5 kWh"
    )

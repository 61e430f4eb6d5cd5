"""S9, S10 and S42: what a session costs, and a driver's plan (seeds: dispute, customer tour)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from csms.rules import pricing_terms
from csms.rules.pricing_terms import Terms, Tier
from db import plans
from db.accounts import Account
from db.rows import Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.statements.charges import (
    FIVE_PM,
    METER,
    QUARTER,
    boot,
    charge,
    kwh,
    measure,
    part,
    set_up,
    start,
    stop,
    words,
)
from tests.wire import Charger, add_station, charger, csms

USED_WH = METER[-1] - METER[0]


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


def euros(wh: int, per_kwh: str) -> str:
    """By hand: what the meter counted times the price, rounded half up."""
    amount = Decimal(wh) * Decimal(per_kwh) / 1000
    return f"€{amount.quantize(Decimal('0.01'), ROUND_HALF_UP)}"


async def cost(page: Browser, number: int, *, until: str = "") -> str:
    """The tile, once it begins with this: the price of an ended session takes a moment."""
    found = ""
    for _ in range(100):
        summary = part((await page.get(f"/sessions/{number}")).text, '<dl class="tiles">', "</dl>")
        found = words(summary.partition("Cost</dt>")[2])
        if found.startswith(until):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"the cost is {found}, never {until}")


async def dearer(pool: Pool, tariff: int, per_kwh: str, since: datetime) -> None:
    """A second version of the tariff, from then on."""
    terms = pricing_terms.encode(Terms(currency="EUR", per_kwh=Decimal(per_kwh)))
    await pool.execute(
        "insert into tariff_version values ($1, 2, 'EUR', $2, $3)", tariff, terms, since
    )


async def test_S9_cost_is_an_estimate_by_the_tariff_at_the_start(
    page: Browser, box: Charger, pool: Pool
) -> None:
    async with pool.acquire() as conn, conn.transaction():
        tariff = await build.tariff(conn, per_kwh=Decimal("0.37"))
    number = await start(box, FIVE_PM, METER[0])
    await measure(box, number, FIVE_PM + QUARTER, METER[1])

    so_far = euros(METER[1] - METER[0], "0.37")
    assert await cost(page, number) == f"{so_far} estimated"
    await dearer(pool, tariff, "9.99", FIVE_PM + QUARTER)
    assert await cost(page, number) == f"{so_far} estimated"

    await stop(box, number, FIVE_PM + 5 * QUARTER, METER[-1])
    whole = euros(USED_WH, "0.37")
    assert await cost(page, number, until=whole) == whole


async def test_S9_the_drivers_own_plan_goes_before_the_default(
    page: Browser, box: Charger, pool: Pool, ada: Account
) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await build.tariff(conn, per_kwh=Decimal("0.37"))
        own = await build.tariff(conn, "Home", is_default=False, per_kwh=Decimal("0.21"))
        plan = await plans.add(conn, name="Home", tariff_id=own, monthly_fee=Decimal(0))
        await plans.set_of(conn, ada.id, plan)
        await conn.execute(
            "update tariff_assignment set since = $1 where scope <> 'default'",
            FIVE_PM - timedelta(days=9),
        )
    number = await charge(box)

    whole = euros(USED_WH, "0.21")
    assert await cost(page, number, until=whole) == whole


async def test_S10_cost_is_unknown_until_a_tariff_matches(
    page: Browser, box: Charger, pool: Pool
) -> None:
    number = await charge(box, at=datetime.now(UTC) - timedelta(hours=2))

    assert await cost(page, number, until="unknown") == "unknown"
    shown = words((await page.get(f"/sessions/{number}")).text)
    assert "This usually resolves by itself." in shown
    assert "If the cost is still unknown after a day, say so in a dispute." in shown
    assert "€0.00" not in shown

    async with pool.acquire() as conn, conn.transaction():
        await build.tariff(conn, since=datetime.now(UTC), per_kwh=Decimal("0.37"))
    whole = euros(USED_WH, "0.37")
    assert await cost(page, number, until=whole) == whole


async def test_S10_free_is_not_unknown(page: Browser, box: Charger, pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await build.tariff(conn, per_kwh=Decimal(0))
    number = await charge(box)

    assert await cost(page, number, until="Included") == "Included"


async def test_S42_the_plan_the_use_of_it_and_its_currency(
    page: Browser, box: Charger, pool: Pool, ada: Account
) -> None:
    now = datetime.now(UTC)
    running = await start(box, now - timedelta(seconds=40), 8_412_310)
    await measure(box, running, now, 8_412_470)
    async with pool.acquire() as conn, conn.transaction():
        tariff = await build.tariff(
            conn,
            is_default=False,
            currency="CHF",
            tiers=(Tier(kwh=Decimal("0.1"), per_kwh=Decimal(0)),),
        )
        plan = await plans.add(conn, name="Night owl", tariff_id=tariff, monthly_fee=Decimal(5))
        await plans.set_of(conn, ada.id, plan)

    shown = words((await page.get("/")).text)
    assert "Night owl" in shown
    assert re.search(r"CHF\s?5\.00 a month, prices in CHF", shown)
    assert "0.10 of 0.10 kWh Free" in shown
    assert f"{kwh(160 - 100)} kWh beyond" in shown


async def test_S42_without_a_plan_they_are_not_there(page: Browser, box: Charger) -> None:
    shown = (await page.get("/")).text

    assert 'id="plan"' not in shown
    assert "a month" not in words(shown)

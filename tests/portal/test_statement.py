"""A month's statement: each amount stands on it once, whatever came late or was credited."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from db import plans, prices, statements
from db.accounts import Account
from db.model.sessions import Session
from db.rows import Pool
from portal.views.driver.statement import Statement
from tests.portal import build
from tests.portal.browser import add_person, signed_in
from tests.portal.conftest import Api
from tests.portal.test_prices import CONFIG, charged, connected, found, run, steps

LATER = datetime(2027, 2, 3, 12, tzinfo=UTC)
MONTHS = date(2027, 2, 1)  # in which late news are found, and credits given


@pytest.fixture
async def ada(pool: Pool) -> Account:
    return await add_person(pool, "ada@example.org")


@pytest.fixture
async def session(pool: Pool, ada: Account) -> Session:
    """10 kWh for 3.00, told."""
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada)
    await run(pool)
    return session


async def statement(pool: Pool, of: Account, month: date) -> Statement:
    since = datetime(month.year, month.month, 1, tzinfo=UTC) - timedelta(hours=1)  # of Berlin
    async with pool.acquire() as conn:
        return Statement(
            month,
            await statements.list_sessions(
                conn, of.id, zone=CONFIG.operator_zone, since=since, until=since + timedelta(31)
            ),
            await statements.list_added(conn, of.id, month),
            is_over=True,
        )


async def billed(pool: Pool, of: Account, session: Session) -> Decimal:
    """What both statements say together: of the session's month, and of the later one."""
    began = session.started_at.date().replace(day=1)
    months = [await statement(pool, of, month) for month in (began, MONTHS)]
    return sum((each.total for month in months for each in month.sums), Decimal(0))


async def remeasured(pool: Pool, of: Session, energy_wh: int | None) -> None:
    await pool.execute("update charging_session set energy_wh = $2 where id = $1", of.id, energy_wh)
    await run(pool, now=LATER)


async def credit(pool: Pool, of: Session, by: Account, amount: str) -> None:
    async with connected(pool) as conn:
        await prices.lock(conn, of.station_id, of.id)
        price = await prices.find(conn, of.id)
        assert price is not None
        await prices.add_credit(
            conn,
            price,
            account_id=by.id,
            amount=Decimal(amount),
            reason="Sorry",
            by_account_id=by.id,
            statement_month=MONTHS,
        )


async def test_what_late_readings_add_is_billed_once(
    pool: Pool, ada: Account, session: Session
) -> None:
    await remeasured(pool, session, 12_000)

    own = await statement(pool, ada, session.started_at.date().replace(day=1))
    (row,) = own.sessions
    assert row.amount == Decimal("3.00")  # as it was told
    assert (await statement(pool, ada, MONTHS)).sums[0].adjustments == Decimal("0.60")
    assert await billed(pool, ada, session) == (await found(pool, session)).due == Decimal("3.60")


async def test_a_price_that_was_told_as_unknown_stands_where_it_was_found(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada, energy_wh=None)
    await run(pool)
    await run(pool, now=datetime.now(UTC) + timedelta(hours=25))
    own_month = session.started_at.date().replace(day=1)
    assert (await statement(pool, ada, own_month)).open == 1

    await remeasured(pool, session, 20_000)

    own = await statement(pool, ada, own_month)
    assert own.sessions[0].amount is None
    assert own.open == 0
    assert await billed(pool, ada, session) == Decimal("6.00")


async def test_what_became_free_later_still_stands_with_what_it_was_told_at(
    pool: Pool, ada: Account, session: Session
) -> None:
    await remeasured(pool, session, 0)

    own = await statement(pool, ada, session.started_at.date().replace(day=1))
    (row,) = own.sessions
    assert (row.amount, row.is_included) == (Decimal("3.00"), False)
    assert await billed(pool, ada, session) == Decimal("0.00")


@pytest.mark.parametrize(
    ("credited", "then_wh", "adjusted", "left"),
    [
        ("3.00", 8_000, "0.00", "0.00"),  # 2.40: no more than was paid comes back
        ("2.00", 5_000, "-1.00", "0.00"),  # 1.50
        ("2.00", 8_000, "-0.60", "0.40"),
        ("3.00", 12_000, "0.60", "0.60"),
    ],
)
async def test_a_credit_and_late_readings_together_never_pay_back_more_than_was_billed(
    pool: Pool,
    ada: Account,
    session: Session,
    credited: str,
    then_wh: int,
    adjusted: str,
    left: str,
) -> None:
    await credit(pool, session, ada, credited)
    await remeasured(pool, session, then_wh)

    assert (await steps(pool, session))[-1] == ("adjustment", Decimal(adjusted))
    price = await found(pool, session)
    assert price.total == Decimal(then_wh) / 1000 * Decimal("0.30")
    assert await billed(pool, ada, session) == price.due == Decimal(left)

    await remeasured(pool, session, 10_000)
    price = await found(pool, session)
    assert await billed(pool, ada, session) == price.due == Decimal("3.00") - Decimal(credited)


async def test_a_credit_at_the_moment_of_late_readings_waits_or_is_waited_for(
    pool: Pool, ada: Account, session: Session
) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await prices.lock(conn, session.station_id, session.id)
        price = await prices.find(conn, session.id)
        assert price is not None
        news = asyncio.create_task(remeasured(pool, session, 5_000))
        await asyncio.sleep(0.3)
        assert not news.done()
        await prices.add_credit(
            conn,
            price,
            account_id=ada.id,
            amount=Decimal("3.00"),
            reason="Sorry",
            by_account_id=ada.id,
            statement_month=MONTHS,
        )
    await news

    assert await billed(pool, ada, session) == (await found(pool, session)).due == Decimal(0)


async def test_lines_go_with_the_energy_also_where_the_price_stays(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn, maximum=Decimal(2))
        session = await charged(conn, ada)
    await run(pool)
    await remeasured(pool, session, 12_000)

    price = await found(pool, session)
    assert (price.total, price.lines[0].quantity) == (Decimal("2.00"), Decimal(12))
    assert await steps(pool, session) == [("priced", Decimal("2.00"))]


async def test_the_page_says_what_stands_on_another_statement(
    api: Api, pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada, energy_wh=None)
    await run(pool)
    await run(pool, now=datetime.now(UTC) + timedelta(hours=25))
    await remeasured(pool, session, 20_000)

    async with signed_in(api.port, ada.email) as page:
        shown = await page.get(f"/statements/{session.started_at:%Y-%m}")
    assert "as an adjustment" in shown.text
    assert "not in it: still in progress" not in shown.text


async def test_a_plans_monthly_fee_is_said_to_be_apart(api: Api, pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        tariff = await build.tariff(conn)
        plan = await plans.add(conn, name="Home", tariff_id=tariff, monthly_fee=Decimal("14.90"))
    async with signed_in(api.port, ada.email) as page:
        assert "monthly fee" not in (await page.get("/statements/2026-11")).text
        async with connected(pool) as conn:
            await plans.set_of(conn, ada.id, plan)
        shown = (await page.get("/statements/2026-11")).text
    assert "Without the monthly fee of your plan Home, €14.90." in shown

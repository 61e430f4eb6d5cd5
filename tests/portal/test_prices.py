"""The job that prices sessions: each step once, the driver told once, whatever happens between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from csms.rules.pricing_terms import Tier, Window
from db import plans, price_rows, prices, tariffs
from db.accounts import Account
from db.changes import Notifier
from db.config import DatabaseConfig
from db.model.sessions import Session
from db.rows import Conn, Pool
from portal import price_making, price_steps
from portal.config import Config
from portal.prices import price_batch, price_due
from tests.portal import build
from tests.portal.browser import add_person

NOW = datetime.now(UTC).replace(microsecond=0)
CONFIG = Config(database=DatabaseConfig(data_dir=Path("unused")), operator_zone="Europe/Berlin")
ONE = Decimal(1)


class Heard(Notifier):
    """What was told to pages."""

    def __init__(self) -> None:
        self.topics: set[str] = set()

    def changed(self, *topics: str) -> None:
        self.topics |= set(topics)


async def run(pool: Pool, *, now: datetime | None = None, most: int = 50) -> Heard:
    heard = Heard()
    await price_batch(pool, heard, CONFIG, now=now or datetime.now(UTC), most=most)
    return heard


async def steps(pool: Pool, of: Session) -> list[tuple[str, Decimal | None]]:
    rows = await pool.fetch(
        "select kind, amount from price_step where session_id = $1 order by id", of.id
    )
    return [(row["kind"], row["amount"]) for row in rows]


async def found(pool: Pool, of: Session) -> prices.Price:
    async with pool.acquire() as conn:
        price = await prices.find(conn, of.id)
    assert price is not None
    return price


async def counts(pool: Pool) -> tuple[int, int]:
    """Notices and mails."""
    return (
        await pool.fetchval("select count(*) from notice where kind = 'session.complete'"),
        await pool.fetchval("select count(*) from mail where kind = 'session_summary'"),
    )


@asynccontextmanager
async def connected(pool: Pool) -> AsyncIterator[Conn]:
    async with pool.acquire() as conn, conn.transaction():
        yield conn


@pytest.fixture
async def ada(pool: Pool) -> Account:
    return await add_person(pool, "ada@example.org")


async def charged(
    conn: Conn,
    account: Account | None,
    *,
    identity: str = "CP-1",
    energy_wh: int | None = 10_000,
    ago: timedelta = timedelta(minutes=5),
    took: timedelta = timedelta(hours=1),
    **more: Any,
) -> Session:
    row = await conn.fetchrow("select identity from station where identity = $1", identity)
    from db import stations

    station = (
        await stations.get(conn, identity) if row else await build.station(conn, identity, evses=1)
    )
    ended_at = NOW - ago
    return await build.session(
        conn,
        station,
        account_id=account.id if account else None,
        started_at=ended_at - took,
        ended_at=ended_at,
        updated_at=ended_at,
        energy_wh=energy_wh,
        meter_start_wh=1000,
        meter_stop_wh=None if energy_wh is None else 1000 + energy_wh,
        **more,
    )


async def test_a_finished_session_is_priced_once_and_its_driver_told_once(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada)

    heard = await run(pool)

    price = await found(pool, session)
    assert (price.total, price.due, price.currency) == (Decimal("3.00"), Decimal("3.00"), "EUR")
    assert (price.tariff, price.why) == ("Day", "the operator's default")
    assert sum((line.amount for line in price.lines), Decimal(0)) == price.total
    assert await steps(pool, session) == [("priced", Decimal("3.00"))]
    assert heard.topics == {f"session:{session.id}@{ada.id}", f"notices@{ada.id}"}
    notice = await pool.fetchrow("select * from notice")
    assert notice is not None
    assert notice["title"] == "Charged at CP-1"
    assert notice["body"] == "10.00 kWh in 1 h. Cost: €3.00."
    assert (notice["account_id"], notice["path"]) == (ada.id, f"/sessions/{session.id}")
    mail = await pool.fetchrow("select * from mail")
    assert mail is not None
    assert (mail["recipient"], mail["account_id"]) == ("ada@example.org", ada.id)
    assert f"Session  {session.id}\n" in mail["body_text"]
    assert "Cost     €3.00" in mail["body_text"]

    assert (await run(pool)).topics == set()
    assert await steps(pool, session) == [("priced", Decimal("3.00"))]
    assert await counts(pool) == (1, 1)


async def test_who_wants_no_mail_gets_the_notice_alone(pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        await conn.execute("update account set is_mail_wanted = false where id = $1", ada.id)
        await charged(conn, ada)

    await run(pool)

    assert await counts(pool) == (1, 0)


async def test_a_session_of_long_ago_or_of_nobody_is_priced_without_a_word(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        old = await charged(conn, ada, ago=timedelta(hours=24, minutes=1))
        nobodys = await charged(conn, None)

    await run(pool)

    assert await steps(pool, old) == await steps(pool, nobodys) == [("priced", Decimal("3.00"))]
    assert await counts(pool) == (0, 0)


async def test_a_session_of_before_this_version_is_due_too(pool: Pool) -> None:
    before = await pool.fetchval(
        """
        select attmissingval::text from pg_attribute
        where attrelid = 'charging_session'::regclass and attname = 'is_price_due'
        """
    )

    assert before == "{t}"


async def test_two_portals_at_once_never_double_a_step(pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn, tiers=(Tier(kwh=Decimal(1000), per_kwh=Decimal("0.10")),))
        for _ in range(12):
            await charged(conn, ada)

    for _ in range(4):
        await asyncio.gather(*(run(pool, most=3) for _ in range(4)))

    rows = await pool.fetch("select session_id, count(*) from price_step group by 1")
    assert sorted(row["count"] for row in rows) == [1] * 12
    assert await counts(pool) == (12, 12)
    places = await pool.fetch("select used_before_wh from session_price order by 1")
    assert [row[0] for row in places] == [10_000 * n for n in range(12)]


async def test_killed_in_between_it_is_as_if_it_had_not_begun(
    pool: Pool, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada)

    async def dies(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(price_rows, "record_priced", dies)
        with pytest.raises(asyncio.CancelledError):
            await run(pool)
    assert await steps(pool, session) == []
    assert await counts(pool) == (0, 0)

    await run(pool)
    assert await steps(pool, session) == [("priced", Decimal("3.00"))]
    assert await counts(pool) == (1, 1)


async def test_a_summary_that_cannot_be_written_does_not_hold_up_the_price(
    pool: Pool, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada)

    async def fails(*_: object, **__: object) -> None:
        raise ValueError("no such template")

    with monkeypatch.context() as patch:
        patch.setattr(price_steps, "tell", fails)
        await run(pool)
    assert await steps(pool, session) == [("priced", Decimal("3.00"))]
    assert await counts(pool) == (0, 0)

    await run(pool, now=datetime.now(UTC) + timedelta(minutes=6))
    assert await steps(pool, session) == [("priced", Decimal("3.00"))]
    assert await counts(pool) == (1, 1)


async def test_one_session_that_cannot_be_priced_stops_no_other(
    pool: Pool, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        odd = await charged(conn, ada, energy_wh=1, ago=timedelta(minutes=9))
        usual = await charged(conn, ada)
    real = price_making.make

    def make(terms: Any, facts: Any, *rest: Any, **named: Any) -> Any:
        if facts.session_id == odd.id:
            raise ArithmeticError("nobody thought of it")
        return real(terms, facts, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(price_making, "make", make)
        await run(pool)
    assert await steps(pool, odd) == []
    assert await steps(pool, usual) == [("priced", Decimal("3.00"))]

    await run(pool)  # it comes again
    assert await steps(pool, odd) == [("priced", Decimal("0.00"))]


@pytest.mark.parametrize(
    ("flag", "status", "total", "why"),
    [
        ("unregistered", "Accepted", "0.00", "The charger was not accepted"),
        ("unauthorized", "Blocked", "0.00", "The card was refused"),
        ("unauthorized", "Invalid", "0.00", "The card was refused"),
        ("unauthorized", "ConcurrentTx", "1.00", "the operator's default"),  # her card, twice
    ],
)
async def test_what_nobody_let_charge_is_kept_and_not_billed(
    pool: Pool, ada: Account, flag: str, status: str, total: str, why: str
) -> None:
    """Nor does it take of the month's allowance."""
    async with connected(pool) as conn:
        await build.tariff(conn, tiers=(Tier(kwh=Decimal(10), per_kwh=Decimal("0.10")),))
        theirs = await charged(
            conn, ada, flags=[flag], authorization_status=status, ago=timedelta(minutes=9)
        )
        own = await charged(conn, ada)
    await run(pool)

    price = await found(pool, theirs)
    assert (price.total, price.is_included) == (Decimal(total), False)
    assert why in price.why
    reason = await pool.fetchval("select reason from price_step where session_id = $1", theirs.id)
    assert reason.startswith(why) or status == "ConcurrentTx"
    used = 10_000 if status == "ConcurrentTx" else 0
    rows = await pool.fetchrow(
        "select used_before_wh from session_price where session_id = $1", own.id
    )
    assert rows is not None
    assert rows[0] == used


async def test_what_changes_before_the_driver_was_told_is_a_new_price(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada, energy_wh=None)
    await run(pool)
    assert (await found(pool, session)).total is None
    assert await counts(pool) == (0, 0)

    await pool.execute("update charging_session set energy_wh = 20000 where id = $1", session.id)
    await run(pool)

    assert await steps(pool, session) == [("priced", None), ("repriced", Decimal("6.00"))]
    assert await counts(pool) == (1, 1)


async def test_what_changes_after_it_is_an_adjustment_of_the_difference(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada)
    await run(pool)
    before = await pool.fetchval("select updated_at from charging_session")

    await pool.execute("update charging_session set energy_wh = 12000 where id = $1", session.id)
    found_at = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)  # in Berlin it is December
    await run(pool, now=found_at)
    await pool.execute("update charging_session set energy_wh = 11000 where id = $1", session.id)
    await run(pool, now=found_at)

    assert await steps(pool, session) == [
        ("priced", Decimal("3.00")),
        ("adjustment", Decimal("0.60")),
        ("adjustment", Decimal("-0.30")),
    ]
    price = await found(pool, session)
    assert price.total == Decimal("3.30")
    assert sum((line.amount for line in price.lines), Decimal(0)) == price.total
    months = await pool.fetch("select statement_month from price_step where kind = 'adjustment'")
    assert [row[0] for row in months] == [date(2026, 12, 1)] * 2
    assert await counts(pool) == (1, 1)
    assert await pool.fetchval("select updated_at from charging_session") == before


async def test_where_nothing_changed_nothing_is_written(pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada)
    await run(pool)

    await pool.execute("update charging_session set is_price_due = true")
    heard = await run(pool)

    assert await steps(pool, session) == [("priced", Decimal("3.00"))]
    assert heard.topics == set()
    assert not await pool.fetchval("select is_price_due from charging_session")


async def test_a_driver_waits_a_day_for_an_unknown_price_and_is_then_told_so(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada, energy_wh=None)
    await run(pool)
    await run(pool, now=datetime.now(UTC) + timedelta(hours=23))
    assert await counts(pool) == (0, 0)

    await run(pool, now=datetime.now(UTC) + timedelta(hours=25))
    assert await counts(pool) == (1, 1)
    body = await pool.fetchval("select body from notice")
    assert body == "unknown in 1 h. Cost: unknown."

    await pool.execute("update charging_session set energy_wh = 20000 where id = $1", session.id)
    await run(pool)
    assert await steps(pool, session) == [("priced", None), ("adjustment", Decimal("6.00"))]
    price = await found(pool, session)
    assert (price.total, price.due) == (Decimal("6.00"), Decimal("6.00"))


async def test_sessions_without_a_tariff_are_priced_when_there_is_one(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        session = await charged(conn, ada)
    await run(pool)
    price = await found(pool, session)
    assert (price.total, price.why, price.currency) == (None, "no tariff is set", "EUR")

    async with connected(pool) as conn:
        id_ = await tariffs.add(
            conn,
            name="First",
            currency="EUR",
            terms='{"currency":"EUR","per_kwh":"0.50"}',
        )
        await tariffs.make_default(conn, id_)
    await run(pool, now=datetime.now(UTC) + timedelta(seconds=2))

    assert await steps(pool, session) == [("priced", None), ("repriced", Decimal("5.00"))]
    assert await counts(pool) == (1, 1)


async def test_terms_that_cannot_be_read_make_a_price_unknown_and_hold_up_no_other(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        odd = await tariffs.add(
            conn, name="Odd", currency="EUR", terms='{"per_kwhs":1}', created_at=build.NOON
        )
        odd_one = await charged(conn, ada, identity="CP-2", ago=timedelta(hours=2))
        await conn.execute("update station set tariff_id = $1 where identity = 'CP-2'", odd)
        await conn.execute("update tariff_assignment set since = $1", build.NOON)
        session = await charged(conn, ada)

    await run(pool)

    assert await steps(pool, odd_one) == [("priced", None)]
    assert await steps(pool, session) == [("priced", Decimal("3.00"))]


async def test_the_tariff_is_the_one_in_force_when_the_session_started(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        default = await build.tariff(conn)
        # A second version an hour and a half ago, a third one now; the session is in between.
        for version, per_kwh, ago in ((2, "0.40", timedelta(minutes=90)), (3, "0.90", timedelta())):
            await conn.execute(
                "insert into tariff_version values ($1, $2, 'EUR', $3, $4)",
                default,
                version,
                f'{{"currency":"EUR","per_kwh":"{per_kwh}"}}',
                NOW - ago,
            )
        session = await charged(conn, ada)
        older = await charged(conn, ada, ago=timedelta(days=900))  # before the first

    await run(pool)

    assert await steps(pool, session) == [("priced", Decimal("4.00"))]
    assert await steps(pool, older) == [("priced", Decimal("3.00"))]


async def test_plan_then_charger_then_site_then_default(pool: Pool, ada: Account) -> None:
    """And each as it was when the session started: what was assigned since does not count."""
    async with connected(pool) as conn:
        made = {
            name: await build.tariff(
                conn, name, is_default=name == "default", per_kwh=Decimal(price)
            )
            for name, price in (("default", "1"), ("site", "2"), ("charger", "3"), ("plan", "4"))
        }
        site = await conn.fetchval("insert into site (name) values ('Harbour') returning id")
        first = await charged(conn, ada, ago=timedelta(hours=8))
        await conn.execute("update station set site_id = $1, name = 'Bay 1'", site)
    changes = (
        ("site", timedelta(hours=7), "update site set tariff_id = $1"),
        ("charger", timedelta(hours=5), "update station set tariff_id = $1"),
        (
            "plan",
            timedelta(hours=3),
            "with p as (insert into plan (name, tariff_id) values ('Home', $1) returning id)"
            " update account set plan_id = (select id from p) where role = 'driver'",
        ),
    )
    sessions = [first]
    for name, ago, sql in changes:
        async with connected(pool) as conn:
            last = await conn.fetchval("select max(id) from tariff_assignment")
            await conn.execute(sql, made[name])
            await conn.execute(
                "update tariff_assignment set since = $1 where id > $2", NOW - ago, last
            )
            sessions.append(await charged(conn, ada, ago=ago - timedelta(hours=1, minutes=1)))
    async with connected(pool) as conn:
        await conn.execute("update account set plan_id = null")  # now: of no matter to them

    await run(pool)

    found_ = [await found(pool, session) for session in sessions]
    assert [price.total for price in found_] == [10, 20, 30, 40]
    assert [price.why for price in found_] == [
        "the operator's default",
        "site Harbour",
        "charger Bay 1",
        "plan Home",
    ]


async def test_the_allowance_of_a_month_is_shared_by_all_sessions_of_an_account(
    pool: Pool, ada: Account
) -> None:
    other = await add_person(pool, "grace@example.org")
    async with connected(pool) as conn:
        await build.tariff(
            conn, "Home", tiers=(Tier(kwh=Decimal(25), per_kwh=Decimal(0)),), per_kwh=ONE
        )
        month = NOW.replace(day=15, hour=12, minute=0) - timedelta(days=60)
        last = NOW - month
        mine = [
            await charged(conn, ada, ago=last - timedelta(hours=hours)) for hours in (0, 2, 4, 6)
        ]
        theirs = await charged(conn, other, ago=last - timedelta(hours=1))
        later = await charged(conn, ada, ago=last - timedelta(days=31))

    for _ in range(6):
        await run(pool, most=1)

    # 25 kWh are free: 10, 10, 5 of the third; Grace and the next month have their own.
    totals = [(await found(pool, session)).total for session in mine]
    assert totals == [0, 0, 5, 10]
    assert [(await found(pool, s)).is_included for s in mine] == [True, True, False, False]
    assert (await found(pool, theirs)).total == (await found(pool, later)).total == 0


async def test_windows_and_idle_time_come_from_the_readings(pool: Pool) -> None:
    async with connected(pool) as conn:
        site = await conn.fetchval(
            "insert into site (name, zone) values ('Harbour', 'Asia/Tokyo') returning id"
        )
        # 09:00 UTC is 18:00 in Tokyo.
        window = Window(per_kwh=ONE, start=18 * 60, end=24 * 60)
        await build.tariff(conn, windows=(window,), per_idle_minute=ONE, idle_grace_min=10)
        start = datetime(2026, 11, 18, 8, 30, tzinfo=UTC)
        session = await charged(
            conn, None, energy_wh=15_000, ago=NOW - start - timedelta(hours=2),
            took=timedelta(hours=2),
        )  # fmt: skip
        await conn.execute("update station set site_id = $1", site)
        registers = [1_000, 6_000, 11_000, 16_000, 16_000, 16_000, 16_000, 16_000, 16_000]
        await build.measure(conn, session, registers, at=start, step=timedelta(minutes=15))

    await run(pool)

    # 10 kWh before 18:00 at 0.30, 5 after at 1; idle from 18:15 to 19:30 without 10 minutes.
    price = await found(pool, session)
    assert [(line.kind, line.amount) for line in price.lines] == [
        ("energy", Decimal("3.00")),
        ("energy", Decimal("5.00")),
        ("idle", Decimal("65.00")),
    ]


async def test_a_backlog_is_priced_in_the_order_in_which_sessions_ended(
    pool: Pool, ada: Account
) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        for hours in (3, 1, 2, 5, 4):
            await charged(conn, ada, ago=timedelta(days=2, hours=hours))
        await charged(conn, ada)

    await price_due(pool, Heard(), CONFIG)

    rows = await pool.fetch(
        """
        select ended_at from price_step join charging_session session on session.id = session_id
        order by price_step.id
        """
    )
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert len(rows) == 6


async def test_a_session_that_somebody_holds_comes_next_time(pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        held = await charged(conn, ada)
        free = await charged(conn, ada)

    async with connected(pool) as conn:
        await conn.execute("select from charging_session where id = $1 for update", held.id)
        await run(pool)
        assert (await steps(pool, held), len(await steps(pool, free))) == ([], 1)

    await run(pool)
    assert len(await steps(pool, held)) == 1


async def test_prices_are_never_rewritten(pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        await charged(conn, ada)
    await run(pool)

    for sql in ("update price_step set amount = 1", "delete from price_step",
                "update tariff_version set terms = '{}'"):  # fmt: skip
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute(sql)


async def test_a_credit_is_beside_the_price_and_moves_nothing(pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        await build.tariff(conn)
        session = await charged(conn, ada)
    await run(pool)
    before = await pool.fetchval("select updated_at from charging_session")

    async with connected(pool) as conn:
        await prices.add_credit(
            conn,
            await found(pool, session),
            account_id=ada.id,
            amount=Decimal("1.25"),
            reason="The charger stopped early",
            by_account_id=ada.id,
            statement_month=date(2026, 12, 1),
        )
    await run(pool)

    price = await found(pool, session)
    assert (price.total, price.credited, price.due) == (
        Decimal("3.00"),
        Decimal("-1.25"),
        Decimal("1.75"),
    )
    assert await pool.fetchval("select updated_at from charging_session") == before


async def test_a_plan_counts_what_its_driver_took_this_month(pool: Pool, ada: Account) -> None:
    async with connected(pool) as conn:
        id_ = await build.tariff(conn)
        plan_id = await plans.add(conn, name="Home", tariff_id=id_, monthly_fee=ONE)
        await plans.set_of(conn, ada.id, plan_id)
        start = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)  # June in Berlin
        for at, wh in ((start, 7_000), (start - timedelta(hours=1), 500)):
            await charged(conn, ada, energy_wh=wh, ago=NOW - at - timedelta(hours=1))
        plan = await plans.find_of(conn, ada.id)
        used = await plans.used_wh(conn, ada.id, date(2026, 6, 1), zone="Europe/Berlin")

    assert plan is not None
    assert (plan.name, plan.accounts, used) == ("Home", 1, 7_000)

"""The admin's tariffs and plans: versions, where they are used, and who has which plan."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from csms.rules.pricing_terms import Terms, Tier, Window, decode
from db import tariffs
from db.rows import Pool
from db.tariffs_in_force import Place, in_force
from portal import tariff_form
from portal.forms import Form
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

EVENING = {f"w0-d{day}": "1" for day in range(1, 6)} | {
    "windows": "1", "w0-start": "17:00", "w0-end": "21:00", "w0-price": "0.48",
}  # fmt: skip
FULL = {
    "name": "Day and evening",
    "currency": "eur",
    "per_kwh": "0,36",
    "tiers": "1",
    "t0-kwh": "120",
    "t0-price": "0.28",
    "session_fee": "0.50",
    "per_idle_minute": "0.10",
    "idle_grace_min": "15",
    "tax_percent": "19",
    "tax": "included",
    **EVENING,
}


@pytest.fixture
async def omar(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, "omar@example.org", role="admin")
    async with signed_in(api.port, "omar@example.org") as browser:
        yield browser


async def audited(pool: Pool) -> list[str]:
    rows = await pool.fetch("select action from audit where action ~ '^(tariff|plan)' order by id")
    return [row[0] for row in rows]


async def test_a_tariff_is_made_of_a_form(omar: Browser, pool: Pool) -> None:
    shown = await omar.post("/admin/tariffs/new", FULL, page="/admin/tariffs/new")

    assert shown.status == 200
    assert re.fullmatch(r"/admin/tariffs/\d+", shown.path)
    kept = decode(await pool.fetchval("select terms::text from tariff_version"))
    assert kept == Terms(
        currency="EUR",
        per_kwh=Decimal("0.36"),
        windows=(
            Window(per_kwh=Decimal("0.48"), start=17 * 60, end=21 * 60, days=(1, 2, 3, 4, 5)),
        ),
        tiers=(Tier(kwh=Decimal(120), per_kwh=Decimal("0.28")),),
        session_fee=Decimal("0.50"),
        per_idle_minute=Decimal("0.10"),
        idle_grace_min=15,
        tax_percent=Decimal(19),
    )
    assert await audited(pool) == ["tariff.added"]
    # 20 kWh at 0.28 and the fee: in the evening too, for the first 120 kWh go before.
    assert "20 kWh from 18:00 to 19:00 on a Wednesday costs" in shown.text
    assert "€6.10" in shown.text


def test_the_form_of_a_tariff_gives_its_terms_back() -> None:
    form = Form(FULL)
    made = tariff_form.terms(form)
    assert made is not None

    again = tariff_form.terms(Form(tariff_form.given("Any", made)))

    assert again == made
    night = Window(per_kwh=Decimal(1), start=22 * 60, end=1440)
    made = Terms(currency="JPY", per_kwh=Decimal(0), windows=(night,), is_tax_included=False)
    assert tariff_form.terms(Form(tariff_form.given("Any", made))) == made


async def test_a_row_is_added_without_losing_what_was_typed(omar: Browser, pool: Pool) -> None:
    given = {**FULL, "per_kwh": "", "do": "add_window"}
    shown = await omar.post("/admin/tariffs/new", given, page="/admin/tariffs/new")

    assert shown.status == 200
    assert 'name="windows" value="2"' in shown.text
    assert 'name="w1-start"' in shown.text
    assert 'value="Day and evening"' in shown.text
    assert "to put right" not in shown.text
    assert await pool.fetchval("select count(*) from tariff") == 0
    tier = await omar.post(
        "/admin/tariffs/new", {**FULL, "do": "add_tier"}, page="/admin/tariffs/new"
    )
    assert 'name="t1-kwh"' in tier.text


async def test_the_example_is_worked_out_before_anything_is_kept(omar: Browser, pool: Pool) -> None:
    given = {**FULL, "tiers": "0", "do": "example"}
    shown = await omar.post("/admin/tariffs/new", given, page="/admin/tariffs/new")

    # Wednesday from 18:00: 20 x 0.48 + 0.50. From 16:30: 10 x 0.36 + 10 x 0.48 + 0.50
    assert "€10.10" in shown.text
    assert "20 kWh from 16:30 to 17:30 on a Monday costs" in shown.text
    assert "€8.90" in shown.text
    # Until 20:00: an hour idle, 45 min of it beyond the grace: 10.10 + 4.50
    assert "unplugged at 20:00" in shown.text
    assert "€14.60" in shown.text
    assert await pool.fetchval("select count(*) from tariff") == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, "Enter the tariff"),
        ({"per_kwh": "free"}, "Enter a number"),
        ({"per_kwh": "-1"}, "Enter a number from 0"),
        ({"currency": "EU"}, "three letters"),
        ({"session_fee": "0.505"}, "Use 2 decimals at most"),
        ({"currency": "JPY", "session_fee": "0.5"}, "Enter a whole number"),
        ({"w0-end": "25:00"}, "Enter a time such as 17:00"),
        ({f"w0-d{day}": "" for day in range(1, 6)}, "Tick a day"),
        ({"minimum": "5", "maximum": "4"}, "not less than the minimum"),
        ({"t0-kwh": "0"}, "more than 0 kWh"),
        ({"tax_percent": "190"}, "Enter a number from 0 to 100"),
    ],
)
async def test_a_tariff_that_cannot_be_comes_back_with_the_reason(
    omar: Browser, pool: Pool, wrong: dict[str, str], words: str
) -> None:
    shown = await omar.post("/admin/tariffs/new", {**FULL, **wrong}, page="/admin/tariffs/new")

    assert shown.status == 422
    assert words in shown.text
    assert await pool.fetchval("select count(*) from tariff") == 0
    assert await audited(pool) == []


async def test_a_change_is_a_new_version_and_none_where_nothing_changed(
    omar: Browser, pool: Pool
) -> None:
    made = await omar.post("/admin/tariffs/new", FULL, page="/admin/tariffs/new")
    page = made.path

    same = {**FULL, "seen_version": "1"}
    await omar.post(page, {**same, "name": "Renamed"}, page=page)
    assert await pool.fetchval("select count(*) from tariff_version") == 1
    changed = await omar.post(page, {**same, "per_kwh": "0.40"}, page=page)

    assert "in force from now on as version 2" in changed.text
    rows = await pool.fetch("select terms->>'per_kwh' from tariff_version order by version")
    assert [row[0] for row in rows] == ["0.36", "0.4"]
    assert await audited(pool) == ["tariff.added", "tariff.changed", "tariff.changed"]
    late = await omar.post(page, {**same, "per_kwh": "0.50"}, page=page)
    assert late.status == 422
    assert "Somebody changed this tariff meanwhile" in late.text


async def test_the_default_moves_and_what_is_used_cannot_be_retired(
    omar: Browser, pool: Pool
) -> None:
    for name in ("One", "Two"):
        await omar.post("/admin/tariffs/new", {**FULL, "name": name}, page="/admin/tariffs/new")
    ids = [row[0] for row in await pool.fetch("select id from tariff order by id")]
    assert "No tariff is the default" in (await omar.get("/admin/tariffs")).text

    for id_ in ids:
        await omar.post(f"/admin/tariffs/{id_}/default", {}, page="/admin/tariffs")
    page = await omar.get("/admin/tariffs")
    assert "Two is the default from now on" in page.text or "Default" in page.text
    defaults = await pool.fetch("select id from tariff where is_default")
    assert [row[0] for row in defaults] == [ids[1]]

    await pool.execute("insert into site (name, tariff_id) values ('Harbour', $1)", ids[0])
    refused = await omar.post(f"/admin/tariffs/{ids[0]}/retire", {}, page="/admin/tariffs")
    assert "is in use" in refused.text
    assert "site Harbour" in (await omar.get("/admin/tariffs")).text
    await pool.execute("update site set tariff_id = null")
    await omar.post(f"/admin/tariffs/{ids[0]}/retire", {}, page="/admin/tariffs")

    assert await pool.fetchval("select count(*) from tariff where retired_at is not null") == 1
    async with pool.acquire() as conn:
        assert await tariffs.list_choices(conn) == [(ids[1], "Two")]
    assert await audited(pool) == [
        "tariff.added", "tariff.added", "tariff.made_default", "tariff.made_default",
        "tariff.retired",
    ]  # fmt: skip


async def test_a_plan_and_who_has_it(omar: Browser, pool: Pool) -> None:
    assert "Make that first" in (await omar.get("/admin/plans")).text
    async with pool.acquire() as conn:
        tariff = await build.tariff(conn, "Home")
    ada = await add_person(pool, "ada@example.org")
    fields = {"name": "Commuter", "tariff": str(tariff), "monthly_fee": "9.90"}

    made = await omar.post("/admin/plans/new", fields, page="/admin/plans/new")
    page = made.path
    added = await omar.post(f"{page}/drivers", {"email": "ADA@example.org"}, page=page)

    assert "ada has Commuter from now on" in added.text
    assert "€9.90" in (await omar.get("/admin/plans")).text
    async with pool.acquire() as conn:
        place = Place(ada.id, 0, None, datetime.now(UTC) + timedelta(seconds=1))
        chosen = (await in_force(conn, [place]))[0]
    assert chosen is not None
    assert (chosen.why, chosen.tariff) == ("plan Commuter", "Home")

    gone = await omar.post(f"{page}/drivers", {"remove": str(ada.id)}, page=page)
    assert "ada no longer has Commuter" in gone.text
    assert await pool.fetchval("select count(*) from account where plan_id is not null") == 0
    assert await audited(pool) == ["plan.added", "plan.driver_added", "plan.driver_removed"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "", "tariff": "1"}, "Enter the plan"),
        ({"name": "A", "tariff": "99"}, "Choose its tariff"),
        ({"name": "A", "tariff": "1", "monthly_fee": "1.999"}, "Use 2 decimals at most"),
    ],
)
async def test_a_plan_that_cannot_be_comes_back(
    omar: Browser, pool: Pool, fields: dict[str, str], words: str
) -> None:
    async with pool.acquire() as conn:
        assert await build.tariff(conn) == 1

    shown = await omar.post("/admin/plans/new", fields, page="/admin/plans/new")

    assert shown.status == 422
    assert words in shown.text
    assert await pool.fetchval("select count(*) from plan") == 0


async def test_nobody_without_an_account_here_gets_a_plan(omar: Browser, pool: Pool) -> None:
    async with pool.acquire() as conn:
        tariff = await build.tariff(conn)
    await omar.post(
        "/admin/plans/new", {"name": "A", "tariff": str(tariff)}, page="/admin/plans/new"
    )
    page = "/admin/plans/1"

    for email in ("nobody@example.org", "omar@example.org"):
        shown = await omar.post(f"{page}/drivers", {"email": email}, page=page)
        assert shown.status == 422
        assert "There is no driver with this address" in shown.text


async def test_what_does_not_exist_is_not_found(omar: Browser) -> None:
    for path in ("/admin/tariffs/77", "/admin/plans/77", f"/admin/tariffs/{2**64}"):
        assert (await omar.get(path)).status == 404


async def test_two_defaults_at_once_end_as_one(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ids = [await build.tariff(conn, name, is_default=False) for name in "abc"]

    async def choose(id_: int) -> None:
        async with pool.acquire() as conn, conn.transaction():
            await tariffs.make_default(conn, id_)

    await asyncio.gather(*(choose(id_) for id_ in ids * 3))

    assert await pool.fetchval("select count(*) from tariff where is_default") == 1

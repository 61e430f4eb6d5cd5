"""The page behind a charger's sticker: who sees what, and what it costs there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from csms.rules.pricing_terms import Terms, Tier, Window, encode
from db import tariffs
from db.model.stations import Station
from db.rows import Pool
from portal.context import LIMITS
from portal.limits import Limit
from portal.price_words import words
from tests.portal import build
from tests.portal.browser import Browser, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"
HTMX = {"HX_Request": "true"}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday


def text_of(html: str) -> str:
    main = html[html.find("<main") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


@pytest.fixture
async def charger(pool: Pool) -> Station:
    """At a site, connected, with one free connector."""
    async with pool.acquire() as conn:
        made = await build.station(conn, evses=1)
        await build.connect(conn, made)
        await conn.execute(
            """
            with site as (
                insert into site (name, zone, address)
                values ('Harbour', 'Europe/Amsterdam', 'Quay 1') returning id
            )
            update station set name = 'Quay North 1', site_id = (select id from site),
                last_seen_at = now()
            """
        )
        await conn.execute(
            """
            update connector set type = 'CCS2', max_power_w = 150000, status = 'Available',
                reported = 'Available'
            """
        )
    return made


@pytest.fixture
async def nobody(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, ADA)
    await add_person(pool, OMAR, role="admin")
    async with browser(api.port) as page:
        yield page


async def tariff(pool: Pool, name: str, per_kwh: str, *, is_default: bool = False) -> int:
    terms = Terms(currency="EUR", per_kwh=Decimal(per_kwh))
    async with pool.acquire() as conn, conn.transaction():
        made = await tariffs.add(conn, name=name, currency="EUR", terms=encode(terms))
        if is_default:
            await tariffs.make_default(conn, made)
    return made


async def test_a_stranger_reads_state_and_price_before_anything_else(
    nobody: Browser, pool: Pool, charger: Station
) -> None:
    await tariff(pool, "Public", "0.52", is_default=True)

    shown = await nobody.get(f"/c/{charger.public_id}")
    said = text_of(shown.text)

    assert shown.status == 200
    order = [
        "Online",
        charger.public_id,
        "Quay North 1",
        "CCS · 150 kW",
        "€0.52",
        "per kWh",
        "20 kWh cost €10.40.",
        "Sign in and start",
    ]
    places = [said.find(each) for each in order]
    assert -1 not in places, dict(zip(order, places, strict=True))
    assert places == sorted(places)
    assert f'href="/sign-in?next=/c/{charger.public_id}"' in shown.text
    assert "sse-connect" not in shown.text
    assert "hx-get" not in shown.text


async def test_the_sign_in_leads_back_and_then_start_is_a_form(
    nobody: Browser, charger: Station
) -> None:
    path = f"/c/{charger.public_id}"
    assert (await nobody.get(path)).status == 200
    fields = {"email": ADA, "password": "a password for tests", "next": path}

    back = await nobody.post("/sign-in", fields, page=f"/sign-in?next={path}")

    assert back.path == path
    assert f'action="/chargers/{charger.public_id}/start"' in back.text
    assert f'hx-get="{path}/now"' in back.text
    asked = await nobody.post(f"/chargers/{charger.public_id}/start", {"evse": "1"}, page=path)
    assert re.fullmatch(rf"/chargers/{charger.public_id}/commands/\d+", asked.path)


async def test_the_plan_goes_before_the_charger_its_site_and_the_default(
    api: Api, nobody: Browser, pool: Pool, charger: Station
) -> None:
    path = f"/c/{charger.public_id}"
    said = [text_of((await nobody.get(path)).text)]
    await tariff(pool, "Default", "0.51", is_default=True)
    said.append(text_of((await nobody.get(path)).text))
    await pool.execute("update site set tariff_id = $1", await tariff(pool, "Site", "0.52"))
    said.append(text_of((await nobody.get(path)).text))
    await pool.execute("update station set tariff_id = $1", await tariff(pool, "Own", "0.53"))
    said.append(text_of((await nobody.get(path)).text))
    await pool.execute(
        "insert into plan (name, tariff_id) values ('Gold', $1)", await tariff(pool, "Plan", "0.54")
    )
    await pool.execute("update account set plan_id = 1 where email = $1", ADA)
    async with signed_in(api.port, ADA) as ada:
        said.append(text_of((await ada.get(path)).text))

    assert "No price is set for this charger." in said[0]
    found = [re.search(r"€0\.5\d", each) for each in said[1:]]
    assert [match and match[0] for match in found] == ["€0.51", "€0.52", "€0.53", "€0.54"]
    assert "This is the price of your plan." in said[4]
    assert "your plan." not in said[3]


async def test_an_unknown_code_says_what_to_look_for(nobody: Browser) -> None:
    shown = await nobody.get("/c/NOTHERE1")
    nasty = await nobody.get("/c/%3Cscript%3E")

    assert shown.status == 404
    assert "We do not know this charger" in shown.text
    assert "NOTHERE1" in shown.text
    assert nasty.status == 404
    assert "<SCRIPT>" not in nasty.text
    assert (await nobody.get("/c/NOTHERE1/now")).status == 404


async def test_small_letters_are_the_same_code(nobody: Browser, charger: Station) -> None:
    assert "Quay North 1" in (await nobody.get(f"/c/{charger.public_id.lower()}")).text


async def test_nothing_is_said_about_who_charges_but_to_themselves(
    api: Api, nobody: Browser, pool: Pool, charger: Station
) -> None:
    ada = await pool.fetchval("select id from account where email = $1", ADA)
    async with pool.acquire() as conn:
        made = await build.session(
            conn, charger, running=True, evse=1, account_id=ada, updated_at=datetime.now(UTC)
        )
        await conn.execute("update session_live set account_id = $1", ada)
    path = f"/c/{charger.public_id}"

    others = (await nobody.get(path)).text
    async with signed_in(api.port, ADA) as page:
        own = (await page.get(path)).text

    assert "In use" in others
    assert "Sign in and start" not in others
    assert not re.search(rf"ada|ADA-1|\b{made.id:04}\b|kWh delivered", text_of(others))
    assert "See your session" in own


async def test_a_charger_that_was_not_heard_of_cannot_be_started(
    api: Api, nobody: Browser, pool: Pool, charger: Station
) -> None:
    await pool.execute("delete from link")
    await pool.execute("update station set last_seen_at = now() - interval '1 hour'")
    path = f"/c/{charger.public_id}"

    async with signed_in(api.port, ADA) as page:
        for shown in (await nobody.get(path), await page.get(path)):
            assert "Offline" in shown.text
            assert "Not heard from since" in shown.text
            assert "Start charging" not in shown.text
            assert "Sign in and start" not in shown.text


async def test_one_out_of_service_says_so_and_is_not_offered(
    api: Api, nobody: Browser, pool: Pool, charger: Station
) -> None:
    await pool.execute("update station set out_of_service_at = now()")
    path = f"/c/{charger.public_id}"

    async with signed_in(api.port, ADA) as page:
        shown = await page.get(path)
        start = await page.post(f"/chargers/{charger.public_id}/start", {}, page="/nothing")
        home = await page.get("/")

    assert "Offline, out of service" in shown.text
    assert "Start charging" not in shown.text
    assert start.status == 404
    assert "Quay North 1" not in home.text


async def test_a_site_for_members_lets_only_them_start(
    api: Api, nobody: Browser, pool: Pool, charger: Station
) -> None:
    await pool.execute("update site set is_members_only = true")
    path = f"/c/{charger.public_id}"

    async with signed_in(api.port, ADA) as page:
        stranger = await page.get(path)
        refused = await page.post(f"/chargers/{charger.public_id}/start", {}, page="/nothing")
        await pool.execute(
            "insert into site_member select 1, id from account where email = $1",
            ADA,
        )
        member = await page.get(path)

    assert "for members of Harbour only" in stranger.text
    assert "Start charging" not in stranger.text
    assert refused.status == 404
    assert "Start charging" in member.text


async def test_an_admin_is_led_to_the_chargers_own_page(
    api: Api, nobody: Browser, charger: Station
) -> None:
    async with signed_in(api.port, OMAR) as page:
        shown = await page.get(f"/c/{charger.public_id}")

    assert 'href="/admin/chargers/CP-1"' in shown.text
    assert "Start charging" not in shown.text


async def test_who_asks_too_often_has_to_wait(api: Api, nobody: Browser, charger: Station) -> None:
    api.app[LIMITS].public = Limit(2, 60)

    answers = [(await nobody.get(f"/c/{charger.public_id}")).status for _ in range(3)]

    assert answers == [200, 200, 429]


def test_a_price_is_told_in_whole_sentences() -> None:
    terms = Terms(
        currency="EUR",
        per_kwh=Decimal("0.40"),
        windows=(
            Window(per_kwh=Decimal("0.60"), start=17 * 60, end=21 * 60, days=(1, 2, 3, 4, 5)),
        ),
        per_minute=Decimal("0.02"),
        per_idle_minute=Decimal("0.10"),
        idle_grace_min=20,
        session_fee=Decimal("1.00"),
        tax_percent=Decimal(21),
        is_tax_included=False,
    )

    noon, evening = words(terms, NOON, "UTC"), words(terms, NOON.replace(hour=18), "UTC")

    assert (noon.figure, noon.unit) == ("€0.40", "per kWh now")
    assert evening.figure == "€0.60"
    assert noon.more == [
        "Mon–Fri 17:00–21:00: €0.60 per kWh.",
        "Otherwise: €0.40 per kWh.",
        "And €0.02 a minute.",
        "Start fee €1.00.",
        "21 % tax comes on top.",
        # (20 * 0.40 + 60 * 0.02 + 1.00) * 1.21
        "20 kWh in the next hour cost €12.34.",
    ]
    assert noon.idle == (
        "After charging has ended you have 20 min to move, then it is €0.10 a minute."
    )


def test_free_is_free_and_an_allowance_is_said() -> None:
    free = words(Terms(currency="EUR", per_kwh=Decimal(0)), NOON, "UTC")
    plan = words(
        Terms(
            currency="EUR",
            per_kwh=Decimal("0.50"),
            tiers=(Tier(kwh=Decimal(100), per_kwh=Decimal(0)),),
        ),
        NOON,
        "UTC",
    )

    assert (free.figure, free.more) == ("Free", ["Charging costs nothing here."])
    assert plan.more[:2] == [
        "The first 100 kWh a month are included.",
        "Beyond that: €0.50 per kWh.",
    ]


def test_a_plan_whose_allowance_is_used_up_says_what_the_next_kwh_costs() -> None:
    terms = Terms(
        currency="EUR",
        per_kwh=Decimal("0.36"),
        tiers=(
            Tier(kwh=Decimal(50), per_kwh=Decimal(0)),
            Tier(kwh=Decimal(150), per_kwh=Decimal("0.28")),
        ),
    )

    told = {used: words(terms, NOON, "UTC", used_wh=used * 1000) for used in (0, 40, 50, 200, 499)}

    assert {used: each.figure for used, each in told.items()} == {
        0: "€0.00",
        40: "€0.00",
        50: "€0.28",
        200: "€0.36",
        499: "€0.36",
    }
    assert told[0].unit == "per kWh"
    assert told[499].unit == "per kWh now"
    assert told[499].more[0] == "You have used 499.00 kWh this month."
    # 10 kWh that are still included and 10 at 0.28; 20 at 0.36
    assert told[40].more[-1] == "20 kWh cost €2.80."
    assert told[499].more[-1] == "20 kWh cost €7.20."


async def test_a_driver_reads_the_price_after_what_they_used_of_their_plan(
    api: Api, nobody: Browser, pool: Pool, charger: Station
) -> None:
    terms = Terms(
        currency="EUR",
        per_kwh=Decimal("0.36"),
        tiers=(Tier(kwh=Decimal(50), per_kwh=Decimal(0)),),
    )
    ada = await pool.fetchval("select id from account where email = $1", ADA)
    now = datetime.now(UTC)
    async with pool.acquire() as conn, conn.transaction():
        made = await tariffs.add(conn, name="Plan", currency="EUR", terms=encode(terms))
        await conn.execute("insert into plan (name, tariff_id) values ('Gold', $1)", made)
        await conn.execute("update account set plan_id = 1 where id = $1", ada)
        await build.session(
            conn, charger, account_id=ada, started_at=now, ended_at=now, energy_wh=60_000
        )

    async with signed_in(api.port, ADA) as page:
        said = text_of((await page.get(f"/c/{charger.public_id}")).text)

    assert "€0.36 per kWh now" in said
    assert "20 kWh cost €7.20." in said

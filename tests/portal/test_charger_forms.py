"""What an admin says of a charger, its connectors and its site; each change is one audit row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from csms.rules.pricing_terms import Terms, encode
from db import stations, tariffs
from db.rows import Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"
CHARGER = "/admin/chargers/CP-1"


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with pool.acquire() as conn, conn.transaction():
        await build.station(conn, evses=1)
        terms = encode(Terms(currency="EUR", per_kwh=Decimal("0.5")))
        await tariffs.add(conn, name="Public", currency="EUR", terms=terms)
        await conn.execute("insert into site (name) values ('Harbour')")
    async with signed_in(api.port, OMAR) as page:
        yield page


async def acts(pool: Pool) -> list[str]:
    rows = await pool.fetch("select action from audit where action !~ 'sign_in' order by id")
    return [row["action"] for row in rows]


async def test_a_charger_gets_a_tariff_switches_and_leaves_service(
    desk: Browser, pool: Pool
) -> None:
    fields = {
        "name": "West",
        "site": "1",
        "tariff": "1",
        "strict": "on",
        "assume_1_6": "on",
        "says_kwh": "on",
        "clock_offset_h": "-5",
        "out_of_service": "on",
    }

    shown = await desk.post(f"{CHARGER}/edit", fields, page=f"{CHARGER}/edit")
    again = await desk.get(f"{CHARGER}/edit")
    unticked = {"name": "West", "clock_offset_h": "0"}
    back = await desk.post(f"{CHARGER}/edit", unticked, page=f"{CHARGER}/edit")

    assert "Out of service since" in shown.text
    assert "Public" in shown.text
    switches = "strict mode, taken for OCPP 1.6, kWh where it names no unit, clock shows UTC −5"
    assert switches in shown.text
    assert again.text.count(" checked") == 4
    assert '<option value="-5" selected>UTC −5</option>' in again.text
    assert "Switches" not in back.text
    assert "Out of service since" not in back.text
    row = await pool.fetchrow(
        "select name, site_id, tariff_id, strict, assume_1_6, out_of_service_at from station"
    )
    assert tuple(row or ()) == ("West", None, None, False, False, None)
    assert await pool.fetchval("select (says_kwh, clock_offset_h) from station") == (False, 0)
    assert await acts(pool) == ["station.changed", "station.changed"]
    rows = await pool.fetch(
        """
        select (detail->>'says_kwh')::boolean, (detail->>'clock_offset_h')::int
        from audit where action = 'station.changed' order by id
        """
    )
    assert [tuple(each) for each in rows] == [(True, -5), (False, 0)]


async def test_a_clock_is_one_of_a_place_on_earth_and_stays_where_nothing_is_said(
    desk: Browser, pool: Pool
) -> None:
    edit = f"{CHARGER}/edit"
    await desk.post(edit, {"clock_offset_h": "14"}, page=edit)
    far = await desk.post(edit, {"clock_offset_h": "15"}, page=edit)
    half = await desk.post(edit, {"clock_offset_h": "5.5"}, page=edit)
    unsaid = await desk.post(edit, {"name": "West"}, page=edit)

    assert far.status == half.status == 422
    assert "Choose what its clock shows" in far.text
    assert "clock shows UTC +14" in unsaid.text
    assert await pool.fetchval("select clock_offset_h from station") == 14


async def test_a_charger_gets_the_lowest_profile_that_it_may_connect_with(
    desk: Browser, pool: Pool
) -> None:
    edit = f"{CHARGER}/edit"
    without_key = await desk.post(edit, {"least_profile": "2"}, page=edit)
    certificate = await desk.post(edit, {"least_profile": "3"}, page=edit)
    nonsense = await desk.post(edit, {"least_profile": "4"}, page=edit)
    again = await desk.get(edit)
    unsaid = await desk.post(edit, {"name": "West"}, page=edit)
    new = "/admin/chargers/new"
    fields = {"identity": "CP-2", "type-1": "CCS", "least_profile": "2"}
    await desk.post(new, fields, page=new)

    assert without_key.status == nonsense.status == 422
    assert "It has no password yet" in without_key.text
    assert "a certificate" in certificate.text
    assert '<option value="3" selected>' in again.text
    assert "a certificate" in unsaid.text
    rows = await pool.fetch("select identity, least_profile from station order by identity")
    assert [tuple(row) for row in rows] == [("CP-1", 3), ("CP-2", 2)]


async def test_boots_again_and_again_are_shown(desk: Browser, pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await pool.fetchval("select id from station")
        now = await pool.fetchval("select now()")

        async def boot(at: datetime) -> None:
            await stations.record_boot(
                conn, station, vendor=None, model=None, serial_number=None, firmware=None,
                booted_at=at,
            )  # fmt: skip

        await boot(now - timedelta(hours=2))
        for minutes in (50, 40, 30, 20):
            await boot(now - timedelta(minutes=minutes))
        four = await desk.get(CHARGER)
        await boot(now)
        five = await desk.get(CHARGER)

    assert "does it lose power?" not in four.text
    assert "5 times since" in five.text


async def test_a_tariff_that_is_not_there_is_refused(desk: Browser, pool: Pool) -> None:
    fields = {"name": "West", "tariff": "77"}

    shown = await desk.post(f"{CHARGER}/edit", fields, page=f"{CHARGER}/edit")

    assert shown.status == 422
    assert "Choose a tariff" in shown.text
    assert await acts(pool) == []


async def test_connectors_are_added_changed_and_removed(desk: Browser, pool: Pool) -> None:
    new = f"{CHARGER}/connectors/new"
    fields = {"evse": "2", "connector": "1", "type": "NACS", "kw": "150"}
    added = await desk.post(new, fields, page=new)
    twice = await desk.post(new, fields, page=new)
    nothing = await desk.post(new, {"evse": "0", "connector": "x", "kw": "-1"}, page=new)
    one = f"{CHARGER}/connectors/2/1"
    await desk.post(one, {"type": "CCS", "kw": "49,9"}, page=one)
    rows = await pool.fetch("select evse, type, max_power_w from connector order by evse")
    removed = await desk.post(f"{one}/remove", {}, page=one)

    assert "Connector 2 is added." in added.text
    assert twice.status == 422
    assert "The charger has this connector already" in twice.text
    assert nothing.status == 422
    assert "Choose the type of the connector" in nothing.text
    assert [tuple(row) for row in rows] == [(1, None, None), (2, "CCS", 49_900)]
    assert "Connector 2 is removed." in removed.text
    assert await pool.fetchval("select array_agg(evse) from evse") == [1]
    assert (await desk.get(one)).status == 404
    assert await acts(pool) == ["connector.added", "connector.changed", "connector.removed"]


async def test_a_connector_with_a_session_stays_and_history_is_kept(
    desk: Browser, pool: Pool
) -> None:
    station = await pool.fetchval("select id from station")
    async with pool.acquire() as conn:
        of = await build.station(conn, "CP-2", evses=1)
        assert of.id != station
        await build.session(conn, of)
        running = await build.session(conn, of, running=True, evse=1)
    one = "/admin/chargers/CP-2/connectors/1/1"

    refused = await desk.post(f"{one}/remove", {}, page=one)
    await pool.execute("delete from session_live where session_id = $1", running.id)
    await desk.post(f"{one}/remove", {}, page=one)

    assert refused.status == 409
    assert "A session runs at this connector." in refused.text
    assert await pool.fetchval("select count(*) from connector where station_id = $1", of.id) == 0
    assert await pool.fetchval("select count(*) from charging_session where evse = 1") == 2


async def test_a_site_gets_a_tariff_and_members(desk: Browser, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    page = "/admin/sites/1"
    fields = {"name": "Harbour", "zone": "Europe/Berlin", "currency": "EUR"}
    await desk.post(page, fields | {"tariff": "1", "members_only": "on"}, page=page)

    added = await desk.post(f"{page}/members", {"email": "ADA@example.org"}, page=page)
    twice = await desk.post(f"{page}/members", {"email": ADA}, page=page)
    nobody = await desk.post(f"{page}/members", {"email": OMAR}, page=page)
    rows = await pool.fetch("select * from site_member")
    removed = await desk.post(f"{page}/members/{ada.id}/remove", {}, page=page)
    gone = await desk.post(f"{page}/members/{ada.id}/remove", {}, page=page)

    assert "ada is a member of Harbour." in added.text
    assert "is a member already" in twice.text
    assert "No driver has this address." in nobody.text
    assert [tuple(row) for row in rows] == [(1, ada.id)]
    assert "no longer a member" in removed.text
    assert gone.status == 404
    row = await pool.fetchrow("select tariff_id, is_members_only from site")
    assert tuple(row or ()) == (1, True)
    assert await acts(pool) == ["site.changed", "site.member_added", "site.member_removed"]


async def test_a_site_whose_name_is_taken_comes_back_as_a_form(desk: Browser, pool: Pool) -> None:
    fields = {"name": "harbour", "zone": "Europe/Berlin", "currency": "EUR"}

    shown = await desk.post("/admin/sites/new", fields, page="/admin/sites/new")

    assert shown.status == 422
    assert "There is a site with this name already" in shown.text
    assert await acts(pool) == []

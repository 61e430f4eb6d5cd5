"""The admin's portal: what the lists show, what the forms do, and what that changes."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from db.rows import Pool
from portal import passwords
from portal.context import POOL
from portal.views.admin.transactions import PAGE
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.wire import add_station, charger, csms

ADA, OMAR = "ada@example.org", "omar@example.org"
PASSWORD = "a few long words"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        yield page


async def sessions(pool: Pool, station_id: int, count: int, *, first: int = 0) -> None:
    """Ended ones, each updated a minute after the one before; every third at the same moment."""
    await pool.executemany(
        """
        insert into charging_session (station_id, family, transaction_id, evse, started_at,
            start_received_at, updated_at, is_finalized, ended_at, energy_wh)
        values ($1, 'v16', $2, 1, $3, $3, $3, true, $3, 1000)
        """,
        [
            (station_id, str(number), NOON + timedelta(minutes=number - number % 3))
            for number in range(first, first + count)
        ],
    )


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="session-(\d+)"', text)]


async def test_load_more_shows_every_session_once(
    desk: Browser, pool: Pool, database_url: str
) -> None:
    station = await add_station(database_url, "CP-1")
    await sessions(pool, station.id, 2 * PAGE + 7)
    shown = await desk.get("/admin/transactions")
    found = numbers(shown.text)
    assert len(found) == PAGE
    while more := re.search(r'href="(/admin/transactions\?after=[^"]+)"', shown.text):
        shown = await desk.get(more[1].replace("&amp;", "&"), HX_Request="true")
        assert "<html" not in shown.text
        found += numbers(shown.text)

    by_update = await pool.fetch(
        "select id from charging_session order by updated_at desc, id desc"
    )
    assert found == [row["id"] for row in by_update]


async def test_what_comes_in_above_pushes_nothing_out_of_the_first_page(
    desk: Browser, pool: Pool, database_url: str
) -> None:
    station = await add_station(database_url, "CP-1")
    await sessions(pool, station.id, PAGE + 5)
    shown = await desk.get("/admin/transactions")
    again = re.search(r'hx-get="(/admin/transactions/first[^"]+)"', shown.text)
    assert again
    before = numbers(shown.text)
    await sessions(pool, station.id, 3, first=PAGE + 5)
    after = numbers((await desk.get(again[1])).text)

    assert after[3:] == before
    assert len(after) == PAGE + 3


@pytest.mark.parametrize("place", ["x", "2026-11-01T12:00:00_1", "_", "2026-11-01T12:00:00Z_x"])
async def test_a_place_that_is_none_is_the_start(desk: Browser, place: str) -> None:
    assert (await desk.get(f"/admin/transactions?after={place}")).status == 200


@pytest.mark.usefixtures("no_jobs")
async def test_a_list_costs_the_same_queries_whatever_is_in_it(
    api: Api, desk: Browser, pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = getattr(asyncpg.Connection, "_execute")  # noqa: B009 - every query ends there

    async def noted(self: Any, query: str, *args: Any, **more: Any) -> Any:
        asked.append(query)
        return await real(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "_execute", noted)
    pages = ("transactions", "devices", "sites", "drivers", "cards", "chargers/CP-1")

    async def cost() -> dict[str, int]:
        found = {}
        for page in pages:
            asked.clear()
            assert (await desk.get(f"/admin/{page}")).status == 200
            found[page] = len([query for query in asked if "select" in query])
        return found

    station = await add_station(database_url, "CP-1")
    await sessions(pool, station.id, 1)
    few = await cost()
    await sessions(pool, station.id, 40, first=1)
    for number in range(20):
        await add_station(database_url, f"CP-{number + 2}")
        await add_person(pool, f"driver{number}@example.org")
        await pool.execute("insert into site (name) values ($1)", f"Site {number}")
        await pool.execute("insert into id_token (uid) values ($1)", f"CARD-{number}")
    many = await cost()

    assert many == few
    assert (
        max(few.values()) <= 13
    )  # the page of a charger, five of them for its reports and certificates
    assert api.app[POOL]


async def test_a_database_that_fails_shows_an_error_and_no_zeros(
    api: Api, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from db import admin_sessions

    async def fail(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(admin_sessions, "list_page", fail)
    shown = await desk.get("/admin/transactions")
    assert shown.status == 503
    assert "Sessions could not be read" in shown.text
    assert "No sessions yet" not in shown.text
    assert api.app


async def test_a_start_by_another_clock_than_the_operators_names_its_zone(
    desk: Browser, pool: Pool, database_url: str
) -> None:
    here = await add_station(database_url, "CP-1")
    far = await add_station(database_url, "CP-2")
    await pool.execute(
        """
        with away as (
            insert into site (name, zone, currency) values ('Far', 'Asia/Tokyo', 'JPY') returning id
        )
        update station set site_id = away.id from away where station.id = $1
        """,
        far.id,
    )
    for station in (here, far):
        await sessions(pool, station.id, 1)

    text = re.sub(r"<[^>]+>", "", (await desk.get("/admin/transactions")).text)
    assert "1 Nov 21:00 JST" in text  # noon in UTC
    assert re.search(r"1 Nov 12:00\s*$", text, re.MULTILINE)


async def test_a_site_is_added_and_changed_and_its_name_is_its_own(
    desk: Browser, pool: Pool
) -> None:
    fields = {"name": "Harbour", "zone": "Europe/Berlin", "currency": "eur", "address": "Quay 1"}
    made = await desk.post("/admin/sites/new", fields, page="/admin/sites/new")
    assert "Harbour is saved." in made.text
    again = await desk.post(
        "/admin/sites/new", fields | {"name": "HARBOUR"}, page="/admin/sites/new"
    )
    assert again.status == 422
    assert "There is a site with this name already" in again.text
    for field, value in (("zone", "Europe/Nowhere"), ("currency", "E1"), ("name", " ")):
        wrong = await desk.post(
            "/admin/sites/new", fields | {field: value}, page="/admin/sites/new"
        )
        assert wrong.status == 422, field
    id_ = await pool.fetchval("select id from site")
    path = f"/admin/sites/{id_}"
    await desk.post(path, fields | {"zone": "UTC"}, page=path)
    rows = await pool.fetch("select name, zone, currency, address from site")
    assert [tuple(row) for row in rows] == [("Harbour", "UTC", "EUR", "Quay 1")]


async def test_a_driver_is_let_in_changed_and_switched_off(
    api: Api, desk: Browser, pool: Pool
) -> None:
    fields = {"name": "Ada", "email": ADA, "password": PASSWORD}
    short = await desk.post(
        "/admin/drivers/new", fields | {"password": "short"}, page="/admin/drivers/new"
    )
    assert short.status == 422
    made = await desk.post("/admin/drivers/new", fields, page="/admin/drivers/new")
    assert "Ada may sign in" in made.text
    again = await desk.post("/admin/drivers/new", fields, page="/admin/drivers/new")
    assert "There is an account with this address already" in again.text
    hash_ = await pool.fetchval("select password_hash from account where email = $1", ADA)
    assert await passwords.verify(hash_, PASSWORD)

    id_ = await pool.fetchval("select id from account where email = $1", ADA)
    path = f"/admin/drivers/{id_}"
    changed = {"name": "Ada L", "email": ADA, "password": ""}
    assert "Ada L is saved." in (await desk.post(f"{path}/edit", changed, page=path)).text
    assert await pool.fetchval("select password_hash from account where email = $1", ADA) == hash_
    off = await desk.post(f"{path}/active", {"active": "0"}, page=path)
    assert "may no longer sign in" in off.text
    assert not await pool.fetchval("select is_active from account where email = $1", ADA)


async def test_the_pages_of_drivers_are_not_those_of_admins(desk: Browser, pool: Pool) -> None:
    id_ = await pool.fetchval("select id from account where email = $1", OMAR)
    assert (await desk.get(f"/admin/drivers/{id_}")).status == 404
    assert (await desk.get(f"/admin/drivers/{10**30}")).status == 404


async def test_a_card_is_registered_linked_blocked_and_has_a_last_day(
    desk: Browser, pool: Pool
) -> None:
    ada = await add_person(pool, ADA)
    fields = {
        "uid": "04A2",
        "type": "ISO14443",
        "label": "Blue",
        "driver": str(ada.id),
        "expires": "2027-12-31",
    }
    await desk.post("/admin/cards/new", fields, page="/admin/cards/new")
    again = await desk.post("/admin/cards/new", fields | {"uid": "04a2"}, page="/admin/cards/new")
    assert "This card is registered already" in again.text
    wrong = await desk.post(
        "/admin/cards/new", fields | {"uid": "2", "expires": "31.12."}, page="/admin/cards/new"
    )
    assert "Enter a day such as 2027-12-31" in wrong.text
    card = await pool.fetchrow("select * from id_token")
    assert card is not None
    assert (card["label"], card["account_id"], card["status"]) == ("Blue", ada.id, "Accepted")
    assert card["expires_at"] == datetime(2028, 1, 1, tzinfo=UTC)

    path = f"/admin/cards/{card['id']}"
    assert 'value="2027-12-31"' in (await desk.get(path)).text
    blocked = await desk.post(f"{path}/status", {"status": "Blocked"}, page=path)
    assert "is blocked" in blocked.text
    assert await pool.fetchval("select status::text from id_token") == "Blocked"


async def test_a_card_that_was_only_seen_is_registered_when_it_is_linked(
    desk: Browser, pool: Pool
) -> None:
    ada = await add_person(pool, ADA)
    id_ = await pool.fetchval(
        "insert into id_token (uid, status) values ('SEEN', 'Unknown') returning id"
    )
    assert "Not registered" in (await desk.get("/admin/cards")).text
    fields = {"label": "", "driver": str(ada.id), "expires": ""}
    await desk.post(f"/admin/cards/{id_}", fields, page=f"/admin/cards/{id_}")
    assert await pool.fetchval("select status::text from id_token") == "Accepted"


async def test_a_charger_is_changed_and_its_new_password_is_shown_once(
    desk: Browser, pool: Pool, database_url: str
) -> None:
    await add_station(database_url, "CP-1")
    fields = {"name": "West", "site": ""}
    await desk.post("/admin/chargers/CP-1/edit", fields, page="/admin/chargers/CP-1/edit")
    assert await pool.fetchval("select name from station") == "West"

    page = "/admin/chargers/CP-1/password"
    shown = await desk.post(page, {}, page=page)
    found = re.search(r'id="password">(\w{24})<', shown.text)
    assert found
    assert found[1] not in (await desk.get("/admin/chargers/CP-1/key")).text


async def test_accepting_a_charger_that_nobody_added_reaches_it_at_once(
    desk: Browser, database_url: str, tmp_path: Path
) -> None:
    async with (
        csms(database_url, tmp_path, unknown_stations="pending") as server,
        charger(server.url, "NEW-1", key=None) as station,
    ):
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        assert (await station.call("BootNotification", boot))["status"] == "Pending"
        page = "/admin/chargers/NEW-1"
        assert "waits to be let in" in (await desk.get(page)).text
        done = await desk.post(f"{page}/registration", {"registration": "Accepted"}, page=page)
        assert "is accepted." in done.text
        assert "waits to be let in" not in done.text

        asked = json.loads(await station.socket.recv())
        assert asked[2:] == ["TriggerMessage", {"requestedMessage": "BootNotification"}]
        await station.socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))
        assert (await station.call("BootNotification", boot))["status"] == "Accepted"
    assert urlsplit(done.path).path == page

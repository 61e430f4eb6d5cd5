"""The audit log: a row for what people do, none for looking, and no way to change one."""

from __future__ import annotations

import asyncio
import re

import asyncpg
import pytest

from db import audit
from db.accounts import Account
from db.rows import Pool
from tests.portal.browser import PASSWORD, Shown, add_person, browser, signed_in
from tests.portal.conftest import Api
from tests.wire import add_station

ADA, OMAR = "ada@example.org", "omar@example.org"


@pytest.fixture
async def omar(api: Api, pool: Pool) -> Account:
    return await add_person(pool, OMAR, role="admin")


@pytest.mark.parametrize(
    "statement",
    ["update audit set actor = 'nobody'", "delete from audit", "truncate audit"],
)
async def test_the_database_itself_keeps_the_log_as_it_is(pool: Pool, statement: str) -> None:
    async with pool.acquire() as conn:
        await audit.add(conn, "card.blocked", actor="a test", subject="card:1")
    with pytest.raises(asyncpg.RestrictViolationError, match="only ever added to"):
        await pool.execute(statement)
    assert await pool.fetchval("select count(*) from audit") == 1


async def actions(pool: Pool) -> list[str]:
    """Since the last sign-in."""
    rows = await pool.fetch("select action from audit order by id")
    found = [row["action"] for row in rows]
    return found[len(found) - found[::-1].index("sign_in.done") :]


CARD = {"uid": "ADA-9", "type": "ISO14443", "label": "", "driver": "", "expires": ""}
SITE = {"name": "Harbour", "zone": "Europe/Berlin", "currency": "EUR", "address": ""}
DRIVER = {"name": "Ada", "email": ADA, "password": PASSWORD}


async def test_each_change_of_an_admin_is_one_row(
    api: Api, pool: Pool, omar: Account, database_url: str
) -> None:
    station = await add_station(database_url, "CP-1")
    steps = [
        ("/admin/sites/new", SITE, "site.added"),
        ("/admin/sites/1", SITE, "site.changed"),
        ("/admin/chargers/new", {"identity": "CP-9", "type-1": "CCS"}, "station.added"),
        ("/admin/chargers/CP-1/edit", {"name": "One", "type-1": "CCS"}, "station.changed"),
        ("/admin/chargers/CP-1/password", {}, "station.password_changed"),
        ("/admin/chargers/CP-1/registration", {"registration": "No"}, "station.rejected"),
        ("/admin/chargers/CP-1/registration", {"registration": "Accepted"}, "station.accepted"),
        ("/admin/drivers/new", DRIVER, "account.added"),
    ]
    async with signed_in(api.port, OMAR) as page:
        for number, (path, fields, action) in enumerate(steps, 1):
            form = path if path.endswith(("new", "edit", "password", "1")) else "/account"
            shown = await page.post(path, fields, page=form)
            assert shown.status == 200, (path, shown.text)
            assert (await actions(pool))[-1] == action
            assert len(await actions(pool)) == number
        ada = await pool.fetchval("select id from account where email = $1", ADA)
        edited = DRIVER | {"password": ""}
        await page.post(f"/admin/drivers/{ada}/edit", edited, page=f"/admin/drivers/{ada}/edit")
        for active in ("", "on"):
            await page.post(f"/admin/drivers/{ada}/active", {"active": active}, page="/account")
    assert (await actions(pool))[len(steps) :] == [
        "account.changed",
        "account.switched_off",
        "account.switched_on",
    ]
    rows = await pool.fetch("select * from audit where action like 'station.%' order by id")
    assert {row["account_id"] for row in rows} == {omar.id}
    assert {row["actor"] for row in rows} == {OMAR}
    assert {row["remote_address"] for row in rows} == {"127.0.0.1"}
    assert rows[-1]["subject"] == f"station:{station.id}"
    everything = str(await pool.fetch("select * from audit"))
    assert PASSWORD not in everything


async def test_each_change_by_an_api_token_is_one_row(api: Api, pool: Pool) -> None:
    assert (await api.post("/api/v1/stations", {"identity": "CP-1"})).status == 201
    assert (await api.post("/api/v1/stations", {"identity": "CP-1"})).status == 409
    assert (await api.post("/api/v1/id-tokens", {"uid": "ADA-1", "type": "ISO14443"})).status == 201
    asked = {
        "action": "ChangeConfiguration",
        "payload": {"key": "AuthorizationKey", "value": "K3Y"},
    }
    assert (await api.post("/api/v1/stations/CP-1/commands", asked)).status == 202

    rows = await pool.fetch("select * from audit order by id")
    assert [row["action"] for row in rows] == ["station.added", "card.added", "command.asked"]
    assert {row["actor"] for row in rows} == {"api:tests"}
    assert {row["remote_address"] for row in rows} == {"127.0.0.1"}
    assert rows[2]["subject"] == rows[0]["subject"]
    assert "K3Y" not in str(rows)


async def test_what_is_refused_leaves_no_row_of_a_change(
    api: Api, pool: Pool, omar: Account
) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, OMAR) as page:
        for path, fields in (
            ("/admin/sites/new", SITE | {"zone": "Mars"}),
            ("/admin/drivers/new", DRIVER),  # the address is taken
            ("/admin/chargers/new", {"identity": "a b"}),
        ):
            assert (await page.post(path, fields, page=path)).status == 422
    assert await actions(pool) == []


async def test_looking_writes_nothing(api: Api, pool: Pool, omar: Account) -> None:
    async with signed_in(api.port, OMAR) as page:
        before = await pool.fetchval("select count(*) from audit")
        for path in (
            "/admin/audit",
            "/admin/drivers",
            "/account",
            "/switch",
            "/sign-in/link?token=x",
        ):
            await page.get(path)
        assert await pool.fetchval("select count(*) from audit") == before


async def test_each_way_in_and_out_is_a_row_with_who_and_from_where(
    api: Api, pool: Pool, omar: Account
) -> None:
    async with browser(api.port) as page:
        await page.post("/sign-in", {"email": OMAR, "password": "wrong"}, page="/sign-in")
        await page.post("/sign-in", {"email": OMAR, "password": PASSWORD}, page="/sign-in")
        await page.post("/sign-out", {}, page="/account")
    rows = await pool.fetch("select * from audit order by id")
    assert [(row["action"], row["actor"], row["account_id"]) for row in rows] == [
        ("sign_in.refused", OMAR, None),
        ("sign_in.done", OMAR, omar.id),
        ("signed_out", OMAR, omar.id),
    ]
    assert {row["remote_address"] for row in rows} == {"127.0.0.1"}


def shown_actions(shown: Shown) -> list[str]:
    return re.findall(r'<th scope="row"><a [^>]*><span class="id">([^<]+)</span>', shown.text)


async def test_the_page_shows_the_newest_first_and_50_at_a_time(
    api: Api, pool: Pool, omar: Account
) -> None:
    async with signed_in(api.port, OMAR) as page:
        async with pool.acquire() as conn:
            for number in range(1, 120):
                await audit.add(conn, f"card.number{number}", by=omar, subject=f"card:{number}")

        seen, path = [], "/admin/audit?action=card"
        for length in (50, 50, 19):
            shown = await page.get(
                path, **({} if path.endswith("card") else {"HX_Request": "true"})
            )
            assert len(shown_actions(shown)) == length
            seen += shown_actions(shown)
            found = re.search(r'href="([^"]+)" hx-get', shown.text)
            path = found[1].replace("&amp;", "&") if found else ""

        assert path == ""
        assert seen == [f"card.number{number}" for number in range(119, 0, -1)]


async def test_it_is_filtered_by_what_was_done_by_whom_and_to_what(
    api: Api, pool: Pool, omar: Account
) -> None:
    ada = await add_person(pool, ADA)
    async with signed_in(api.port, OMAR) as page:
        async with pool.acquire() as conn:
            await audit.add(conn, "card.blocked", by=omar, subject="card:1", label="<b>")
            await audit.add(conn, "card.lost", by=ada, subject="card:2")
            await audit.add(conn, "sign_in.refused", actor="ADA@example.org")

        async def found(query: str) -> list[str]:
            return shown_actions(await page.get(f"/admin/audit?{query}"))

        assert await found("action=card.") == ["card.lost", "card.blocked"]
        assert await found("subject=card:1") == ["card.blocked"]
        assert await found("person=Ada@Example.org") == ["sign_in.refused", "card.lost"]
        assert await found("person=ada@example.org&action=card") == ["card.lost"]
        none = await page.get("/admin/audit?person=nobody@example.org")
        assert "Nothing matches" in none.text
        assert "Clear filters" in none.text
        shown = await page.get("/admin/audit?subject=card:1")
        assert "label: &lt;b&gt;" in shown.text
        assert 'value="card:1"' in shown.text


async def test_an_empty_log_says_what_will_be_there(api: Api, pool: Pool, omar: Account) -> None:
    async with signed_in(api.port, OMAR) as page:
        await pool.execute("alter table audit disable trigger all")
        await pool.execute("delete from audit")
        assert "Nothing yet" in (await page.get("/admin/audit")).text


async def test_a_filtered_log_is_found_by_index_however_long_it_is(pool: Pool) -> None:
    """decision 25's rule for growing tables: no row is looked at that the index does not name."""
    await pool.execute(
        """
        insert into audit (at, actor, action, subject)
        select now(), 'person' || n % 500 || '@example.org', 'thing' || n % 300 || '.done',
            'card:' || n
        from generate_series(1, 30000) n
        """
    )
    await pool.execute("analyze audit")
    async with pool.acquire() as conn:
        queries: list[tuple[str, tuple[object, ...]]] = []

        def note(record: object) -> None:
            queries.append((record.query, record.args))  # type: ignore[attr-defined]

        with conn.query_logger(note):
            for how in (
                {"person": "person7@example.org"},
                {"action": "thing77."},
                {"subject": "card:77"},
                {"before": 15_000},
            ):
                assert await audit.list_page(conn, limit=50, **how)
        await asyncio.sleep(0)  # the last is noted in the loop's next turn
        assert len(queries) == 4
        for query, args in queries:
            plan = "\n".join(
                row[0] for row in await conn.fetch(f"explain (costs off) {query}", *args)
            )
            assert "Seq Scan on audit" not in plan, plan
            assert "Index" in plan, plan

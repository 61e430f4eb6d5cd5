"""Several accounts in one browser, and the account picker between them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from db import web_sessions
from db.rows import Pool
from portal.browser_accounts import MOST
from portal.context import CONFIG
from tests.portal.browser import PASSWORD, Browser, Shown, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"


async def add(page: Browser, email: str) -> Shown:
    fields = {"email": email, "password": PASSWORD, "next": "/account"}
    return await page.post("/sign-in", fields, page="/sign-in?add=1")


async def switch(page: Browser, account_id: int) -> Shown:
    return await page.post("/switch", {"account": str(account_id)}, page="/switch")


async def who(page: Browser) -> str:
    found = re.search(r"<h1>Account</h1><p>([^<]*)</p>", (await page.get("/account")).text)
    return found[1] if found else "nobody"


def listed(shown: Shown) -> list[str]:
    return re.findall(r'aria-label="Sign out \w+, ([^"]+)"', shown.text)


async def test_a_second_account_is_added_and_each_is_one_press_away(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    omar = await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, ADA) as page:
        await add(page, OMAR)
        assert await who(page) == OMAR
        assert listed(await page.get("/switch")) == [OMAR, ADA]

        assert (await switch(page, ada.id)).path == "/"
        assert await who(page) == ADA
        assert listed(await page.get("/switch")) == [ADA, OMAR]
        assert (await switch(page, omar.id)).path.startswith("/admin")
        assert await who(page) == OMAR
    assert await pool.fetchval("select count(*) from web_session") == 2
    rows = await pool.fetch("select actor from audit where action = 'switched' order by id")
    assert [row["actor"] for row in rows] == [ADA, OMAR]


async def test_an_account_of_another_browser_cannot_be_switched_to(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    grace = await add_person(pool, GRACE)
    async with signed_in(api.port, ADA) as page, signed_in(api.port, GRACE):
        for path in ("/switch", "/switch/sign-out"):
            fields = {"account": str(grace.id)}
            assert (await page.post(path, fields, page="/switch")).status == 404
        assert await who(page) == ADA
    assert await pool.fetchval("select count(*) from web_session") == 2


async def test_script_can_read_neither_cookie_and_both_are_bound_to_the_host(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(pool, ADA)
    await add_person(pool, GRACE)
    async with signed_in(api.port, ADA) as page:
        await add(page, GRACE)
        cookies = {each.key: each for each in page.http.cookie_jar}
        assert {"polaris", "others"} <= cookies.keys()
        for name in ("polaris", "others"):
            assert cookies[name]["httponly"]
            assert cookies[name]["samesite"] == "Lax"
        hashes = [row["token_hash"] for row in await pool.fetch("select * from web_session")]
        held = [cookies["polaris"].value, cookies["others"].value]
        assert sorted(hashes) == sorted(web_sessions._hash(token) for token in held)

        config = replace(api.app[CONFIG], public_url="https://charge.example.com")
        monkeypatch.setitem(api.app._state, CONFIG, config)
        async with browser(api.port) as other:
            head = {"Cookie": f"__Host-polaris={held[0]}; __Host-others={held[1]}"}
            shown = await other.get("/switch", **head)
            assert listed(shown) == [GRACE, ADA]


async def test_the_sixth_account_says_who_gives_way(api: Api, pool: Pool) -> None:
    emails = [f"driver{number}@example.org" for number in range(1, MOST + 2)]
    people = [await add_person(pool, email) for email in emails]
    async with signed_in(api.port, emails[0]) as page:
        for email in emails[1:MOST]:
            await add(page, email)
        # The third was used longest ago.
        await pool.execute(
            "update web_session set seen_at = now() - interval '1 day' where account_id = $1",
            people[2].id,
        )
        assert emails[2] in (await page.get("/sign-in?add=1")).text
        picker = await page.get("/switch")
        assert "(driver3@example.org) is signed out" in picker.text

        shown = await add(page, emails[MOST])

        assert "driver3 was signed out here: 5 accounts are the most." in shown.text
        here = listed(await page.get("/switch"))
        assert len(here) == MOST
        assert set(here) == set(emails) - {emails[2]}
    assert await pool.fetchval("select count(*) from web_session") == MOST
    told = await pool.fetchrow("select * from audit where action = 'signed_out'")
    assert told is not None
    assert told["actor"] == emails[2]


async def test_the_same_account_again_takes_no_second_place(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await add_person(pool, GRACE)
    async with signed_in(api.port, ADA) as page:
        await add(page, GRACE)
        await add(page, ADA)
        assert listed(await page.get("/switch")) == [ADA, GRACE]
        await switch(page, ada.id)
        assert await who(page) == ADA
    assert await pool.fetchval("select count(*) from web_session") == 2


async def test_signing_one_out_leaves_the_others(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    grace = await add_person(pool, GRACE)
    async with signed_in(api.port, ADA) as page:
        await add(page, GRACE)
        shown = await page.post("/switch/sign-out", {"account": str(ada.id)}, page="/switch")
        assert listed(shown) == [GRACE]
        assert await who(page) == GRACE
        await add(page, ADA)

        shown = await page.post("/sign-out", {}, page="/switch")

        assert shown.path == "/switch"
        assert listed(shown) == [GRACE]
        assert (await page.get("/account")).path == "/sign-in"
        assert (await switch(page, grace.id)).path == "/"
        assert await who(page) == GRACE
        shown = await page.post("/switch/sign-out", {"account": str(grace.id)}, page="/switch")
        assert shown.path == "/sign-in"
        assert (await page.get("/switch")).path == "/sign-in"
    assert await pool.fetchval("select count(*) from web_session") == 0
    assert await pool.fetchval("select count(*) from audit where action = 'signed_out'") == 3


async def test_a_page_that_is_open_for_the_account_before_is_told_to_load_again(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, ADA)
    grace = await add_person(pool, GRACE)
    async with signed_in(api.port, GRACE) as page:
        await add(page, ADA)
        async with page.stream() as stream:
            await switch(page, grace.id)
            assert "reload" in await stream.names(3)


@pytest.mark.parametrize("cookie", ["", "...", "x", "a" * 9000, "é.ü", "'; drop table account --"])
async def test_a_cookie_that_is_not_ours_holds_nobody(api: Api, pool: Pool, cookie: str) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        shown = await page.get("/switch", Cookie=f"others={cookie[:4000]}")
        assert shown.path == "/sign-in"


async def test_an_account_that_is_switched_off_is_no_longer_there(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await add_person(pool, GRACE)
    async with signed_in(api.port, ADA) as page:
        await add(page, GRACE)
        await pool.execute("update account set is_active = false where id = $1", ada.id)

        assert listed(await page.get("/switch")) == [GRACE]
        assert (await switch(page, ada.id)).status == 404

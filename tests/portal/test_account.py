"""One's own account: how it reads, its password, the browsers that are signed in."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from db import accounts, mail_links
from db.mails import Body
from db.rows import Pool
from portal import agents
from portal.context import CONFIG
from tests.portal.browser import PASSWORD, Browser, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"
NEW = "quite another password"
DETAILS = {"name": "Ada L.", "zone": "Asia/Tokyo", "number_format": "de"}


async def test_what_people_say_of_themselves_is_kept_and_used_on_the_page(
    api: Api, pool: Pool
) -> None:
    ada = await add_person(pool, ADA)
    await pool.execute("update account set created_at = '2026-01-01T12:00Z'")
    async with signed_in(api.port, ADA) as page:
        await pool.execute("update web_session set created_at = '2026-03-01T12:00Z'")
        assert "signed in 1 Mar 2026, 12:00" in (await page.get("/account")).text

        shown = await page.post("/account", DETAILS, page="/account")

        assert shown.path == "/account"
        assert "Your account is saved." in shown.text
        assert "signed in 1 Mar 2026, 21:00" in shown.text
        assert "such as 1.234,5 kWh" in shown.text
        assert 'value="Ada L."' in shown.text
    async with pool.acquire() as conn:
        kept = await accounts.find(conn, ada.id)
    assert kept is not None
    assert (kept.name, kept.zone, kept.number_format) == ("Ada L.", "Asia/Tokyo", "de")
    assert not kept.is_mail_wanted  # the box was not ticked
    row = await pool.fetchrow("select * from audit order by id desc limit 1")
    assert row is not None
    assert (row["action"], row["subject"]) == ("account.changed", f"account:{ada.id}")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Enter your name"),
        ("name", "x" * 201, "Use 200 characters at most"),
        ("zone", "Mars/Olympus", "Choose a time zone from the list"),
        ("number_format", "xx", "Choose how numbers look"),
    ],
)
async def test_what_cannot_be_is_said_and_changes_nothing(
    api: Api, pool: Pool, field: str, value: str, words: str
) -> None:
    await add_person(pool, ADA)
    before = await pool.fetch("select * from account")
    async with signed_in(api.port, ADA) as page:
        shown = await page.post("/account", DETAILS | {field: value}, page="/account")

        assert shown.status == 422
        assert words in shown.text
    assert await pool.fetch("select * from account") == before


async def set_password(page: Browser, **fields: str) -> tuple[int, str]:
    shown = await page.post("/account/password", fields, page="/account")
    return shown.status, shown.text


async def test_a_new_password_asks_for_the_current_one_and_ends_the_other_browsers(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page, signed_in(api.port, ADA) as other:
        status, text = await set_password(page, current="not this one", password=NEW)
        assert status == 422
        assert "This is not your password" in text
        status, text = await set_password(page, current=PASSWORD, password="short")
        assert status == 422
        assert "12 characters at least" in text
        assert (await other.get("/account")).path == "/account"

        status, text = await set_password(page, current=PASSWORD, password=NEW)

        assert "The new password is set" in text
        assert (await page.get("/account")).path == "/account"
        assert (await other.get("/account")).path == "/sign-in"
        again = {"email": ADA, "password": NEW, "next": "/account"}
        assert (await other.post("/sign-in", again, page="/sign-in")).path == "/account"
    actions = [row["action"] for row in await pool.fetch("select * from audit order by id")]
    assert actions.count("password.changed") == 1


async def test_a_new_password_ends_the_links_that_lie_in_a_mailbox(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    token = mail_links.make_token()
    body = Body("Choose", "a", "b")
    async with signed_in(api.port, ADA) as page:
        async with pool.acquire() as conn:
            await mail_links.send(
                conn,
                ada.id,
                token=token,
                purpose="password",
                kind="password_link",
                recipient=ADA,
                body=body,
            )
        assert (await page.get(f"/sign-in/password?token={token}")).status == 200

        await set_password(page, current=PASSWORD, password=NEW)

        assert (await page.get(f"/sign-in/password?token={token}")).status == 410


async def test_who_has_no_password_sets_the_first_one(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        await pool.execute("update account set password_hash = null where email = $1", ADA)
        assert "You have none" in (await page.get("/account")).text
        status, _ = await set_password(page, password=NEW)
        assert status == 200
    async with browser(api.port) as page:
        fields = {"email": ADA, "password": NEW, "next": "/account"}
        assert (await page.post("/sign-in", fields, page="/sign-in")).path == "/account"


async def test_each_browser_is_listed_and_one_can_be_signed_out(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    await add_person(pool, GRACE)
    async with signed_in(api.port, ADA) as page, signed_in(api.port, ADA) as other:
        await pool.execute(
            "update web_session set user_agent = $1",
            "Mozilla/5.0 (Linux; Android 16) Chrome/142.0 Mobile Safari/537.36",
        )
        shown = (await page.get("/account")).text
        assert shown.count("Chrome on Android") >= 2
        assert shown.count("This one") == 1
        assert "127.0.0.1" in shown
        (path,) = re.findall(r'action="(/account/devices/\d+/sign-out)"', shown)
        async with signed_in(api.port, GRACE) as grace:
            assert (await grace.post(path, {}, page="/account")).status == 404

        done = await page.post(path, {}, page="/account")

        assert "That browser is signed out." in done.text
        assert (await other.get("/account")).path == "/sign-in"
        assert (await page.post(path, {}, page="/account")).status == 404
    assert await pool.fetchval("select count(*) from audit where action = 'signed_out'") == 1


async def test_everywhere_is_here_too(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    await add_person(pool, GRACE)
    async with (
        signed_in(api.port, ADA) as page,
        signed_in(api.port, ADA) as other,
        signed_in(api.port, GRACE) as grace,
    ):
        shown = await page.post("/account/sign-out-everywhere", {}, page="/account")

        assert shown.path == "/sign-in"
        for gone in (page, other):
            assert (await gone.get("/account")).path == "/sign-in"
        assert (await grace.get("/account")).path == "/account"
    done = "select count(*) from audit where action = 'signed_out_everywhere'"
    assert await pool.fetchval(done) == 1


async def test_an_admin_has_the_page_too_without_the_mails_of_drivers(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        shown = await page.get("/account")
        assert 'name="mail"' not in shown.text
        assert 'href="/admin/audit"' in shown.text
        await page.post("/account", DETAILS, page="/account")
    assert await pool.fetchval("select is_mail_wanted from account where email = $1", OMAR)


async def test_to_delete_an_account_a_mail_to_the_operator_is_ready(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        assert (
            "Ask the operator of your chargers to delete it." in (await page.get("/account")).text
        )
        config = replace(api.app[CONFIG], operator_email="help@example.org")
        monkeypatch.setitem(api.app._state, CONFIG, config)
        shown = await page.get("/account")
    found = re.search(r'href="(mailto:help@example.org\?subject[^"]+)"', shown.text)
    assert found
    assert f"Please delete my account {ADA}" in unquote(found[1])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko Firefox/145.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Mac OS X 10_15) Chrome/142 Safari/537", "Chrome on Mac"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
        (None, "Unknown browser"),
    ],
)
def test_a_browser_is_named_in_words(said: str | None, words: str) -> None:
    assert agents.words(said) == words

"""Sign-in by a link in a mail, and a new password by one: single use, and silent to strangers."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from db import accounts, mail_links
from db.rows import Pool
from portal import limits
from portal.context import CONFIG, LIMITS
from tests.portal.browser import PASSWORD, Browser, Shown, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, OMAR, NOBODY = "ada@example.org", "omar@example.org", "nobody@example.org"
NEW = "quite another password"


@pytest.fixture
async def ada(api: Api, pool: Pool) -> int:
    # Mails stay in the outbox for us to read.
    await pool.execute("update job set next_at = 'infinity' where name = 'mail'")
    await pool.execute(
        "insert into job (name, next_at) values ('mail', 'infinity')"
        " on conflict (name) do update set next_at = 'infinity'"
    )
    await add_person(pool, OMAR, role="admin")
    return (await add_person(pool, ADA)).id


async def ask(page: Browser, email: str, next: str = "") -> Shown:
    return await page.post("/sign-in/mail", {"address": email, "next": next}, page="/sign-in")


async def link_of(pool: Pool) -> str:
    """The path in the newest mail."""
    text = await pool.fetchval("select body_text from mail order by id desc limit 1")
    found = re.search(r"^http\S+$", text, re.M)
    assert found
    parts = urlsplit(found[0])
    return f"{parts.path}?{parts.query}"


def token_of(link: str) -> str:
    (token,) = parse_qs(urlsplit(link).query)["token"]
    return token


async def confirm(page: Browser, link: str) -> Shown:
    shown = await page.get(link)
    fields = dict(re.findall(r'name="(token|next)" value="([^"]*)"', shown.text))
    return await page.post(
        "/sign-in/link", {name: html.unescape(value) for name, value in fields.items()}, page=link
    )


async def acts(pool: Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("select action, actor from audit order by id")
    return [(row["action"], row["actor"]) for row in rows]


async def test_a_driver_signs_in_by_the_link_in_the_mail(api: Api, pool: Pool, ada: int) -> None:
    async with browser(api.port) as page:
        sent = await ask(page, "ADA@example.org", next="/account")
        assert sent.path == "/sign-in/sent"
        assert "If this address has an account, a link is on its way." in sent.text
        link = await link_of(pool)
        asked = await page.get(link)
        assert "ada@example.org" in asked.text
        assert (await page.get("/account")).path == "/sign-in"  # a look consumes nothing
        await page.get(link)

        shown = await confirm(page, link)

        assert shown.path == "/account"
    mail = await pool.fetchrow("select * from mail")
    assert mail is not None
    assert (mail["recipient"], mail["account_id"]) == (ADA, ada)
    assert await acts(pool) == [
        ("mail_link.requested", "ADA@example.org"),
        ("mail_link.consumed", ADA),
        ("sign_in.done", ADA),
    ]
    assert await pool.fetchval("select detail ->> 'how' from audit order by id desc") == "link"


async def test_what_the_link_holds_is_only_kept_as_a_hash(api: Api, pool: Pool, ada: int) -> None:
    async with browser(api.port) as page:
        await ask(page, ADA)
    token = token_of(await link_of(pool))

    row = await pool.fetchrow("select * from mail_link")
    assert row is not None
    assert len(row["token_hash"]) == 32
    assert token.encode() not in row["token_hash"]
    assert row["expires_at"] - row["created_at"] == timedelta(minutes=15)
    assert token not in str(await pool.fetch("select * from audit"))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("used", "This link was used already"),
        ("expired", "This link is over"),
        ("unknown", "This link does not work"),
        ("switched off", "This link does not work"),
    ],
)
async def test_a_link_that_does_not_work_says_why_and_leads_to_a_new_one(
    api: Api, pool: Pool, ada: int, how: str, words: str
) -> None:
    async with browser(api.port) as page, browser(api.port) as other:
        await ask(page, ADA)
        link = await link_of(pool)
        token = token_of(link)
        if how == "used":
            await confirm(other, link)
        elif how == "expired":
            await pool.execute("update mail_link set expires_at = now()")
        elif how == "unknown":
            token = token[:-2]
            link = f"/sign-in/link?token={token}"
        else:
            async with pool.acquire() as conn:
                await accounts.set_active(conn, ada, False)

        for shown in (
            await page.get(link),
            await page.post("/sign-in/link", {"token": token}, page="/sign-in"),
        ):
            assert shown.status == 410
            assert words in shown.text
            assert 'action="/sign-in/mail"' in shown.text
        assert (await page.get("/account")).path == "/sign-in"
    assert ("mail_link.refused", "nobody") in await acts(pool)


async def test_of_two_who_press_the_button_at_once_one_is_let_in(
    api: Api, pool: Pool, ada: int
) -> None:
    async with browser(api.port) as page, browser(api.port) as other:
        await ask(page, ADA, next="/account")
        link = await link_of(pool)

        shown = await asyncio.gather(confirm(page, link), confirm(other, link))

    assert sorted(one.status for one in shown) == [200, 410]
    assert await pool.fetchval("select count(*) from web_session") == 1


def without_secrets(shown: Shown) -> str:
    return re.sub(r'name="_csrf" value="[^"]+"', "", shown.text)


@pytest.mark.parametrize("purpose", ["sign_in", "password"])
async def test_known_unknown_switched_off_and_admin_addresses_are_answered_alike(
    api: Api, pool: Pool, ada: int, purpose: str
) -> None:
    off = await add_person(pool, "off@example.org")
    async with pool.acquire() as conn:
        await accounts.set_active(conn, off.id, False)
    path, at = {
        "sign_in": ("/sign-in/mail", "/sign-in"),
        "password": ("/sign-in/forgot", "/sign-in/forgot"),
    }[purpose]
    answers = set()
    for address in (ADA, OMAR, NOBODY, "off@example.org"):
        async with browser(api.port) as page:
            shown = await page.post(path, {"address": address}, page=at)
            answers.add((shown.status, shown.path, without_secrets(shown)))

    assert len(answers) == 1
    got = {row["recipient"] for row in await pool.fetch("select recipient from mail")}
    assert got == ({ADA} if purpose == "sign_in" else {ADA, OMAR})
    assert await pool.fetchval("select count(*) from mail_link") == len(got)
    refused = await pool.fetch(
        "select actor, detail ->> 'why' as why from audit where action like '%refused' order by id"
    )
    admin = [(OMAR, "administrators sign in with a password")] if purpose == "sign_in" else []
    assert [tuple(row) for row in refused] == [
        *admin,
        (NOBODY, "no such account"),
        ("off@example.org", "switched off"),
    ]


async def test_an_unknown_address_costs_the_database_as_much_as_a_known_one(
    api: Api, pool: Pool, ada: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = mail_links.send

    async def counted(conn: Any, account_id: int | None, **values: Any) -> None:
        with conn.query_logger(lambda record: asked.append(record.query)):
            await real(conn, account_id, **values)
        asked.append("done")

    monkeypatch.setattr(mail_links, "send", counted)
    async with browser(api.port) as page:
        await ask(page, ADA)
        known, asked = asked, []
        await ask(page, NOBODY)

    assert asked == known
    assert len(known) == 2


async def test_links_are_made_of_the_settings_and_never_of_what_the_request_says(
    api: Api, pool: Pool, ada: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(api.app[CONFIG], public_url="http://charge.example.org")
    async with browser(api.port) as page:
        # The token of a form first: with PUBLIC_URL set, Origin has to be that.
        shown = await page.get("/sign-in")
        token = shown.text.partition('name="_csrf" value="')[2].partition('"')[0]
        monkeypatch.setitem(api.app._state, CONFIG, config)
        async with page.http.post(
            f"{page.url}/sign-in/mail",
            data={"_csrf": token, "address": ADA},
            headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"},
            allow_redirects=False,
        ) as response:
            assert response.status == 303
    text = await pool.fetchval("select body_text || body_html from mail")
    assert "http://charge.example.org/sign-in/link?token=" in text
    assert "evil" not in text


async def test_links_to_one_address_are_few(api: Api, pool: Pool, ada: int) -> None:
    api.app[LIMITS].mail_by_email = limits.Limit(2, 900)
    async with browser(api.port) as page:
        for address in (ADA, ADA.upper(), NOBODY, NOBODY):
            assert (await ask(page, address)).status == 200
        for address in (ADA, NOBODY):
            shown = await ask(page, address)
            assert shown.status == 429
            assert "Too many attempts" in shown.text
    assert await pool.fetchval("select count(*) from mail") == 2


async def test_one_who_tries_links_waits(api: Api, ada: int) -> None:
    api.app[LIMITS].sign_in_by_address = limits.Limit(2, 60)
    async with browser(api.port) as page:
        for status in (410, 410, 429):
            shown = await page.post("/sign-in/link", {"token": "guessed"}, page="/sign-in")
            assert shown.status == status


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example/", "/sign-in/sent"])
async def test_a_link_leads_to_this_host_only(api: Api, pool: Pool, ada: int, next: str) -> None:
    async with browser(api.port) as page:
        await ask(page, ADA, next=next)
        link = await link_of(pool)
        assert "next" not in link
        fields = {"token": token_of(link), "next": next}
        shown = await page.post("/sign-in/link", fields, page=link)
        assert shown.path == "/"


async def test_a_forgotten_password_is_set_by_a_link_and_ends_every_other_sign_in(
    api: Api, pool: Pool, ada: int
) -> None:
    async with browser(api.port) as page, signed_in(api.port, ADA) as old:
        await ask(page, ADA)
        other_link = await link_of(pool)
        await page.post("/sign-in/forgot", {"address": ADA}, page="/sign-in/forgot")
        link = await link_of(pool)
        assert link.startswith("/sign-in/password?token=")
        valid = "select expires_at - created_at from mail_link where purpose = 'password'"
        assert await pool.fetchval(valid) == timedelta(hours=1)
        fields = {"token": token_of(link), "password": "short"}
        short = await page.post("/sign-in/password", fields, page=link)
        assert short.status == 422
        assert "12 characters at least" in short.text
        assert (await old.get("/account")).path == "/account"

        done = await page.post("/sign-in/password", fields | {"password": NEW}, page=link)

        assert done.path == "/"
        assert (await page.get("/account")).path == "/account"
        assert (await old.get("/account")).path == "/sign-in"
        for dead in (link, other_link):
            assert (await old.get(dead)).status == 410
    async with browser(api.port) as page:
        for password, status in ((PASSWORD, 422), (NEW, 200)):
            fields = {"email": ADA, "password": password, "next": "/account"}
            assert (await page.post("/sign-in", fields, page="/sign-in")).status == status
    assert [action for action, _ in await acts(pool)][-4:] == [
        "password.changed",
        "sign_in.done",
        "sign_in.refused",
        "sign_in.done",
    ]


async def test_an_admin_sets_a_new_password_by_mail_too(api: Api, pool: Pool, ada: int) -> None:
    async with browser(api.port) as page:
        await page.post("/sign-in/forgot", {"address": OMAR}, page="/sign-in/forgot")
        link = await link_of(pool)
        fields = {"token": token_of(link), "password": NEW}
        await page.post("/sign-in/password", fields, page=link)
        assert (await page.get("/admin/audit")).status == 200


async def test_a_link_to_sign_in_sets_no_password_and_one_for_a_password_signs_nobody_in(
    api: Api, pool: Pool, ada: int
) -> None:
    async with browser(api.port) as page:
        await ask(page, ADA)
        token = token_of(await link_of(pool))
        fields = {"token": token, "password": NEW}
        shown = await page.post("/sign-in/password", fields, page="/sign-in")
        assert shown.status == 410
        await page.post("/sign-in/forgot", {"address": ADA}, page="/sign-in/forgot")
        token = token_of(await link_of(pool))
        shown = await page.post("/sign-in/link", {"token": token}, page="/sign-in")
        assert shown.status == 410
    assert await pool.fetchval("select count(*) from web_session") == 0


async def test_what_is_no_address_comes_back_with_what_to_do(api: Api, ada: int) -> None:
    async with browser(api.port) as page:
        for path, at in (("/sign-in/mail", "/sign-in"), ("/sign-in/forgot", "/sign-in/forgot")):
            shown = await page.post(path, {"address": "ada"}, page=at)
            assert shown.status == 422
            assert "Enter an e-mail address such as" in shown.text
            assert 'value="ada"' in shown.text

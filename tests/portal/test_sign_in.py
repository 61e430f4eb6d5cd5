"""The way in and out, and the first administrator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from db import accounts, web_sessions
from db.rows import Conn, Pool
from portal import limits, passwords
from portal.context import CODE, CONFIG, LIMITS
from tests.portal.browser import PASSWORD, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"


async def test_who_signs_in_sees_the_portal_and_who_signs_out_does_not(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        assert (await page.get("/admin/nothing")).status == 404
        out = await page.post("/sign-out", {}, page="/admin/nothing")
        assert out.path == "/sign-in"
        assert "You are signed out." in out.text
        assert (await page.get("/admin/nothing")).path == "/sign-in"
    assert await pool.fetchval("select count(*) from web_session") == 0


async def test_the_address_is_found_however_it_is_capitalised(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, "ADA@Example.org") as page:
        assert (await page.get("/nothing")).status == 404


@pytest.mark.parametrize(
    ("email", "password"),
    [(ADA, "another password"), ("nobody@example.org", PASSWORD), (ADA, PASSWORD + " ")],
)
async def test_wrong_is_told_alike_for_known_and_unknown_addresses(
    api: Api, pool: Pool, email: str, password: str
) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        shown = await page.post("/sign-in", {"email": email, "password": password}, page="/sign-in")

        assert shown.status == 422
        assert "That address and password do not go together" in shown.text
        assert f'value="{email}"' in shown.text
        assert password not in shown.text
    assert await pool.fetchval("select count(*) from web_session") == 0


async def test_an_unknown_address_costs_the_database_as_much_as_a_known_one(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(pool, ADA)
    looked_up: list[int] = []
    real = accounts.password_hash

    async def counted(conn: Conn, id: int) -> str | None:
        looked_up.append(id)
        return await real(conn, id)

    monkeypatch.setattr(accounts, "password_hash", counted)
    async with browser(api.port) as page:
        for email in (ADA, "nobody@example.org"):
            await page.post("/sign-in", {"email": email, "password": "another"}, page="/sign-in")

    assert len(looked_up) == 2


async def test_an_account_that_is_not_active_is_out_and_stays_out(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        async with pool.acquire() as conn:
            await accounts.set_active(conn, ada.id, False)

        assert (await page.get("/nothing")).path == "/sign-in"
        again = await page.post("/sign-in", {"email": ADA, "password": PASSWORD}, page="/sign-in")
        assert again.status == 422


@pytest.mark.parametrize(
    ("wanted", "lands"),
    [
        ("/nothing?a=1", "/nothing"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/sign-in?next=/sign-in", "/"),
    ],
)
async def test_after_signing_in_one_is_where_one_wanted_to_be_on_this_host(
    api: Api, pool: Pool, wanted: str, lands: str
) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        fields = {"email": ADA, "password": PASSWORD, "next": wanted}
        shown = await page.post("/sign-in", fields, page="/sign-in")
        assert shown.path == lands


async def test_who_asks_for_a_page_comes_back_to_it(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        assert 'name="next" value="/nothing?a=1"' in (await page.get("/nothing?a=1")).text


async def test_a_cookie_says_nothing_and_lets_nobody_read_the_database_as_somebody(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        (cookie,) = [c for c in page.http.cookie_jar if c.key == "polaris"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        kept = await pool.fetchval("select token_hash from web_session")
        assert cookie.value.encode() not in kept
        assert len(kept) == 32


@pytest.mark.parametrize(("role", "days"), [("driver", 400), ("admin", 7)])
async def test_a_browser_keeps_the_cookie_for_as_long_as_visits_may_follow(
    api: Api, pool: Pool, role: accounts.Role, days: int
) -> None:
    await add_person(pool, ADA, role=role)
    async with signed_in(api.port, ADA) as page:
        (cookie,) = [c for c in page.http.cookie_jar if c.key == "polaris"]
        assert int(cookie["max-age"]) == days * 24 * 3600


async def test_with_https_cookies_are_bound_to_the_host(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(pool, ADA)
    config = replace(api.app[CONFIG], public_url="https://charge.example.com")
    monkeypatch.setitem(api.app._state, CONFIG, config)
    async with browser(api.port) as page:
        head = (await page.get("/sign-in")).headers
        assert head["Set-Cookie"].startswith("__Host-visitor=")
        assert "Secure" in head["Set-Cookie"]
        assert head["Strict-Transport-Security"]


@pytest.mark.parametrize(
    ("role", "idle", "longest"),
    [
        ("driver", timedelta(days=30), timedelta(days=3650)),
        ("admin", timedelta(hours=12), timedelta(days=7)),
    ],
)
async def test_a_sign_in_ends_when_it_was_idle_or_lasted_long_enough(
    pool: Pool, role: accounts.Role, idle: timedelta, longest: timedelta
) -> None:
    account = await add_person(pool, ADA, role=role)
    async with pool.acquire() as conn:
        await web_sessions.begin(conn, account, "a token", remote_address=None, user_agent=None)
        assert await web_sessions.find(conn, "another") is None

        async def ago(begun: timedelta, seen: timedelta) -> timedelta:
            """What is left of it after a visit, when it began and was seen so long ago."""
            await conn.execute(
                "update web_session set created_at = now() - $1::interval,"
                " seen_at = now() - $2::interval, expires_at = now() + '9 seconds'",
                begun,
                seen,
            )
            session = await web_sessions.find(conn, "a token")
            assert session is not None
            await web_sessions.note_seen(conn, session)
            left: timedelta = await conn.fetchval("select expires_at - now() from web_session")
            return timedelta(minutes=round(left / timedelta(minutes=1)))

        assert await ago(timedelta(0), timedelta(minutes=2)) == idle
        assert await ago(timedelta(0), timedelta(seconds=30)) == timedelta(0)
        almost = longest - timedelta(hours=1)
        assert await ago(almost, timedelta(minutes=2)) == timedelta(hours=1)
        await conn.execute("update web_session set expires_at = now()")
        assert await web_sessions.find(conn, "a token") is None


async def test_too_many_tries_wait(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    api.app[LIMITS].sign_in_by_email = limits.Limit(2, 60)
    async with browser(api.port) as page:
        wrong = {"email": ADA, "password": "wrong"}
        for _ in range(2):
            assert (await page.post("/sign-in", wrong, page="/sign-in")).status == 422
        shown = await page.post("/sign-in", wrong, page="/sign-in")
        assert shown.status == 429
        assert int(shown.headers["Retry-After"]) <= 30
        assert "Too many attempts" in shown.text


async def test_the_first_administrator_makes_himself_and_nobody_a_second(
    api: Api, pool: Pool
) -> None:
    fields = {"name": "Omar", "email": OMAR, "password": "a few long words"}
    async with browser(api.port) as page, browser(api.port) as late:
        assert (await page.get("/")).path == "/first-run"
        assert (await page.get("/sign-in")).path == "/first-run"
        short = await page.post("/first-run", fields | {"password": "short"}, page="/first-run")
        assert short.status == 422
        assert "12 characters at least" in short.text
        made, lost = await asyncio.gather(
            page.post("/first-run", fields, page="/first-run"),
            late.post("/first-run", fields | {"email": ADA}, page="/first-run"),
        )
        assert sorted([made.path[:6], lost.path[:6]]) != ["/admin", "/admin"]
        assert (await page.get("/first-run")).status == 404
    assert await pool.fetchval("select count(*) from account where role = 'admin'") == 1


async def test_who_is_not_on_this_machine_needs_the_code_of_the_log(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "address", lambda _request: "203.0.113.7")
    fields = {"name": "Omar", "email": OMAR, "password": "a few long words", "code": "guessed"}
    async with browser(api.port) as page:
        shown = await page.post("/first-run", fields, page="/first-run")
        assert shown.status == 422
        assert "Enter the code" in shown.text
        assert await pool.fetchval("select count(*) from account") == 0
        fields["code"] = f" {api.app[CODE]} "
        await page.post("/first-run", fields, page="/first-run")
    assert await pool.fetchval("select count(*) from account") == 1


async def test_a_password_of_less_work_is_hashed_again(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await add_person(pool, ADA)
    async with pool.acquire() as conn:
        before = await accounts.password_hash(conn, ada.id)
    monkeypatch.setattr(passwords, "needs_rehash", lambda _hash: True)
    async with signed_in(api.port, ADA):
        pass
    async with pool.acquire() as conn:
        after = await accounts.password_hash(conn, ada.id)
    assert before != after
    assert await passwords.verify(after, PASSWORD)

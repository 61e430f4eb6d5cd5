"""Forms from elsewhere are not taken."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from db.rows import Pool
from portal.context import CONFIG
from tests.portal.browser import PASSWORD, Browser, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, GRACE = "ada@example.org", "grace@example.org"


async def send(page: Browser, token: str | None, **headers: str) -> int:
    """The status of a form that changes nothing."""
    fields = {"theme": "light", "next": "/nothing"} | ({} if token is None else {"_csrf": token})
    async with page.http.post(
        f"{page.url}/theme", data=fields, headers=headers, allow_redirects=False
    ) as response:
        return response.status


async def token(page: Browser, path: str = "/nothing") -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', (await page.get(path)).text)
    assert found
    return found[1]


async def test_a_form_with_its_token_is_taken_and_any_other_is_not(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    await add_person(pool, GRACE)
    async with signed_in(api.port, ADA) as ada, signed_in(api.port, GRACE) as grace:
        right = await token(ada)
        assert await send(ada, right) == 303
        assert await send(ada, None, **{"X-CSRF-Token": right}) == 303
        for wrong in (None, "", "x" * 64, await token(grace), right + "0"):
            assert await send(ada, wrong) == 403, wrong
        assert await send(ada, right, **{"X-CSRF-Token": "wrong"}) == 403


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_a_form_of_another_site_is_not_taken(
    api: Api, pool: Pool, is_signed_in: bool
) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        if is_signed_in:
            await page.sign_in(ADA)
        right = await token(page)
        assert await send(page, right, Origin=page.url) == 303
        for foreign in ("https://evil.example", "null", f"{page.url}.evil.example", "http://["):
            assert await send(page, right, Origin=foreign) == 403, foreign


async def test_a_page_that_comes_in_the_midst_of_a_sign_out_can_be_signed_in_from(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        before = await token(page)
        await pool.execute("delete from web_session")
        amidst = await token(page, "/sign-in")  # the answer to the form is not here yet
        assert await send(page, before) == 303
        page.http.cookie_jar.clear(lambda cookie: cookie.key == "polaris")

        assert await send(page, amidst) == 303
        assert await token(page, "/sign-in") == amidst
        assert await send(page, before) == 403


async def test_who_is_not_signed_in_has_a_token_of_his_own_browser(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as one, browser(api.port) as two:
        assert await send(one, await token(one)) == 303
        assert await send(two, await token(one)) == 403


async def test_a_refused_form_says_so_in_words(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with (
        signed_in(api.port, ADA) as page,
        page.http.post(f"{page.url}/theme", data={"theme": "light"}) as response,
    ):
        assert "This form was not sent from here" in await response.text()


@pytest.mark.parametrize(
    ("public_url", "origin", "is_ours"),
    [
        ("https://charge.example.com", "https://charge.example.com", True),
        ("https://charge.example.com/", "https://charge.example.com", True),
        ("https://Charge.Example.com:443/up", "https://charge.example.com", True),
        ("https://charge.example.com:8443", "https://charge.example.com:8443", True),
        ("https://charge.example.com:8443", "https://charge.example.com", False),
        ("https://charge.example.com", "http://charge.example.com", False),
        ("https://charge.example.com", "https://example.com", False),
        ("https://charge.example.com", "https://charge.example.com.evil.example", False),
        ("https://charge.example.com", "null", False),
        ("https://charge.example.com", "https://charge.example.com:x", False),
        ("http://localhost:8080", "http://127.0.0.1:8080", False),
    ],
)
async def test_the_address_that_people_open_is_ours_however_it_is_written(
    api: Api, monkeypatch: pytest.MonkeyPatch, public_url: str, origin: str, is_ours: bool
) -> None:
    async with browser(api.port) as page:
        right = await token(page, "/first-run")
        # Read as it is without https, for cookies of https do not come to this test.
        config = replace(api.app[CONFIG], public_url=public_url)
        monkeypatch.setitem(api.app._state, CONFIG, config)
        monkeypatch.setattr("portal.cookies.is_secure", lambda _request: False)

        assert await send(page, right, Origin=origin) == (303 if is_ours else 403)


FORM = b"application/x-www-form-urlencoded"
RIGHT = b"X-CSRF-Token: RIGHT\r\n"


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (RIGHT + b"Content-Type: " + FORM, b"theme=light", 303),
        (RIGHT + b"Content-Type: " + FORM + b"; charset=UTF-8", b"theme=light", 303),
        (b"X-CSRF-Token: \xff\xfe\r\nContent-Type: " + FORM, b"theme=light", 403),
        (RIGHT + b"Content-Type: " + FORM, b"theme=\xff\xfe", 400),
        (RIGHT + b"Content-Type: " + FORM, b"theme=%ff%00", 303),
        (RIGHT + b"Content-Type: " + FORM + b"; charset=nonsense", b"theme=light", 415),
        (RIGHT + b"Content-Type: " + FORM + b"; charset=utf-7", b"theme=+2AA-", 415),
        (RIGHT + b"Content-Type: multipart/form-data", b"garbage", 415),
        (RIGHT + b"Content-Type: multipart/form-data; boundary=x", b"--x\r\n\r\na\r\n--x--", 415),
        (RIGHT + b"Content-Type: application/json", b"{", 303),
        (RIGHT + b"Content-Type: \xff", b"theme=light", 303),
        (RIGHT + b"Origin: http://\xff\r\nContent-Type: " + FORM, b"theme=light", 403),
        (RIGHT + b"Content-Type: " + FORM, b"&".join([b"a=1"] * 5000), 413),
        (b"Content-Type: " + FORM, b"_csrf=RIGHT&theme=light", 303),
        (b"Content-Type: " + FORM, b"_csrf=&_csrf=RIGHT&theme=light", 403),
        (b"Content-Type: " + FORM, b"_csrf=" + "é".encode() + b"&theme=light", 403),
    ],
)
async def test_whatever_is_sent_the_answer_is_in_words(
    api: Api, pool: Pool, head: bytes, body: bytes, status: int
) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        right = (await token(page, "/sign-in")).encode()
        (visitor,) = [c.value for c in page.http.cookie_jar if c.key == "visitor"]
    body = body.replace(b"RIGHT", right)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(
        b"POST /theme HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        + f"Cookie: visitor={visitor}\r\nContent-Length: {len(body)}\r\n".encode()
        + head.replace(b"RIGHT", right)
        + b"\r\n\r\n"
        + body
    )
    answer = (await reader.read()).decode()
    writer.close()

    assert int(answer.split()[1]) == status
    assert status == 303 or "<h1>" in answer


async def test_a_browser_may_call_itself_what_it_likes(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        right = await token(page, "/sign-in")
        (visitor,) = [c.value for c in page.http.cookie_jar if c.key == "visitor"]
    body = f"_csrf={right}&email={ADA}&password={PASSWORD.replace(' ', '+')}"
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(
        b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: \xff\r\n"
        + f"Cookie: visitor={visitor}\r\nContent-Type: {FORM.decode()}\r\n".encode()
        + f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    assert b" 303 " in await reader.readline()
    writer.close()
    assert await pool.fetchval("select user_agent from web_session") == "?"

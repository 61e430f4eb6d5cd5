"""The gate: what nobody named as open is shut."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from db.rows import Pool
from portal import people
from portal.context import READINESS
from tests.portal.browser import add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/sign-in-elsewhere", "/sign-in/more", "/themes", "/first-runs", "/ADMIN", "/api"],
)
async def test_an_address_that_nobody_opened_leads_to_the_sign_in(
    api: Api, pool: Pool, path: str
) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        shown = await page.get(path)
        assert shown.path == "/sign-in"
        assert f'name="next" value="{path}"' in shown.text


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/drivers", "/%61dmin", "/admin/none"])
async def test_a_driver_finds_the_admins_pages_as_little_as_ones_that_are_not_there(
    api: Api, pool: Pool, path: str
) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        shown, none = await page.get(path), await page.get("/nothing")
        assert (shown.status, none.status) == (404, 404)
        heading = "<h1>There is nothing here</h1>"
        assert heading in shown.text
        assert heading in none.text


async def test_an_admin_at_the_start_page_is_at_the_sessions(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        assert (await page.get("/")).path == "/admin"


async def test_a_signed_in_browser_has_no_token_of_the_api(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        assert (await page.get("/api/v1/stations")).status == 401


async def test_a_token_of_the_api_opens_no_page(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with browser(api.port) as page:
        shown = await page.get("/admin/transactions", Authorization=f"Bearer {api.token}")
        assert shown.path == "/sign-in"


async def test_a_new_role_counts_from_the_next_page_on(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        assert (await page.get("/admin/drivers")).status == 200
        await pool.execute("update account set role = 'driver' where email = $1", OMAR)
        assert (await page.get("/admin/drivers")).status == 404


@pytest.mark.parametrize("path", ["/", "/sign-in", "/first-run"])
async def test_before_the_database_is_ready_a_page_says_so(api: Api, path: str) -> None:
    api.app[READINESS].reason = "the database does not answer"
    async with browser(api.port) as page:
        shown = await page.get(path)
        assert shown.status == 503
        assert "<h1>This cannot be read now</h1>" in shown.text


async def test_what_a_browser_asks_for_by_itself_leads_nowhere(api: Api) -> None:
    async with browser(api.port) as page:
        for path in ("/favicon.ico", "/robots.txt"):
            shown = await page.get(path)
            assert (shown.status, shown.path) == (404, path)


@pytest.mark.parametrize(
    "cookie",
    [
        b"polaris=\xff\xfe",
        b"polaris=\xed\xa0\x80; visitor=\xff; toast=\xff; theme=\xff",
        b'polaris="\\377\\376"; toast="\\377"',
        b"polaris=" + b"x" * 4000,
        b"polaris; ;;=; polaris==",
    ],
)
async def test_a_cookie_that_is_not_ours_is_nobodys(api: Api, pool: Pool, cookie: bytes) -> None:
    await add_person(pool, ADA)
    for path, status in (("/", 303), ("/sign-in", 200)):
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ".encode()
        assert await raw_status(api, head + cookie + b"\r\n\r\n") == status


async def raw_status(api: Api, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


def test_only_these_routes_are_open_to_all(api: Api) -> None:
    """Who opens another says so here."""
    named = {
        resource.canonical
        for resource in api.app.router.resources()
        if isinstance(resource, web.Resource)
    }
    assert {
        "/sign-in",
        "/sign-in/mail",
        "/sign-in/sent",
        "/sign-in/link",
        "/sign-in/forgot",
        "/sign-in/password",
        "/switch",
        "/switch/sign-out",
        "/first-run",
        "/theme",
    } == people._FOR_ALL
    assert named >= people._FOR_ALL
    assert {
        name for name in named if name.startswith(people._ELSEWHERE) and "/api/" not in name
    } == {
        "/static/{path}",
        "/health/live",
        "/health/ready",
    }

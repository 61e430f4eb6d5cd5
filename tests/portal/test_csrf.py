"""Forms from elsewhere are not taken."""

from __future__ import annotations

import re

import pytest

from db.rows import Pool
from tests.portal.browser import Browser, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, GRACE = "ada@example.org", "grace@example.org"


async def send(page: Browser, token: str | None, **headers: str) -> int:
    """The status of a form that changes nothing."""
    fields = {"theme": "light", "next": "/nothing"} | ({} if token is None else {"_csrf": token})
    async with page.http.post(
        f"{page.url}/theme", data=fields, headers=headers, allow_redirects=False
    ) as response:
        return response.status


async def token(page: Browser) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', (await page.get("/nothing")).text)
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

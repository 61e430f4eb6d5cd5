"""What went wrong, as a person sees it: in the same shell, in words, without its insides."""

from __future__ import annotations

import asyncpg
import pytest
from aiohttp import web

from db.rows import Pool
from portal.context import POOL
from tests.portal.browser import Browser, Shown, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"


async def failing(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """From now on the theme's handler, the smallest there is, fails."""

    async def fail(_request: web.Request) -> web.Response:
        raise error

    for resource in api.app.router.resources():
        for route in resource:
            if resource.canonical == "/theme":
                monkeypatch.setattr(route, "_handler", fail)


async def test_an_address_that_does_not_exist_says_so_in_the_drivers_shell(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        shown = await page.get("/nothing")

        assert shown.status == 404
        assert "There is nothing here" in shown.text
        assert "Account of ada" in shown.text
        assert shown.text.count("<h1") == 1
        assert shown.headers["Cache-Control"] == "no-store"


async def test_an_admin_keeps_the_rail(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        shown = await page.get("/admin/nothing")

        assert shown.status == 404
        assert 'href="/admin/devices"' in shown.text


async def test_the_api_stays_with_problem_documents(api: Api) -> None:
    assert (await api.get("/api/v1/nothing")).body["title"] == "Not Found"
    assert (await api.get("/api/nothing", token="pe_wrong")).status == 401


async def test_a_part_of_a_page_that_fails_becomes_a_toast(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        shown = await page.get("/nothing", HX_Request="true")

        assert shown.status == 404
        assert shown.headers["HX-Retarget"] == "#told"
        assert shown.text.lstrip().startswith('<div class="toast"')
        assert "<html" not in shown.text


async def test_what_nobody_foresaw_has_a_reference_and_no_insides(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await add_person(pool, ADA)
    await failing(api, monkeypatch, RuntimeError("secret insides"))
    async with signed_in(api.port, ADA) as page:
        shown = await choose_theme(page)

        assert shown.status == 500
        assert "secret insides" not in shown.text
        reference = shown.text.partition('Reference <span class="id">')[2].partition("<")[0]
        assert len(reference) == 12
        assert reference in capsys.readouterr().out


async def test_a_database_that_is_away_is_said_and_not_shown_as_nothing(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(pool, ADA)
    await failing(api, monkeypatch, asyncpg.CannotConnectNowError("starting"))
    async with signed_in(api.port, ADA) as page:
        shown = await choose_theme(page)

        assert shown.status == 503
        assert "The database does not answer" in shown.text
        assert int(shown.headers["Retry-After"]) > 0


async def test_a_page_without_any_database_is_still_a_page(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        api.app[POOL].terminate()
        shown = await page.get("/")

        assert shown.status == 503
        assert "<h1>This cannot be read now</h1>" in shown.text
        assert "Retry-After" in shown.headers
        assert "Try again" in shown.text


async def test_a_form_that_did_not_come_from_us_is_refused_in_words(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        shown = await page.post("/theme", {"_csrf": "wrong", "theme": "light"}, page="/nothing")

        assert shown.status == 403
        assert "Nothing was changed" in shown.text


@pytest.mark.parametrize("theme", ["light", "system", "dark"])
async def test_the_look_is_kept_and_leads_back(api: Api, pool: Pool, theme: str) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        assert 'data-theme="dark"' in (await page.get("/nothing")).text

        shown = await page.post("/theme", {"theme": theme, "next": "/nothing?a=1"}, page="/nothing")

        assert shown.path == "/nothing"
        assert f'data-theme="{theme}"' in shown.text


@pytest.mark.parametrize(
    "there",
    [
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "\t//x.y",
    ],
)
async def test_the_look_never_leads_elsewhere(api: Api, pool: Pool, there: str) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        shown = await page.post("/theme", {"theme": "light", "next": there}, page="/sign-in")

        assert shown.status == 200
        assert shown.path in {"/", "/sign-in"}


async def choose_theme(page: Browser) -> Shown:
    return await page.post("/theme", {"theme": "light"}, page="/nothing")

"""What every answer tells a browser to leave, whatever it answers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from db.rows import Pool
from portal import static_files
from portal.context import CONFIG
from tests.portal.browser import Shown, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"
PATHS = ["/", "/nothing", "/admin", "/health/live", "/api/v1/stations", "/static/nothing.css"]


def policy(shown: Shown) -> dict[str, str]:
    parts = shown.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_them(api: Api, pool: Pool, path: str) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        shown = await page.get(path)

    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Referrer-Policy"] == "same-origin"
    assert shown.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in shown.headers["Permissions-Policy"]
    assert shown.headers["Cache-Control"] == "no-store"
    assert "Server" not in shown.headers


async def test_nothing_runs_that_is_not_a_file_of_ours(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        said = policy(await page.get("/"))

    for kind in ("script-src", "style-src", "connect-src", "font-src", "frame-src"):
        assert said.get(kind, said["default-src"]) == "'self'"
    assert said["img-src"] == "'self' data:"
    assert said["form-action"] == "'self'"
    for kind in ("object-src", "base-uri", "frame-ancestors"):
        assert said[kind] == "'none'"
    assert not any("unsafe" in value or "*" in value for value in said.values())


async def test_no_page_has_what_the_policy_would_stop(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    await add_person(pool, OMAR, role="admin")
    async with (
        browser(api.port) as nobody,
        signed_in(api.port, ADA) as ada,
        signed_in(api.port, OMAR) as omar,
    ):
        pages = [
            await nobody.get("/sign-in"),
            await ada.get("/"),
            await ada.get("/nothing"),
            await omar.get("/admin/transactions"),
            await omar.get("/admin/drivers/new"),
        ]
    for shown in pages:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on", shown.text), (
            shown.path
        )
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", shown.text))


async def test_a_file_may_be_kept_and_a_page_may_not(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        file = await page.get(static_files.url("css/base.css"))
        assert "immutable" in file.headers["Cache-Control"]
        assert file.headers["X-Content-Type-Options"] == "nosniff"
        assert (await page.get("/sign-in")).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("public_url", "is_https"),
    [(None, False), ("http://127.0.0.1", False), ("https://x.org", True)],
)
async def test_https_is_held_to_only_where_it_is(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch, public_url: str | None, is_https: bool
) -> None:
    await add_person(pool, ADA)
    config = replace(api.app[CONFIG], public_url=public_url)
    monkeypatch.setitem(api.app._state, CONFIG, config)
    async with browser(api.port) as page:
        shown = await page.get("/sign-in")

    assert ("Strict-Transport-Security" in shown.headers) == is_https
    cookie = shown.headers["Set-Cookie"]
    assert cookie.startswith("__Host-") == is_https
    assert ("Secure" in cookie) == is_https
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie

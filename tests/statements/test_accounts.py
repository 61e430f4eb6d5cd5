"""S26 to S28 and S49: where one is after the sign-in, and the account picker (seed: tour)."""

from __future__ import annotations

import re

from db.rows import Pool
from tests.portal.browser import PASSWORD, Browser, add_person, signed_in
from tests.portal.conftest import Api

DRIVER, ADMIN = "ada@example.org", "omar@example.org"


async def sign_in_too(page: Browser, email: str) -> None:
    """With another account, in the same browser."""
    fields = {"email": email, "password": PASSWORD}
    await page.post("/sign-in", fields, page="/sign-in?add=1")


async def press(page: Browser, button: str) -> tuple[str, str]:
    """On the account picker: where it leads, and what is there."""
    shown = await page.get("/switch")
    found = re.search(
        rf'name="account" value="(\d+)">\s*<button[^>]*aria-label="{button}', shown.text
    )
    assert found, shown.text
    landed = await page.post("/switch", {"account": found[1]}, page="/switch")
    return landed.path, landed.text


async def test_S26_after_the_sign_in_the_root_is_the_drivers_dashboard(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, DRIVER)
    async with signed_in(api.port, DRIVER) as page:
        shown = await page.get("/")

        assert (shown.status, shown.path) == (200, "/")
        assert f"Account of {DRIVER.partition('@')[0]}" in shown.text
        assert 'href="/admin' not in shown.text


async def test_S27_an_admin_who_comes_to_the_root_is_sent_to_the_admin_portal(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, ADMIN, role="admin")
    async with signed_in(api.port, ADMIN) as page:
        async with page.http.get(f"{page.url}/", allow_redirects=False) as response:
            assert response.status == 302
            assert response.headers["Location"] == "/admin"
        shown = await page.get("/")
        assert shown.status == 200
        assert shown.path.startswith("/admin")


async def test_S28_the_picker_leads_back_to_the_customer_account(api: Api, pool: Pool) -> None:
    await add_person(pool, DRIVER)
    await add_person(pool, ADMIN, role="admin")
    async with signed_in(api.port, DRIVER) as page:
        await sign_in_too(page, ADMIN)
        assert (await page.get("/")).path.startswith("/admin")

        path, text = await press(page, "Switch to ada")

        assert path == "/"
        assert "Account of ada" in text
        assert (await page.get("/admin/audit")).status == 404
        path, _ = await press(page, "Switch to omar")
        assert path.startswith("/admin")


async def test_S49_an_admin_finds_the_way_to_the_customer_account(api: Api, pool: Pool) -> None:
    await add_person(pool, DRIVER)
    await add_person(pool, ADMIN, role="admin")
    async with signed_in(api.port, ADMIN) as page:
        sent_to_admin = await page.get("/")
        assert sent_to_admin.path.startswith("/admin")
        (way,) = re.findall(
            r'<a [^>]*href="([^"]+)">(?:<svg.*?</svg>)?Switch account<', sent_to_admin.text
        )
        assert way == "/switch"
        picker = await page.get(way)
        (further,) = re.findall(
            r'href="([^"]+)">(?:<svg.*?</svg>)?Sign in with another', picker.text
        )

        # The customer's account is not signed in yet: the picker leads to where it signs in.
        fields = {"email": DRIVER, "password": PASSWORD}
        landed = await page.post("/sign-in", fields, page=further)

        assert landed.path == "/"
        assert "Account of ada" in landed.text

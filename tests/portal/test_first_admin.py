"""The first administrator: by the settings, or on the page that is there while there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from db import accounts
from db.config import ConfigError
from db.rows import Pool
from portal import first_admin, passwords
from portal.context import CODE, CONFIG
from tests.portal.browser import add_person, browser
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"
WORDS = "a few long words"


@pytest.fixture
def settings(api: Api, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return Settings(api, monkeypatch)


class Settings:
    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self._api = api
        self._monkeypatch = monkeypatch

    def are(self, **changed: object) -> None:
        app = self._api.app
        config = replace(app[CONFIG], **changed)  # type: ignore[arg-type]
        self._monkeypatch.setitem(app._state, CONFIG, config)


async def admins(pool: Pool) -> list[str]:
    async with pool.acquire() as conn:
        return [account.email for account in await accounts.list_by_role(conn, "admin")]


async def test_the_settings_make_one_who_can_sign_in(
    api: Api, pool: Pool, settings: Settings
) -> None:
    settings.are(admin_email=OMAR, admin_password=WORDS)
    await first_admin.see_to_it(api.app)
    await first_admin.see_to_it(api.app)

    assert await admins(pool) == [OMAR]
    async with browser(api.port) as page:
        await page.post("/sign-in", {"email": OMAR, "password": WORDS}, page="/sign-in")
        assert (await page.get("/")).path == "/admin"
        assert (await page.get("/first-run")).status == 404


async def test_the_settings_make_one_beside_others(
    api: Api, pool: Pool, settings: Settings
) -> None:
    await add_person(pool, ADA)
    settings.are(admin_email=OMAR, admin_password=WORDS)
    await first_admin.see_to_it(api.app)

    assert await admins(pool) == ["first@example.org", OMAR]


async def test_an_account_that_is_there_keeps_its_password_and_its_role(
    api: Api, pool: Pool, settings: Settings
) -> None:
    ada = await add_person(pool, ADA)
    async with pool.acquire() as conn:
        before = await accounts.password_hash(conn, ada.id)
        settings.are(admin_email=ADA.upper(), admin_password=WORDS)
        with capture_logs() as logs:
            await first_admin.see_to_it(api.app)

        assert await accounts.find(conn, ada.id) == ada
        assert await accounts.password_hash(conn, ada.id) == before
    assert [entry["event"] for entry in logs] == ["account.first_admin_not_made"]


@pytest.mark.parametrize(
    ("email", "password", "told"),
    [
        (OMAR, "short", "ADMIN_PASSWORD cannot be used: Use 12 characters at least"),
        (OMAR, None, "go together"),
        (None, WORDS, "go together"),
    ],
)
async def test_half_of_it_is_refused_in_words(
    api: Api, pool: Pool, settings: Settings, email: str | None, password: str | None, told: str
) -> None:
    settings.are(admin_email=email, admin_password=password)
    with pytest.raises(ConfigError, match=told):
        await first_admin.see_to_it(api.app)

    assert await admins(pool) == []


async def test_the_log_says_the_code_only_while_nobody_can_sign_in(api: Api, pool: Pool) -> None:
    with capture_logs() as logs:
        await first_admin.see_to_it(api.app)
    (entry,) = logs
    assert (entry["event"], entry["code"]) == ("portal.first_run", api.app[CODE])
    await add_person(pool, ADA)
    with capture_logs() as logs:
        await first_admin.see_to_it(api.app)

    assert logs == []


def test_portals_with_one_secret_have_one_code() -> None:
    code = first_admin.code(b"a secret of sixteen")

    assert code == first_admin.code(b"a secret of sixteen")
    assert code != first_admin.code(b"another of sixteen.")
    assert len(code) == 16


@pytest.mark.parametrize(
    ("headers", "changed", "is_needed"),
    [
        ({"Host": "127.0.0.1:8080"}, {}, False),
        ({"Host": "localhost:8080"}, {}, False),
        ({"Host": "[::1]:8080"}, {}, False),
        # A proxy on this machine, or a name of somebody's that leads here.
        ({"Host": "charge.example.com"}, {}, True),
        ({"Host": "localhost.example.com"}, {}, True),
        ({"Host": "127.0.0.1", "X-Forwarded-For": "127.0.0.1"}, {}, True),
        ({"Host": "127.0.0.1", "Forwarded": "for=127.0.0.1"}, {}, True),
        ({"Host": "127.0.0.1", "Via": "1.1 proxy"}, {}, True),
        ({"Host": "["}, {}, True),
        ({"Host": "127.0.0.1"}, {"public_url": "https://charge.example.com"}, True),
        ({"Host": "127.0.0.1"}, {"host": "0.0.0.0"}, True),
        ({"Host": "127.0.0.1"}, {"public_url": "http://localhost:8080"}, False),
    ],
)
def test_only_a_browser_on_this_machine_needs_no_code(
    api: Api,
    settings: Settings,
    headers: dict[str, str],
    changed: dict[str, object],
    is_needed: bool,
) -> None:
    settings.are(**changed)
    request = make_mocked_request("GET", "/first-run", headers=headers, app=api.app)

    assert first_admin.needs_code(request.clone(remote="127.0.0.1")) == is_needed
    assert first_admin.needs_code(request.clone(remote="192.0.2.7"))


async def test_the_form_is_gone_with_the_page(api: Api, pool: Pool) -> None:
    async with browser(api.port) as page:
        await page.get("/first-run")
        await add_person(pool, ADA)
        fields = {"name": "Omar", "email": OMAR, "password": WORDS}
        shown = await page.post("/first-run", fields, page="/sign-in")

    assert shown.status == 404
    assert await admins(pool) == ["first@example.org"]


@pytest.mark.parametrize("password", ["short", "x" * 1025])
async def test_a_password_that_is_none_is_said_at_its_field(
    api: Api, pool: Pool, password: str
) -> None:
    async with browser(api.port) as page:
        fields = {"name": "Omar", "email": OMAR, "password": password}
        shown = await page.post("/first-run", fields, page="/first-run")

    assert shown.status == 422
    assert (passwords.problem(password) or "nothing") in shown.text
    assert 'id="f-password-error"' in shown.text
    assert await admins(pool) == []

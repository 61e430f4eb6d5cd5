"""A real browser before a real portal and a real csms, with a small network in the database."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from db import accounts, sites, web_sessions
from db.accounts import Role
from db.config import DatabaseConfig
from db.rows import Pool
from portal.app import listening, make_app, open_socket
from portal.config import Config
from portal.context import READINESS
from portal.passwords import hash_
from tests.pages import chromium
from tests.wire import Csms, add_station, csms

PASSWORD = "a password for tests"
DRIVER, OTHER, ADMIN = "ada@example.org", "grace@example.org", "omar@example.org"
PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=800)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.timeout(300))  # a browser beside others is slow
        if chromium.path() is None:
            item.add_marker(pytest.mark.skip(reason=chromium.WHY_SKIPPED))


@pytest.fixture(scope="session")
def browser_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Chromium for all tests of a worker: a start costs more than most tests."""
    path = chromium.path()
    assert path is not None
    profile = tmp_path_factory.mktemp("profile")
    with subprocess.Popen(
        [
            path,
            *chromium.ARGUMENTS,
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(r"ws://127\.0\.0\.1:\d+", line):
                    yield found[0].replace("ws://", "http://")
                    break
            else:
                raise AssertionError("Chromium did not start")
        finally:
            process.terminate()


@pytest.fixture
async def browser(browser_url: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(browser_url)
        yield browser
        await browser.close()


@dataclass
class Site:
    """What a test walks through."""

    app: web.Application
    url: str
    server: Csms
    browser: Browser
    pool: Pool
    wrong: list[str] = field(default_factory=list)  # what a page complained of in its console
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def nobody(self, **how: Any) -> Page:
        """A page of a browser that is not signed in: a phone, dark, unless `how` says else."""
        how = {"viewport": PHONE, "color_scheme": "dark", "base_url": self.url, **how}
        context: BrowserContext = await self.browser.new_context(**how)
        self._stack.push_async_callback(context.close)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on(
            "console",
            lambda said: self.wrong.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        return page

    async def signed_in(self, email: str, **how: Any) -> Page:
        """At the start page. How one signs in has tests of its own; here it would be most."""
        page = await self.nobody(**how)
        async with self.pool.acquire() as conn:
            account = await accounts.find_by_email(conn, email)
            assert account is not None
            token = web_sessions.make_token()
            await web_sessions.begin(conn, account, token, remote_address=None, user_agent=None)
        await page.context.add_cookies([{"name": "polaris", "value": token, "url": self.url}])
        await page.goto("/")
        return page


PEOPLE: list[tuple[str, str, Role]] = [
    (DRIVER, "Ada Lovelace", "driver"),
    (OTHER, "Grace Hopper", "driver"),
    (ADMIN, "Omar Khayyam", "admin"),
]


async def people(pool: Pool) -> None:
    password_hash = await hash_(PASSWORD)
    async with pool.acquire() as conn:
        for email, name, role in PEOPLE:
            await accounts.add(conn, email=email, name=name, role=role, password_hash=password_hash)


async def network(database_url: str, pool: Pool) -> None:
    """CP-1 with two connectors and CP-2 with one, at a site; each driver has a card."""
    async with pool.acquire() as conn:
        site = await sites.add(
            conn,
            name="Harbour garage",
            zone="Europe/Amsterdam",
            currency="EUR",
            address="Quay 1, Rotterdam",
        )
    for identity, name, kinds in (
        ("CP-1", "Harbour north", [("Type 2", 22_000), ("CCS", 50_000)]),
        ("CP-2", "Harbour south", [("Type 2", 11_000)]),
    ):
        station = await add_station(database_url, identity)
        await pool.execute(
            "update station set name = $2, site_id = $3 where id = $1", station.id, name, site.id
        )
        for evse, (kind, power_w) in enumerate(kinds, 1):
            await pool.execute("insert into evse values ($1, $2)", station.id, evse)
            await pool.execute(
                """
                insert into connector (station_id, evse, connector, type, max_power_w)
                values ($1, $2, 1, $3, $4)
                """,
                station.id,
                evse,
                kind,
                power_w,
            )
    await pool.execute(
        """
        insert into id_token (uid, account_id, label)
        select case email when $1 then 'ADA-1' else 'GRACE-1' end, id, 'Blue card'
        from account where role = 'driver'
        """,
        DRIVER,
    )


@asynccontextmanager
async def portal(database_url: str, data_dir: Path) -> AsyncIterator[tuple[web.Application, str]]:
    config = Config(database=DatabaseConfig(data_dir=data_dir), port=0)
    with open_socket(config) as sock:
        app = make_app(config, database_url)
        async with listening(app, sock):
            async with asyncio.timeout(20):
                while app[READINESS].reason is not None:
                    await asyncio.sleep(0.01)
            yield app, f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
async def site(
    database_url: str, pool: Pool, tmp_path: Path, browser: Browser
) -> AsyncIterator[Site]:
    await people(pool)
    await network(database_url, pool)
    async with (
        csms(database_url, tmp_path) as server,
        portal(database_url, tmp_path / "portal") as (app, url),
    ):
        site = Site(app, url, server, browser, pool)
        async with site._stack:
            yield site
    assert site.wrong == []

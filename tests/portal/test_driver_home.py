"""The driver's dashboard and its parts: what is on them, and what they cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from db import commands
from db.accounts import Account
from db.model.commands import StartSession, StopSession
from db.model.sessions import Session
from db.model.stations import Station
from db.rows import Conn, Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

HTMX = {"HX_Request": "true"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def ada(pool: Pool) -> Account:
    return await add_person(pool, "ada@example.org")


@pytest.fixture
async def page(api: Api, ada: Account) -> AsyncIterator[Browser]:
    async with signed_in(api.port, ada.email) as page:
        yield page


async def online(conn: Conn, identity: str, *, evses: int = 1) -> Station:
    """Seen just now, over a socket that somebody holds."""
    station = await build.station(conn, identity, evses=evses)
    await conn.execute(
        "insert into node values ('test', now(), now() + interval '1 h') on conflict do nothing"
    )
    await build.connect(conn, station)
    await conn.execute("update station set last_seen_at = now() where id = $1", station.id)
    await conn.execute("update connector set status = 'Available', reported = 'Available'")
    return station


async def running(conn: Conn, station: Station, who: Account, *, heard: timedelta) -> Session:
    """A session that began an hour and 44 minutes ago, and was last heard of so long ago."""
    now = datetime.now(UTC)
    made = await build.session(
        conn,
        station,
        running=True,
        evse=1,
        account_id=who.id,
        started_at=now - 104 * MINUTE,
        updated_at=now - heard,
        live_wh="18214",
    )
    await conn.execute(
        "update session_live set account_id = $2, power_w = 10900 where session_id = $1",
        made.id,
        who.id,
    )
    return made


async def test_the_first_visit_says_what_will_be_there(page: Browser) -> None:
    shown = await page.get("/")
    assert shown.status == 200
    assert "No chargers yet" in shown.text
    assert "No sessions yet" in shown.text
    assert "hero" not in shown.text


async def test_the_running_session_is_shown_with_its_figures(
    page: Browser, pool: Pool, ada: Account
) -> None:
    async with pool.acquire() as conn:
        station = await online(conn, "CP-1", evses=2)
        made = await running(conn, station, ada, heard=timedelta(seconds=10))
    for path in ("/", "/active"):
        text = (await page.get(path)).text
        assert "18.21 <span" in text
        assert "10.9 kW" in text
        assert "1 h 44 min" in text
        assert "CP-1, connector 1" in text
        assert "hero beam" in text
        assert f'action="/sessions/{made.id}/stop"' in text
    strip = (await page.get("/active/strip", **HTMX)).text
    assert "18.21 kWh" in strip
    assert 'id="strip"' in strip


async def test_a_silent_session_is_amber_and_stops_moving(
    page: Browser, pool: Pool, ada: Account
) -> None:
    async with pool.acquire() as conn:
        await running(conn, await online(conn, "CP-1"), ada, heard=6 * MINUTE)
    text = (await page.get("/active", **HTMX)).text
    assert "The charger has said nothing since" in text
    assert "6 min ago" in text
    assert 'data-tone="wait"' in text
    assert "beam" not in text
    assert "dot live" not in text
    assert "10.9 kW" not in text  # that was then


async def test_a_session_without_power_does_not_move_either(
    page: Browser, pool: Pool, ada: Account
) -> None:
    async with pool.acquire() as conn:
        await running(conn, await online(conn, "CP-1"), ada, heard=MINUTE)
        await conn.execute("update session_live set power_w = 0")
    text = (await page.get("/active", **HTMX)).text
    assert "no power now" in text
    assert "0.0 kW" in text
    assert "beam" not in text


async def test_the_pill_counts_the_chargers_that_are_online(page: Browser, pool: Pool) -> None:
    async with pool.acquire() as conn:
        for identity in ("CP-1", "CP-2", "CP-3"):
            await online(conn, identity)
        await conn.execute(
            """
            update connector set status = 'Faulted'
            where station_id = (select id from station where identity = 'CP-2')
            """
        )
    for path in ("/", "/chargers/online"):
        assert "2 available now" in (await page.get(path)).text


async def test_a_charger_with_several_free_places_offers_each(page: Browser, pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await online(conn, "CP-1", evses=3)
        await conn.execute("update connector set status = 'Reserved' where evse = 2")
    text = (await page.get(f"/chargers/{station.public_id}/card", **HTMX)).text
    assert text.strip().startswith("<li")
    assert 'name="evse" value="1"' in text
    assert 'name="evse" value="2"' not in text
    assert 'name="evse" value="3"' in text
    assert "Reserved" in text
    assert f"sse:station:{station.id}" in text
    assert (await page.get("/chargers/NOTTHERE/card")).status == 404


async def test_times_are_those_of_the_charger_s_site(
    page: Browser, pool: Pool, ada: Account
) -> None:
    async with pool.acquire() as conn:
        station = await online(conn, "CP-1")
        await conn.execute(
            """
            with made as (
                insert into site (name, zone) values ('Harbour', 'Asia/Tokyo') returning id
            )
            update station set site_id = made.id from made
            """
        )
        await build.session(
            conn,
            station,
            account_id=ada.id,
            started_at=datetime(2026, 3, 1, 20, 5, tzinfo=UTC),
            ended_at=datetime(2026, 3, 1, 21, 45, tzinfo=UTC),
            energy_wh=27_360,
        )
    for path in ("/", "/sessions/recent"):
        text = (await page.get(path)).text
        assert "27.36 kWh" in text
        assert "2<small>Mar</small>" in text
        assert "05:05</time>" in text
        assert "06:45</time> (1 h 40 min)" in text
        assert "Finalized" in text


async def test_another_drivers_session_is_nowhere(page: Browser, pool: Pool) -> None:
    grace = await add_person(pool, "grace@example.org")
    async with pool.acquire() as conn:
        made = await running(conn, await online(conn, "CP-1"), grace, heard=MINUTE)
        await build.session(conn, await online(conn, "CP-2"), account_id=grace.id)
    for path in ("/", "/active", "/active/strip", "/sessions/recent"):
        text = (await page.get(path)).text
        assert "18.21" not in text
        assert "2.50 kWh" not in text
        assert f"Session {made.id}" not in text
    assert "Someone has been charging since" in (await page.get("/")).text


@pytest.mark.usefixtures("no_jobs")
async def test_the_dashboard_asks_the_database_as_often_for_one_charger_as_for_fifty(
    page: Browser, pool: Pool, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def count(name: str) -> None:
        original = getattr(asyncpg.Connection, name)

        async def counted(self: Any, query: str, *args: Any, **more: Any) -> Any:
            if "pg_advisory_unlock_all" not in query:  # the pool's own, when it takes one back
                asked.append(query)
            return await original(self, query, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, counted)

    async def fill(first: int, last: int) -> None:
        async with pool.acquire() as conn:
            for number in range(first, last):
                station = await online(conn, f"CP-{number}", evses=2)
                made = await running(conn, station, ada, heard=MINUTE)
                for command in (
                    StopSession(made.id, made.transaction_id),
                    StartSession("ADA-1", "Central", 2),
                ):
                    who = commands.by_driver(ada.id)
                    await commands.ask(conn, station.id, command, asked_by=who, valid_for=MINUTE)
                await build.session(conn, station, account_id=ada.id)

    await fill(0, 1)
    await page.get("/")
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        count(name)
    costs = []
    for first, last in ((0, 0), (1, 50)):
        await fill(first, last)
        asked.clear()
        text = (await page.get("/")).text
        assert text.count('id="charger-') == max(last, 1)
        assert text.count('aria-label="waiting"') == 2 * max(last, 1)
        costs.append(len(asked))
    assert max(costs) <= 18, asked

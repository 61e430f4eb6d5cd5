"""A driver starts and stops from the page: asked once, and told in the charger's own time."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from db.accounts import Account
from db.model.stations import Station as Known
from db.rows import Pool
from simulators import Station, Vehicle
from tests.portal.browser import Browser, Shown, add_person, signed_in
from tests.portal.conftest import Api
from tests.wire import KEY, Charger, Csms, add_station, charger, csms

Version = Literal["1.6", "2.0.1"]
HTMX = {"HX_Request": "true"}


class World:
    def __init__(self, pool: Pool, server: Csms, known: Known, ada: Account, page: Browser) -> None:
        self.pool = pool
        self.server = server
        self.known = known
        self.ada = ada
        self.page = page

    @property
    def start_path(self) -> str:
        return f"/chargers/{self.known.public_id}/start"

    @asynccontextmanager
    async def station(self, version: Version = "1.6", **how: Any) -> AsyncIterator[Station]:
        async with Station("CP-1", version=version, url=self.server.url, password=KEY, **how) as cp:
            await cp.flush()
            yield cp

    async def count(self) -> int:
        counted: int = await self.pool.fetchval("select count(*) from command")
        return counted

    async def state(self) -> str:
        state: str = await self.pool.fetchval("select state from command order by id desc limit 1")
        return state

    async def is_settled(self) -> bool:
        return await self.state() not in {"waiting", "sent"}

    async def session(self) -> int | None:
        number: int | None = await self.pool.fetchval(
            "select session_id from session_live where account_id = $1", self.ada.id
        )
        return number


@pytest.fixture
async def world(api: Api, database_url: str, pool: Pool, tmp_path: Path) -> AsyncIterator[World]:
    known = await add_station(database_url, "CP-1")
    ada = await add_person(pool, "ada@example.org")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(csms(database_url, tmp_path, call_timeout_s=1))
        page = await stack.enter_async_context(signed_in(api.port, "ada@example.org"))
        yield World(pool, server, known, ada, page)


async def until(happened: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not await happened():
            await asyncio.sleep(0.02)


async def asked_of(cp: Charger) -> Any:
    async with asyncio.timeout(20):
        return json.loads(await cp.socket.recv())


def life(page: str) -> str:
    """Where the command's life can be read again."""
    found = re.search(r'hx-get="(/chargers/\w+/commands/\d+)"', page)
    assert found, page
    return found[1]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_start_becomes_a_session_and_a_stop_ends_it(world: World, version: Version) -> None:
    page = world.page
    async with world.station(version) as cp:
        await cp.plug_in(1, Vehicle())
        await cp.flush()
        fields = {"evse": "1"}
        shown = await page.post(world.start_path, fields, page="/")
        assert shown.status == 200
        assert "/commands/" in shown.path  # after a redirect: a page with its life
        await until(world.session)
        await cp.charge(1, energy_wh=3_210)
        await cp.flush()

        number = await world.session()
        home = (await page.get("/")).text
        live_wh = await world.pool.fetchval("select energy_wh from session_live")
        assert live_wh > 2_000
        assert f"{live_wh / 1000:.2f} <span" in home
        assert "You have been charging since" in home
        assert f'action="/sessions/{number}/stop"' in home
        assert "Charging has begun" in (await page.get(shown.path)).text

        shown = await page.post(f"/sessions/{number}/stop", {}, page="/")
        assert "/commands/" in shown.path

        async def is_over() -> bool:
            return await world.session() is None

        await until(is_over)
        home = (await page.get("/")).text
        assert "Finalized" in home
        assert "hero" not in home
        assert cp.complaints == []
    row = await world.pool.fetchrow("select * from charging_session")
    assert row is not None
    assert (row["energy_wh"], row["account_id"]) == (3_210, world.ada.id)
    token = await world.pool.fetchrow("select * from id_token where is_app")
    assert token is not None
    assert row["id_token"] == token["uid"]
    assert (len(token["uid"]), token["type"]) == (16, "Central")


async def test_an_accepted_start_waits_for_the_cable_until_the_session_is_there(
    world: World,
) -> None:
    async with world.station() as cp:
        shown = await world.page.post(world.start_path, {}, page="/", **HTMX)
        assert shown.status == 200
        path = life(shown.text)
        await until(world.is_settled)
        part = (await world.page.get(path, **HTMX)).text
        assert "The charger accepted. Plug the cable in if it is not." in part
        assert "sse:sessions" in part
        await cp.plug_in(1, Vehicle())
        await until(world.session)
        part = (await world.page.get(path, **HTMX)).text
        assert "Charging has begun" in part
        assert "hx-get" not in part


async def test_a_refusal_is_told_in_plain_words(world: World) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        await cp.call("Heartbeat", {})
        shown = await world.page.post(world.start_path, {}, page="/", **HTMX)
        assert 'aria-label="refused"' not in shown.text
        path = life(shown.text)
        asked = await asked_of(cp)
        assert asked[2] == "RemoteStartTransaction"
        part = (await world.page.get(path, **HTMX)).text
        assert 'aria-label="sent"' in part
        await cp.socket.send(json.dumps([3, asked[1], {"status": "Rejected"}]))
        await until(world.is_settled)
        part = (await world.page.get(path, **HTMX)).text
    assert 'aria-label="refused"' in part
    assert "Push the cable in until it clicks, then try again." in part
    assert "It said: Rejected." in part


async def test_a_charger_that_does_not_answer_is_told_as_such(world: World) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        await cp.call("Heartbeat", {})
        shown = await world.page.post(world.start_path, {}, page="/", **HTMX)
        await asked_of(cp)
        await until(world.is_settled)
        part = (await world.page.get(life(shown.text), **HTMX)).text
    assert 'aria-label="expired"' in part
    assert "The charger did not answer in time. It may still act when it is back." in part


async def test_a_charger_without_connection_is_not_asked(world: World) -> None:
    await world.pool.execute("update station set last_seen_at = now()")
    home = await world.page.get("/")
    assert "It has no connection right now." in home.text
    assert "Start charging" not in home.text

    shown = await _post_anyway(world, world.start_path)
    assert shown.status == 409
    assert "Not started at CP-1" in shown.text
    assert "The charger has no connection right now." in shown.text
    shown = await world.page.post(world.start_path, {}, page="/", **HTMX)
    assert shown.status == 409
    assert shown.text.lstrip().startswith("<li")
    assert "The charger has no connection right now." in shown.text
    assert await world.count() == 0


async def test_a_double_click_asks_once(world: World) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        await cp.call("Heartbeat", {})
        first, second = await asyncio.gather(
            world.page.post(world.start_path, {}, page="/"),
            world.page.post(world.start_path, {}, page="/"),
        )
        assert first.path == second.path
        asked = await asked_of(cp)
        await cp.socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))
        await until(world.is_settled)
        third = await world.page.post(world.start_path, {}, page=first.path)
    assert third.path == first.path
    assert await world.count() == 1


async def test_after_a_refusal_it_may_be_tried_again(world: World) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        await cp.call("Heartbeat", {})
        await world.page.post(world.start_path, {}, page="/")
        asked = await asked_of(cp)
        await cp.socket.send(json.dumps([3, asked[1], {"status": "Rejected"}]))
        await until(world.is_settled)
        home = (await world.page.get("/")).text
        assert "Start charging" in home
        assert "The charger refused to start." in home
        await world.page.post(world.start_path, {}, page="/")
    assert await world.count() == 2


async def test_a_stop_that_is_clicked_twice_is_asked_once_and_shown_until_it_is_heard(
    world: World,
) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        number = await _begin(world, cp)
        path = f"/sessions/{number}/stop"
        first = await world.page.post(path, {}, page="/", **HTMX)
        again = await world.page.post(path, {}, page="/", **HTMX)
        assert life(first.text) == life(again.text)
        assert "Stop charging" not in again.text
        asked = await asked_of(cp)
        assert asked[2] == "RemoteStopTransaction"
        await cp.socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))

        async def is_done() -> bool:
            return await world.state() == "done"

        await until(is_done)
        part = (await world.page.get("/active", **HTMX)).text
        assert "The charger accepted. It is ending the session." in part
        assert "hero beam" in part
    assert await world.pool.fetchval("select count(*) from command where kind = 'stop'") == 1


async def test_another_drivers_session_and_command_are_not_there(api: Api, world: World) -> None:
    await add_person(world.pool, "grace@example.org")
    async with (
        charger(world.server.url, "CP-1") as cp,
        signed_in(api.port, "grace@example.org") as grace,
    ):
        number = await _begin(world, cp)
        command = await world.pool.fetchval("select max(id) from command")
        before = await world.count()
        for path in (f"/sessions/{number}/stop", "/sessions/999999/stop", "/sessions/x/stop"):
            assert (await _post_anyway(world, path, page=grace)).status == 404
        shown = await grace.get(f"/chargers/{world.known.public_id}/commands/{command}")
        assert shown.status == 404
        home = (await grace.get("/")).text
        assert "hero" not in home
        assert "Someone has been charging since" in home
        assert "No sessions yet" in home
    assert await world.count() == before


async def test_an_ended_session_is_not_asked_to_stop(world: World) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        number = await _begin(world, cp)
        await cp.call(
            "StopTransaction",
            {"transactionId": number, "meterStop": 1_500, "timestamp": "2026-01-01T00:00:00Z"},
        )

        async def is_over() -> bool:
            return await world.session() is None

        await until(is_over)
        before = await world.count()
        shown = await _post_anyway(world, f"/sessions/{number}/stop")
    assert shown.path == "/"
    assert f"Session {number} has ended already." in shown.text
    assert await world.count() == before


async def test_a_connector_or_charger_that_is_not_there_cannot_be_started(world: World) -> None:
    for path, fields in (
        (world.start_path, {"evse": "7"}),
        (world.start_path, {"evse": "one"}),
        ("/chargers/NOTTHERE/start", {}),
    ):
        assert (await _post_anyway(world, path, fields)).status == 404
    assert await world.count() == 0


async def test_the_card_that_was_used_last_speaks_for_its_driver(world: World) -> None:
    for uid, label in (("ADA-1", "Blue"), ("ADA-2", "Red")):
        await world.pool.execute(
            "insert into id_token (uid, account_id, label) values ($1, $2, $3)",
            uid,
            world.ada.id,
            label,
        )
    async with charger(world.server.url, "CP-1") as cp:
        said = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        await cp.call("StatusNotification", said)
        await cp.call(
            "StartTransaction",
            {"connectorId": 2, "idTag": "ADA-2", "meterStart": 0, "timestamp": _soon()},
        )
        number = await world.pool.fetchval("select max(id) from charging_session")
        # While it charges elsewhere, another one speaks.
        await world.page.post(world.start_path, {"evse": "1"}, page="/")
        asked = await asked_of(cp)
        assert asked[3]["idTag"] == "ADA-1"
        await cp.socket.send(json.dumps([3, asked[1], {"status": "Rejected"}]))
        await cp.call(
            "StopTransaction", {"transactionId": number, "meterStop": 1, "timestamp": _soon()}
        )
        await until(world.is_settled)
        await world.page.post(world.start_path, {"evse": "1"}, page="/")
        asked = await asked_of(cp)
        assert asked[3]["idTag"] == "ADA-2"


async def _begin(world: World, cp: Charger) -> int:
    """A session of Ada's that she began from the page."""
    await cp.call("Heartbeat", {})
    await world.page.post(world.start_path, {}, page="/")
    asked = await asked_of(cp)
    await cp.socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))
    said = {"connectorId": 1, "meterStart": 1_000, "timestamp": _soon()}
    answer = await cp.call("StartTransaction", said | {"idTag": asked[3]["idTag"]})
    await until(world.session)
    number: int = answer["transactionId"]
    return number


def _soon() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


async def _post_anyway(
    world: World,
    path: str,
    fields: dict[str, str] | None = None,
    *,
    page: Browser | None = None,
) -> Shown:
    """As from a page that was drawn before."""
    return await (page or world.page).post(path, fields or {}, page="/")


async def test_who_asks_without_end_is_told_to_wait(world: World) -> None:
    await world.pool.execute("update station set last_seen_at = now()")
    statuses = {(await _post_anyway(world, world.start_path)).status for _ in range(25)}
    assert statuses == {409, 429}
    assert (await _post_anyway(world, "/sessions/1/stop")).status == 429

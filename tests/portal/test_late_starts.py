"""A start from the page whose answer comes late, or whose session does, or none at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.portal.test_driver_start_stop import HTMX, World, asked_of, life, until, world
from tests.wire import Charger, add_station, charger

__all__ = ["world"]


def begin(uid: str) -> dict[str, Any]:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"connectorId": 1, "idTag": uid, "meterStart": 1_000, "timestamp": now}


async def ask(page: World, cp: Charger) -> tuple[str, Any]:
    """Where the life of a start is read, and what the charger was asked."""
    await cp.call("Heartbeat", {})
    shown = await page.page.post(page.start_path, {}, page="/", **HTMX)
    return life(shown.text), await asked_of(cp)


async def test_a_session_that_begins_before_the_charger_answers_is_of_that_start(
    world: World,
) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        path, asked = await ask(world, cp)
        answer = await cp.call("StartTransaction", begin(asked[3]["idTag"]))
        assert answer["idTagInfo"]["status"] == "Accepted"
        assert "Charging has begun" in (await world.page.get(path, **HTMX)).text

        await cp.socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))
        await until(world.is_settled)
        assert "Charging has begun" in (await world.page.get(path, **HTMX)).text
        assert await world.session() == answer["transactionId"]


async def test_a_session_that_begins_after_the_answer_was_given_up_is_of_that_start(
    world: World,
) -> None:
    async with charger(world.server.url, "CP-1") as cp:
        path, asked = await ask(world, cp)
        await until(world.is_settled)
        assert "did not answer in time" in (await world.page.get(path, **HTMX)).text

        answer = await cp.call("StartTransaction", begin(asked[3]["idTag"]))
        assert answer["idTagInfo"]["status"] == "Accepted"
        await until(world.session)
        assert "Charging has begun" in (await world.page.get(path, **HTMX)).text
        assert await world.session() == answer["transactionId"]


async def test_a_start_that_came_to_nothing_does_not_keep_its_card_from_charging(
    world: World, database_url: str
) -> None:
    await add_station(database_url, "CP-2")
    async with charger(world.server.url, "CP-1") as cp, charger(world.server.url, "CP-2") as other:
        _, asked = await ask(world, cp)
        await cp.socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))
        await until(world.is_settled)

        answer = await other.call("StartTransaction", begin(asked[3]["idTag"]))
        assert answer["idTagInfo"]["status"] == "Accepted"

    # Of the start that led nowhere the page is silent after a while.
    await world.pool.execute(
        "update command set asked_at = asked_at - interval '1 hour', "
        "expires_at = expires_at - interval '1 hour', settled_at = settled_at - interval '1 hour'"
    )
    assert "Plug the cable in" not in (await world.page.get("/")).text

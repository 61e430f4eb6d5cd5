"""The same messages in any order, and any of them twice: the same session (reliability C16)."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db.rows import Pool
from tests.wire import Charger, add_station, charger, csms

ORDERS = 40
BOOT = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}


def at(minute: int) -> str:
    return f"2026-05-01T09:{minute:02}:00Z"


def event(number: int, kind: str, minute: int, wh: int, context: str, **more: Any) -> Any:
    value = {"timestamp": at(minute), "sampledValue": [{"value": wh, "context": context}]}
    return {
        "eventType": kind,
        "timestamp": at(minute),
        "triggerReason": "Trigger",
        "seqNo": minute,
        "transactionInfo": {"transactionId": f"T{number}", **more.pop("info", {})},
        "meterValue": [value],
        **more,
    }


def events(number: int) -> list[Any]:
    card = {"idToken": {"idToken": "ADA-1", "type": "Central"}}
    evse = {"evse": {"id": number, "connectorId": 1}}
    return [
        event(number, "Started", 0, 1_000, "Transaction.Begin", **evse),
        event(number, "Updated", 1, 1_000, "Sample.Periodic", **card),
        event(number, "Updated", 10, 2_500, "Sample.Periodic"),
        event(number, "Updated", 20, 3_700, "Sample.Periodic", **evse),
        event(
            number,
            "Ended",
            30,
            5_000,
            "Transaction.End",
            info={"stoppedReason": "EVDisconnected"},
        ),
    ]


def shuffled(dice: random.Random, messages: list[Any]) -> list[Any]:
    some_twice = messages + dice.sample(messages, dice.randint(0, len(messages)))
    dice.shuffle(some_twice)
    return some_twice


async def outcomes(pool: Pool) -> list[dict[str, Any]]:
    """Sessions without what differs between two of them by nature."""
    # That a reading came late is told (decision 16), and does differ with the order.
    flags = "array_remove(flags, 'late_reading') as flags"
    same = "started_at, ended_at, energy_wh, id_token, stop_reason, is_finalized, is_end_inferred"
    return [
        dict(row)
        for row in await pool.fetch(
            f"select evse, connector, {same}, {flags} from charging_session order by evse"
        )
    ]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_2_x_events_in_any_order_make_the_same_session(
    database_url: str, pool: Pool, tmp_path: Path, version: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    await add_station(database_url, "CP-1")
    await pool.execute("insert into id_token (uid) values ('ADA-1')")

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", version) as station,
    ):
        await station.call("BootNotification", BOOT)
        orders = {}
        for number in range(1, ORDERS + 1):
            messages = shuffled(dice, events(number)) if number > 1 else events(number)
            orders[number] = [(m["eventType"], m["seqNo"]) for m in messages]
            for message in messages:
                assert isinstance(await station.call("TransactionEvent", message), dict)
        await settled(pool)

    first, *others = await outcomes(pool)
    assert first["energy_wh"] == 4_000
    assert len(others) == ORDERS - 1
    for other in others:
        assert {**other, "evse": 1} == first, orders[other["evse"]]
    total = await pool.fetchval("select sum(energy_wh) from energy_hourly")
    assert total == ORDERS * 4_000


def evse_in_mid_way(number: int) -> list[Any]:
    evse = {"evse": {"id": number, "connectorId": 1}}
    return [
        event(number, "Started", 0, 1_000, "Transaction.Begin"),
        event(number, "Updated", 10, 2_500, "Sample.Periodic", **evse),
        event(number, "Updated", 20, 3_700, "Sample.Periodic"),
        event(number, "Ended", 30, 5_000, "Transaction.End"),
    ]


def lost_start_and_two_cards(number: int) -> list[Any]:
    evse = {"evse": {"id": number, "connectorId": 1}}
    cards = [{"idToken": {"idToken": uid, "type": "Central"}} for uid in ("ADA-1", "OMAR-1")]
    return [
        event(number, "Updated", 1, 1_000, "Sample.Periodic", **cards[0]),
        event(number, "Updated", 10, 2_500, "Sample.Periodic", **evse),
        event(number, "Updated", 20, 3_700, "Sample.Periodic", **cards[1]),
        event(number, "Ended", 30, 5_000, "Transaction.End"),
    ]


@pytest.mark.parametrize("make", [evse_in_mid_way, lost_start_and_two_cards])
async def test_2_x_events_in_every_order_make_the_same_session(
    database_url: str, pool: Pool, tmp_path: Path, make: Callable[[int], list[Any]]
) -> None:
    await add_station(database_url, "CP-1")
    await pool.execute("insert into id_token (uid) values ('ADA-1'), ('OMAR-1')")
    orders = list(itertools.permutations(range(4)))

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", "2.0.1") as station,
    ):
        await station.call("BootNotification", BOOT)
        for number, order in enumerate(orders, 1):
            messages = make(number)
            for at_place in order:
                answer = await station.call("TransactionEvent", messages[at_place])
                assert isinstance(answer, dict)
        await settled(pool)

    first, *others = await outcomes(pool)
    assert first["energy_wh"] == 4_000
    if make is lost_start_and_two_cards:
        assert first["id_token"] == "ADA-1"
        assert first["started_at"].minute == 1
    assert len(others) == len(orders) - 1
    for number, other in enumerate(others, 2):
        assert {**other, "evse": 1} == first, orders[number - 1]
        assert other["evse"] == number


async def settled(pool: Pool) -> None:
    """Until the job has read again what was out of order."""
    due = "select exists (select from charging_session where is_recompute_due)"
    async with asyncio.timeout(30):
        while await pool.fetchval(due):
            await asyncio.sleep(0.1)


async def test_1_6_messages_after_the_start_in_any_order_make_the_same_session(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    await add_station(database_url, "CP-1")
    await pool.execute("insert into id_token (uid) values ('ADA-1')")

    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as station:
        for number in range(1, ORDERS + 1):
            await say_1_6(dice, station, number)
        await settled(pool)

    first, *others = await outcomes(pool)
    assert first["energy_wh"] == 4_000
    assert len(others) == ORDERS - 1
    for other in others:
        assert {**other, "evse": 1} == first
    total = await pool.fetchval("select sum(energy_wh) from energy_hourly")
    assert total == ORDERS * 4_000


async def say_1_6(dice: random.Random, station: Charger, number: int) -> None:
    start = {"connectorId": number, "idTag": "ADA-1", "meterStart": 1_000, "timestamp": at(0)}
    answer = await station.call("StartTransaction", start)
    transaction = {"transactionId": answer["transactionId"]}
    messages: list[tuple[str, dict[str, Any]]] = [("StartTransaction", start)]
    for minute, wh in ((10, 2_500), (20, 3_700)):
        value = {"timestamp": at(minute), "sampledValue": [{"value": str(wh)}]}
        payload = {"connectorId": number, **transaction, "meterValue": [value]}
        messages.append(("MeterValues", payload))
    stop = {**transaction, "meterStop": 5_000, "timestamp": at(30), "reason": "EVDisconnected"}
    messages.append(("StopTransaction", stop))
    for action, payload in shuffled(dice, messages) if number > 1 else messages:
        assert isinstance(await station.call(action, payload), dict)

"""Who names another charger's transaction is told of to admins (reliability T09, D-P33)."""

from __future__ import annotations

import pytest

from tests.ocpp.payloads import AT, STOP, begin, metered
from tests.ocpp.yard import Cp, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def measure(cp: Cp, number: str, minute: int) -> None:
    at = AT.replace(":00:00", f":{minute:02}:00")
    said = {"connectorId": 1, "transactionId": int(number), "meterValue": metered("1.6", at)}
    assert (await cp.says("MeterValues", said))[2] == {}


async def stop(cp: Cp, number: str, **more: object) -> None:
    assert (await cp.says("StopTransaction", STOP | {"transactionId": int(number)} | more))[0] == 3


async def told(cp: Cp) -> list[str]:
    return [row["tech_info"] for row in await cp.events()]


async def test_a_stop_of_another_chargers_session_is_a_security_event_and_ends_nothing(
    yard: Yard,
) -> None:
    async with yard.station("1.6") as victim, yard.station("1.6") as cp:
        number = await begin(victim)
        for _ in range(2):
            await stop(cp, number)

        assert not (await victim.session())["is_finalized"]
        assert await victim.events() == []
        (event,) = await cp.events()
        assert len(await cp.kept()) == 1

    assert (event["kind"], event["type"]) == ("security", "TransactionOfAnotherStation")
    assert (event["is_critical"], event["source"]) == (True, "csms")
    assert event["tech_info"] == (
        f"StopTransaction named transaction {number}, which is another charger's"
    )


async def test_it_is_told_once_of_each_and_never_of_its_own(yard: Yard) -> None:
    async with yard.station("1.6") as victim, yard.station("1.6") as cp:
        number = await begin(victim)
        other = await begin(victim, connectorId=2)
        own = await begin(cp)
        for minute in range(5):
            await measure(cp, number, minute)
        await measure(cp, other, 6)
        await measure(cp, own, 7)
        await measure(cp, "987654321", 8)
        await stop(cp, number)
        await stop(cp, own)
        await stop(cp, own)
        await measure(cp, own, 59)

        assert [info.split(",")[0] for info in await told(cp)] == [
            f"MeterValues named transaction {number}",
            f"MeterValues named transaction {other}",
            f"StopTransaction named transaction {number}",
        ]


async def test_who_tries_many_numbers_fills_no_table(yard: Yard) -> None:
    async with yard.station("1.6") as victim, yard.station("1.6") as cp:
        first = int(await begin(victim))
        for minute in range(1, 40):
            at = AT.replace(":00:00", f":{minute:02}:00")
            await begin(victim, timestamp=at)
        for number in range(first, first + 40):
            await measure(cp, str(number), 1)

        assert len(await told(cp)) == 16
        assert len(await cp.kept()) == 40

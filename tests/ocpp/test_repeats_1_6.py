"""Invariant I-2: what a 1.6 charger says again in another spelling is what it said (digest 9.1)."""

from __future__ import annotations

import pytest

from tests.ocpp.payloads import ABSENT, START, STOP, Change, changed
from tests.ocpp.yard import Cp, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPELLINGS = [
    Change("timestamp", "2026-05-01T09:00:00.000Z"),
    Change("timestamp", "2026-05-01T09:00:00+00:00"),
    Change("timestamp", "2026-05-01T11:00:00+02:00"),
    Change("timestamp", "2026-05-01T09:00:00"),
    Change("timestamp", "2026-05-01 09:00z"),
    Change("connectorId", "1"),
    Change("connectorId", 1.0),
    Change("meterStart", "1000"),
    Change("meterStart", 1000.0),
    Change("idTag", "ada-1"),
]
OTHERS = [
    Change("timestamp", "2026-05-01T09:00:01Z"),
    Change("connectorId", 2),
    Change("meterStart", 1001),
    Change("idTag", "ADA-2"),
]
UNREADABLE_REGISTERS = [None, "x", -1, 1e20, True, ABSENT]


def name(change: Change) -> str:
    return f"{change.path}={change.value!r}"


async def start(cp: Cp, *changes: Change) -> int:
    kind, _, answer = await cp.says("StartTransaction", changed(START, *changes))
    assert kind == 3, answer
    return int(answer["transactionId"])


@pytest.mark.parametrize("change", SPELLINGS, ids=name)
async def test_a_start_said_again_in_another_spelling_is_one_session(
    yard: Yard, change: Change
) -> None:
    async with yard.station("1.6") as cp:
        first = await start(cp)
        again = await start(cp, change)

        assert again == first
        await cp.session()


@pytest.mark.parametrize("change", OTHERS, ids=name)
async def test_another_start_is_another_session(yard: Yard, change: Change) -> None:
    async with yard.station("1.6") as cp:
        assert await start(cp) != await start(cp, change)


async def test_starts_whose_register_nobody_can_read_are_one_start(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        numbers = {await start(cp, Change("meterStart", said)) for said in UNREADABLE_REGISTERS}

        assert len(numbers) == 1
        assert (await cp.session())["meter_start_wh"] is None


async def test_starts_on_connectors_that_nobody_can_read_stay_apart(yard: Yard) -> None:
    """Two vehicles may have come at one moment, and nothing says which was which."""
    async with yard.station("1.6") as cp:
        numbers = [await start(cp, Change("connectorId", said)) for said in (0, -1, 0)]

        assert numbers[0] == numbers[2] != numbers[1]


async def test_starts_of_a_clock_that_is_not_set_are_told_apart_by_what_it_said(
    yard: Yard,
) -> None:
    async with yard.station("1.6") as cp:
        first = await start(cp, Change("timestamp", "1970-01-01T00:00:05Z"))
        again = await start(cp, Change("timestamp", "1970-01-01T00:00:05.000Z"))
        other = await start(cp, Change("timestamp", "1970-01-01T00:01:00Z"))

        assert again == first != other


@pytest.mark.parametrize(
    "change",
    [
        Change("timestamp", "2026-05-01T10:00:00.000Z"),
        Change("meterStop", "3500"),
        Change("transactionId", "4711"),
    ],
    ids=name,
)
async def test_a_stop_of_something_unknown_said_again_is_one_session(
    yard: Yard, change: Change
) -> None:
    said = changed(STOP, Change("transactionId", 4711))
    async with yard.station("1.6") as cp:
        assert (await cp.says("StopTransaction", said))[0] == 3
        assert (await cp.says("StopTransaction", changed(said, change)))[0] == 3

        assert (await cp.session())["flags"] == ["incomplete", "needs_review", "no_start"]


async def test_a_stop_in_another_spelling_ends_no_second_session(yard: Yard) -> None:
    """The first one was taken for the session that ran; its repeat is not the next one's."""
    stop = changed(STOP, Change("transactionId", -1))
    async with yard.station("1.6") as cp:
        await start(cp)
        assert (await cp.says("StopTransaction", stop | {"idTag": "ADA-1"}))[0] == 3
        await start(cp, Change("timestamp", "2026-05-01T09:30:00Z"), Change("meterStart", 3400))
        again = stop | {"idTag": "ADA-1", "timestamp": "2026-05-01T10:00:00.0Z"}
        assert (await cp.says("StopTransaction", again))[0] == 3

        ended, running = await cp.sessions()
    assert ended["is_finalized"]
    assert not running["is_finalized"]

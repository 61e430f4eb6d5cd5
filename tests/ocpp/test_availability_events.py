"""NotifyEvent about AvailabilityState moves a connector as StatusNotification does (9.86)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ocpp.yard import FAMILY_2, Cp, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTH = pytest.mark.parametrize("version", FAMILY_2)


def at(minute: int) -> str:
    return f"2026-05-01T09:{minute:02}:00Z"


def event(minute: int, value: str, *, component: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "eventId": minute,
        "timestamp": at(minute),
        "trigger": "Delta",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": component or connector(1, 1),
        "variable": {"name": "AvailabilityState"},
    } | more


def connector(evse: int, number: int) -> dict[str, Any]:
    return {"name": "Connector", "evse": {"id": evse, "connectorId": number}}


def evse(number: int) -> dict[str, Any]:
    return {"name": "EVSE", "evse": {"id": number}}


async def tell(cp: Cp, *events: dict[str, Any]) -> None:
    payload = {"generatedAt": at(0), "seqNo": 0, "eventData": list(events)}
    assert (await cp.says("NotifyEvent", payload))[2] == {}


async def report(cp: Cp, minute: int, status: str, number: int = 1) -> None:
    said = {"evseId": 1, "connectorId": number, "connectorStatus": status, "timestamp": at(minute)}
    assert (await cp.says("StatusNotification", said))[2] == {}


async def statuses(cp: Cp) -> list[tuple[int, int, str, str]]:
    """(EVSE, connector, status, minute)"""
    return [
        (row["evse"], row["connector"], row["status"], row["status_at"].strftime("%M"))
        for row in await cp.connectors()
    ]


@BOTH
async def test_an_event_moves_the_status_of_its_connector(yard: Yard, version: str) -> None:
    async with yard.station(version) as cp:
        await tell(cp, event(1, "Occupied"), event(2, "Faulted", component=connector(2, 1)))

        assert await statuses(cp) == [(1, 1, "Occupied", "01"), (2, 1, "Faulted", "02")]
        faulted = (await cp.connectors())[1]
        assert (faulted["reported"], faulted["error"]) == ("Faulted", "Faulted")


@BOTH
async def test_an_older_one_of_either_kind_never_overwrites_a_newer_one(
    yard: Yard, version: str
) -> None:
    async with yard.station(version) as cp:
        await report(cp, 5, "Available")
        await tell(cp, event(4, "Occupied"))
        assert await statuses(cp) == [(1, 1, "Available", "05")]

        await tell(cp, event(6, "Occupied"))
        await report(cp, 5, "Available")
        assert await statuses(cp) == [(1, 1, "Occupied", "06")]

        await tell(cp, event(8, "Unavailable"), event(7, "Available"))
        assert await statuses(cp) == [(1, 1, "Unavailable", "08")]


@BOTH
async def test_both_kinds_for_one_change_are_one_change(yard: Yard, version: str) -> None:
    async with yard.station(version) as cp:
        await report(cp, 5, "Available")
        (before,) = await cp.connectors()
        await tell(cp, event(5, "Available"))
        await report(cp, 5, "Available")

        assert await cp.connectors() == [before]


@BOTH
async def test_what_is_no_state_of_a_connector_moves_none(yard: Yard, version: str) -> None:
    other = {"name": "Problem"}
    async with yard.station(version) as cp:
        await report(cp, 1, "Available")
        await tell(
            cp,
            event(2, "Faulted", variable=other),
            event(3, "on fire"),
            event(4, "Faulted", component={"name": "Connector"}),
            event(5, "Faulted", component={"name": "Connector", "evse": {"id": 1}}),
            event(6, "Faulted", component={"name": "EVSE"}),
            event(7, "Faulted", component={"name": "Lamp", "evse": {"id": 1}}),
            event(8, "Faulted", component=connector(9_999, 1)),
        )

        assert await statuses(cp) == [(1, 1, "Available", "01")]
        assert (await cp.station())["status"] is None


@BOTH
async def test_an_event_of_the_box_moves_the_status_of_the_box(yard: Yard, version: str) -> None:
    async with yard.station(version) as cp:
        await tell(cp, event(3, "Unavailable", component={"name": "ChargingStation"}))
        await tell(cp, event(2, "Available", component={"name": "ChargingStation"}))

        assert (await cp.station())["status"] == "Unavailable"
        assert await cp.connectors() == []


@BOTH
async def test_an_event_of_an_evse_moves_each_connector_that_it_is_true_of(
    yard: Yard, version: str
) -> None:
    async with yard.station(version) as cp:
        await tell(cp, event(1, "Available", component=evse(1)))
        assert await statuses(cp) == [(1, 1, "Available", "01")]
        await tell(cp, event(2, "Occupied", component=evse(1)))
        assert await statuses(cp) == [(1, 1, "Occupied", "02")]

        await report(cp, 3, "Available", 1)
        await report(cp, 3, "Occupied", 2)
        # One of the two is taken, and which one was said of itself.
        await tell(cp, event(4, "Occupied", component=evse(1)))
        assert await statuses(cp) == [(1, 1, "Available", "03"), (1, 2, "Occupied", "03")]
        await tell(cp, event(5, "Unavailable", component=evse(1)))
        assert await statuses(cp) == [(1, 1, "Unavailable", "05"), (1, 2, "Unavailable", "05")]

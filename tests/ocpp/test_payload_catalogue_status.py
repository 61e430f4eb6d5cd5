"""Reliability D-P11 to P13: what a connector may not be, and then is as it was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalogue.marks import by_row, row
from tests.ocpp.payloads import STATUS, Change, Told, changed, check_both
from tests.ocpp.yard import FAMILY_2, PROPERTY, TYPE, VERSIONS, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = {"1.6": "connectorId", "2.0.1": "evseId", "2.1": "evseId"}
WORD = {"1.6": "status", "2.0.1": "connectorStatus", "2.1": "connectorStatus"}


def status(version: str, name: str, path: str, value: Any, code: str) -> Told:
    payload = changed(STATUS[version], Change(path, value))
    return Told(f"{name} {version}", version, "StatusNotification", payload, code)


REFUSED = [
    *[
        status(v, f"P11 {value}", NUMBER[v], value, PROPERTY)
        for v in VERSIONS
        for value in (-1, 999, 2**31, 2**63)
    ],
    *[
        status(v, f"P11 {value!r}", NUMBER[v], value, TYPE)
        for v in VERSIONS
        for value in ("1", 1.5, True, None, [1])
    ],
    *[status(v, "P44 negative", "connectorId", -1, PROPERTY) for v in FAMILY_2],
    *[
        status(v, f"P12 {value}", WORD[v], value, PROPERTY)
        for v in VERSIONS
        for value in ("Broken", "available", "AVAILABLE", "")
    ],
    status("1.6", "P13 unknown", "errorCode", "Gremlins", PROPERTY),
    status("1.6", "P13 5 kB of info", "info", "x" * 5_000, PROPERTY),
]


@pytest.mark.parametrize("told", by_row(REFUSED))
async def test_a_status_that_has_no_sense_is_refused(yard: Yard, told: Told) -> None:
    await check_both(yard, told, told.strict)


@row("D-P11", "D-P12", "D-P13")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_refused_status_leaves_the_connector_as_it_was(yard: Yard, version: str) -> None:
    async with yard.station(version) as cp:
        assert await cp.says("StatusNotification", STATUS[version]) == [3, "said1", {}]
        before = await cp.connectors()
        for told in REFUSED:
            if told.version == version:
                assert (await cp.says(told.action, told.payload))[0] == 4
        assert await cp.connectors() == before

    (connector,) = before
    assert (connector["evse"], connector["connector"]) == (1, 1)
    assert connector["status"] == "Available"


@row("D-P11")
@pytest.mark.parametrize("version", VERSIONS)
async def test_number_0_is_the_whole_station(yard: Yard, version: str) -> None:
    said = changed(
        STATUS[version], Change(NUMBER[version], 0), Change(WORD[version], "Unavailable")
    )
    async with yard.station(version) as cp:
        assert (await cp.says("StatusNotification", said))[0] == 3
        assert await cp.connectors() == []
        assert (await cp.station())["status"] == "Unavailable"


@row("D-P11")
@pytest.mark.parametrize("number", [1e20, 1.0])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_number_with_an_exponent_or_a_point_is_none(
    yard: Yard, version: str, number: float
) -> None:
    said = changed(STATUS[version], Change(NUMBER[version], number))
    async with yard.station(version) as cp:
        answer = await cp.says("StatusNotification", said)
        assert await cp.connectors() == []

    assert answer[0] == 4
    assert answer[2] in (TYPE, PROPERTY)

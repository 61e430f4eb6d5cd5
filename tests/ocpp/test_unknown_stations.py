"""UNKNOWN_STATIONS=pending (decision 1): a charger that nobody declared waits to be accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.rows import Pool
from tests.catalogue.marks import row
from tests.raw_socket import asking, dialled, request
from tests.wire import Csms, charger, csms

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


@pytest.fixture
async def open_to_all(database_url: str, tmp_path: Path) -> AsyncIterator[Csms]:
    async with csms(database_url, tmp_path, unknown_stations="pending") as server:
        yield server


async def identities(pool: Pool) -> list[tuple[str, str]]:
    return [tuple(row) for row in await pool.fetch("select identity, registration from station")]


@row("D-W31")
async def test_an_unknown_charger_is_let_in_and_told_that_it_is_pending(
    open_to_all: Csms, pool: Pool
) -> None:
    async with charger(open_to_all.url, "RDAM%20123", key=None) as station:
        booted = await station.call("BootNotification", BOOT)
        told = await station.call("Authorize", {"idTag": "ADA-1"})

    assert booted["status"] == "Pending"
    assert told[:3:2] == [4, "SecurityError"]
    assert await identities(pool) == [("RDAM 123", "Pending")]
    attempt = await pool.fetchrow("select identity, http_status, reason from connection_attempt")
    assert attempt is not None
    assert tuple(attempt) == ("RDAM 123", 101, "let in")


async def test_twenty_sockets_of_one_unknown_charger_make_one_station(
    open_to_all: Csms, pool: Pool
) -> None:
    async def attempt() -> int:
        async with dialled(open_to_all.port) as raw:
            raw.send(request("/ocpp/new"))
            return (await raw.response()).status

    statuses = await asyncio.gather(*(attempt() for _ in range(20)))

    assert statuses == [101] * 20
    assert await identities(pool) == [("new", "Pending")]


@pytest.mark.parametrize("path", ["/", "/ocpp", "/ocpp/%2e%2e", "/ocpp/%00", "/ocpp/a/b"])
async def test_what_is_no_identity_makes_no_station(
    open_to_all: Csms, pool: Pool, path: str
) -> None:
    async with dialled(open_to_all.port) as raw:
        raw.send(request(path))
        assert (await raw.response()).status in (400, 404)

    assert await identities(pool) == []


@pytest.mark.parametrize("wrong", [asking(Origin="https://evil"), asking(Upgrade=None)])
async def test_who_is_refused_for_another_reason_makes_no_station(
    open_to_all: Csms, pool: Pool, wrong: bytes
) -> None:
    async with dialled(open_to_all.port) as raw:
        raw.send(wrong)
        assert (await raw.response()).status in (403, 426)

    assert await identities(pool) == []

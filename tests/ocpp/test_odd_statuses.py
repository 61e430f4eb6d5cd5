"""What a StatusNotification of 1.6 says beside the status, or says too late (digest 2.3, 9.22)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from db import reservations
from tests.ocpp.conftest import until
from tests.ocpp.payloads import AT, LATER, begin, metered
from tests.ocpp.yard import Cp, Yard
from tests.portal.browser import add_person

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def tells(cp: Cp, status: str, error: str = "NoError", **more: Any) -> None:
    said = {"connectorId": 1, "status": status, "errorCode": error} | more
    assert (await cp.says("StatusNotification", said))[2] == {}


async def connector(cp: Cp) -> Any:
    (only,) = await cp.connectors()
    return only


async def test_an_error_beside_available_is_told_and_keeps_nobody_from_charging(
    yard: Yard,
) -> None:
    async with yard.station("1.6") as cp:
        await tells(cp, "Available", "WeakSignal", info="-110 dBm", vendorErrorCode="W7")
        weak = await connector(cp)
        assert (weak["status"], weak["error"]) == ("Available", "WeakSignal: W7: -110 dBm")

        await tells(cp, "Available")
        assert (await connector(cp))["error"] is None


async def test_a_status_without_a_time_counts_and_one_of_the_past_does_not(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        await tells(cp, "Charging", timestamp="2026-05-01T09:00:00Z")
        await tells(cp, "Available", timestamp="2026-05-01T08:00:00Z")
        assert (await connector(cp))["reported"] == "Charging"

        await tells(cp, "Finishing")
        await tells(cp, "Charging", timestamp="2026-05-01T09:30:00Z")
        assert (await connector(cp))["reported"] == "Finishing"

        await tells(cp, "Available", timestamp="1970-01-01T00:00:07Z")
        assert (await connector(cp))["reported"] == "Available"


async def test_connectors_and_identities_are_as_they_come(yard: Yard) -> None:
    """One box as two, or two outlets of one: each says its own, none of the other."""
    async with yard.station("1.6") as both, yard.station("1.6") as alone:
        await tells(both, "Charging")
        await tells(both, "Available", connectorId=2)
        await tells(alone, "Faulted", "GroundFailure")

        assert [(row["evse"], row["reported"]) for row in await both.connectors()] == [
            (1, "Charging"),
            (2, "Available"),
        ]
        assert [(row["evse"], row["reported"]) for row in await alone.connectors()] == [
            (1, "Faulted")
        ]


async def test_a_reservation_stays_when_somebody_else_takes_the_place(yard: Yard) -> None:
    now = datetime.now(UTC)
    ada = await add_person(yard.pool, "ada-who-reserved@example.org")
    async with yard.station("1.6") as cp:
        async with yard.pool.acquire() as conn:
            number = await reservations.add(
                conn,
                station_id=cp.station_id,
                evse=1,
                account_id=ada.id,
                starts_at=now - timedelta(minutes=5),
                ends_at=now + timedelta(minutes=25),
            )
        await tells(cp, "Reserved")
        await tells(cp, "Preparing")
        other = {"connectorId": 1, "idTag": "OMAR-1", "meterStart": 0, "timestamp": now.isoformat()}
        assert "transactionId" in (await cp.says("StartTransaction", other))[2]

    row = await yard.pool.fetchrow("select * from reservation where id = $1", number)
    assert row is not None
    assert row["status"] == "confirmed"
    assert row["ends_at"] == now + timedelta(minutes=25)


async def test_statuses_alone_make_no_session(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        for status in ("Available", "SuspendedEV", "Finishing", "Available", "Charging") * 3:
            await tells(cp, status)

        assert await cp.sessions() == []
        assert (await connector(cp))["reported"] == "Charging"


async def test_energy_is_what_the_meter_says_whatever_the_status_is(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        number = int(await begin(cp))
        await tells(cp, "SuspendedEVSE", timestamp=AT)
        values = {"connectorId": 1, "transactionId": number}
        for minute, wh in ((10, 2_000), (20, 3_000)):
            said = values | {"meterValue": metered("1.6", f"2026-05-01T09:{minute}:00Z", wh)}
            assert (await cp.says("MeterValues", said))[2] == {}
        assert await yard.pool.fetchval(
            "select energy_wh from session_live where session_id = $1", number
        ) == Decimal(2_000)
        end = {"transactionId": number, "meterStop": 3_500, "timestamp": LATER}
        assert (await cp.says("StopTransaction", end))[2] == {}

        assert (await cp.session())["energy_wh"] == 2_500


async def test_a_stop_before_the_socket_is_torn_down_ends_its_session(yard: Yard) -> None:
    """A hard reset does not wait for the answer."""
    async with yard.station("1.6", is_booted=False) as cp:
        number = int(await begin(cp))
        end = {"transactionId": number, "meterStop": 3_500, "timestamp": LATER}
        await cp.socket.send(json.dumps([2, "last", "StopTransaction", end]))
        cp.socket.transport.abort()

        async def is_over() -> bool:
            return bool((await cp.session())["is_finalized"])

        await until(is_over)
        assert (await cp.session())["energy_wh"] == 2_500

"""What a person says of a charger that its data cannot tell: kWh without a unit, another clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from db.model.readings import decode_samples
from tests.ocpp.payloads import EVENT, START, STATUS, metered
from tests.ocpp.yard import Cp, Yard
from tests.wire import charger

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENERGY = "Energy.Active.Import.Register"
NINE = datetime(2026, 5, 1, 9, tzinfo=UTC)
KWH = {"unit": "kWh"}


async def said_of(cp: Cp) -> list[Any]:
    """The register of each reading in Wh, and the charger's own words."""
    samples = [decode_samples(row["samples"])[0] for row in await cp.readings()]
    return [(sample.value, sample.said) for sample in samples]


async def times_of(cp: Cp) -> tuple[datetime, datetime]:
    row = await cp.session()
    return row["started_at"], row["ended_at"]


async def charge_16(cp: Cp, start: Any, values: list[dict[str, Any]], stop: Any) -> None:
    """From 09:00 to 10:00 by its clock, with a value every ten minutes between."""
    number = (await cp.says("StartTransaction", START | {"meterStart": start}))[2]["transactionId"]
    of = {"connectorId": 1, "transactionId": number}
    for place, value in enumerate(values, 1):
        element = {"timestamp": f"2026-05-01T09:{place}0:00Z", "sampledValue": [value]}
        assert (await cp.says("MeterValues", of | {"meterValue": [element]}))[2] == {}
    end = {"transactionId": number, "meterStop": stop, "timestamp": "2026-05-01T10:00:00.000Z"}
    assert (await cp.says("StopTransaction", end))[0] == 3


async def charge_2(cp: Cp, *values: dict[str, Any]) -> None:
    """The same, by events: the first value is at the start and the last one at the end."""
    kinds = ["Started", *["Updated"] * (len(values) - 2), "Ended"]
    for place, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        at = f"2026-05-01T09:{place}0:00Z"
        event = EVENT | {"eventType": kind, "timestamp": at, "seqNo": place}
        event["meterValue"] = [{"timestamp": at, "sampledValue": [value]}]
        assert (await cp.says("TransactionEvent", event))[0] == 3


async def test_kwh_without_a_unit_are_kwh_in_1_6(yard: Yard) -> None:
    async with yard.station("1.6", says_kwh=True) as cp:
        values = [{"value": "1001.5"}, {"value": "1002.250", "measurand": ENERGY}]
        await charge_16(cp, 1000, values, 1003)

        row = await cp.session()
        assert await said_of(cp) == [(1_001_500, "1001.5"), (1_002_250, "1002.250")]
        assert (row["meter_start_wh"], row["meter_stop_wh"]) == (1_000_000, 1_003_000)
        assert row["energy_wh"] == 3_000
        assert await cp.kept() == []


async def test_a_unit_that_is_named_is_believed_in_1_6(yard: Yard) -> None:
    async with yard.station("1.6", says_kwh=True) as cp:
        values = [
            {"value": "1001500", "unit": "Wh"},
            {"value": "1002.25", "unit": "kWh"},
            {"value": "7.4", "measurand": "Power.Active.Import"},
        ]
        await charge_16(cp, 1000, values, 1003)

        assert await said_of(cp) == [
            (1_001_500, None),
            (1_002_250, "1002.25 kWh"),
            (Decimal("7.4"), None),
        ]
        assert (await cp.session())["energy_wh"] == 3_000


@pytest.mark.parametrize(("start", "stop"), [(12.345, 15.0), ("12,345", "15")])
async def test_a_fraction_of_a_kwh_is_not_rounded_away(yard: Yard, start: Any, stop: Any) -> None:
    """No whole number, so it is in quarantine besides."""
    async with yard.station("1.6", says_kwh=True) as cp:
        await charge_16(cp, start, [{"value": "13.4567"}], stop)

        row = await cp.session()
        assert await said_of(cp) == [(Decimal("13456.7000"), "13.4567")]
        assert (row["meter_start_wh"], row["meter_stop_wh"]) == (12_345, 15_000)
        assert row["energy_wh"] == 2_655
        assert "malformed" in row["flags"]
        assert (await cp.kept())[0]["action"] == "StartTransaction"


async def test_a_start_is_the_same_one_before_and_after_the_switch(yard: Yard) -> None:
    async with yard.station("1.6", is_booted=False) as cp:
        first = (await cp.says("StartTransaction", START))[2]["transactionId"]
        await yard.pool.execute(
            "update station set says_kwh = true, clock_offset_h = 2 where id = $1", cp.station_id
        )
        identity = (await cp.station())["identity"]
        async with charger(yard.url, identity, "1.6", key=None) as once_more:
            again = (await once_more.call("StartTransaction", START))["transactionId"]

        assert again == first
        assert (await cp.session())["started_at"] == NINE


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_kwh_without_a_unit_are_kwh_in_2(yard: Yard, version: str) -> None:
    async with yard.station(version, says_kwh=True) as cp:
        await charge_2(
            cp,
            {"value": 1000.125, "context": "Transaction.Begin"},
            {"value": 1001.5, "measurand": ENERGY},
            # Named, or at least its power of ten: believed.
            {"value": 1002.25, "unitOfMeasure": KWH},
            {"value": 1002.5, "unitOfMeasure": {"multiplier": 3}},
            {"value": 1003, "context": "Transaction.End"},
        )

        assert await said_of(cp) == [
            (1_000_125, "1000.125"),
            (1_001_500, "1001.5"),
            (1_002_250, "1002.25 kWh"),
            (1_002_500, "1002.5 x10^3"),
            (1_003_000, "1003"),
        ]
        row = await cp.session()
        assert (row["energy_wh"], row["flags"]) == (2_875, [])


async def test_without_the_switch_they_are_wh(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        await charge_16(cp, 1000, [{"value": "1001.5"}], 1003)

        assert await said_of(cp) == [(Decimal("1001.5"), None)]
        assert (await cp.session())["energy_wh"] == 3


@pytest.mark.parametrize(("hours", "start"), [(2, 7), (-5, 14)])
async def test_the_hours_of_a_clock_are_taken_off_in_1_6(
    yard: Yard, hours: int, start: int
) -> None:
    async with yard.station("1.6", clock_offset_h=hours) as cp:
        status = STATUS["1.6"] | {"timestamp": "2026-05-01T09:00:00Z"}
        await cp.says("StatusNotification", status)
        await charge_16(cp, 1000, [{"value": "1500"}], 2000)

        began = datetime(2026, 5, 1, start, tzinfo=UTC)
        (reading,) = await cp.readings()
        assert await times_of(cp) == (began, began + timedelta(hours=1))
        assert reading["at"] == began + timedelta(minutes=10)
        assert reading["said_at"] == "2026-05-01T09:10:00Z"
        assert (await cp.connectors())[0]["status_at"] == began


async def test_the_hours_of_a_clock_are_taken_off_in_2_0_1(yard: Yard) -> None:
    async with yard.station("2.0.1", clock_offset_h=2) as cp:
        await cp.says("StatusNotification", STATUS["2.0.1"])
        await charge_2(cp, {"value": 1}, {"value": 2}, {"value": 3})
        security = {"type": "SettingSystemTime", "timestamp": "2026-05-01T09:30:00Z"}
        await cp.says("SecurityEventNotification", security)
        event = {
            "eventId": 1,
            "timestamp": "2026-05-01T09:40:00Z",
            "trigger": "Alerting",
            "actualValue": "true",
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": "EVSE"},
            "variable": {"name": "Problem"},
        }
        said = {"generatedAt": "2026-05-01T09:40:00Z", "seqNo": 0, "eventData": [event]}
        await cp.says("NotifyEvent", said)

        seven = NINE - timedelta(hours=2)
        assert await times_of(cp) == (seven, seven + timedelta(minutes=20))
        assert [(row["at"], row["said_at"]) for row in await cp.readings()] == [
            (seven + timedelta(minutes=minute), f"2026-05-01T09:{minute:02}:00Z")
            for minute in (0, 10, 20)
        ]
        assert (await cp.connectors())[0]["status_at"] == seven
        assert [(row["at"], row["said_at"]) for row in await cp.events()] == [
            (seven + timedelta(minutes=minute), f"2026-05-01T09:{minute}:00Z")
            for minute in (30, 40)
        ]


async def test_a_clock_ahead_of_us_is_not_flagged_once_its_hours_are_known(yard: Yard) -> None:
    local = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    for hours, flags in ((0, ["clock_ahead"]), (2, [])):
        async with yard.station("1.6", clock_offset_h=hours) as cp:
            said = {"connectorId": 1, "meterValue": metered("1.6", local.isoformat(), 1)}
            assert (await cp.says("MeterValues", said))[2] == {}

            (reading,) = await cp.readings()
            assert reading["flags"] == flags
            assert reading["at"] == local - timedelta(hours=hours)


async def test_a_stop_of_a_session_that_nobody_knows_begins_with_its_first_reading(
    yard: Yard,
) -> None:
    async with yard.station("1.6", says_kwh=True, clock_offset_h=-5) as cp:
        data = [*metered("1.6", "2026-05-01T09:00:00Z", 10), *metered("1.6", value="10.5")]
        data[1]["timestamp"] = "2026-05-01T09:30:00Z"
        stop = {"transactionId": 4711, "meterStop": 11, "timestamp": "2026-05-01T10:00:00Z"}
        assert (await cp.says("StopTransaction", stop | {"transactionData": data}))[0] == 3

        assert await times_of(cp) == (NINE + timedelta(hours=5), NINE + timedelta(hours=6))
        assert (await cp.session())["energy_wh"] == 1_000


@pytest.mark.parametrize("hours", [-15, 15])
async def test_no_place_on_earth_is_further_from_utc(yard: Yard, hours: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="station_clock_offset_h"):
        async with yard.station("1.6", clock_offset_h=hours):
            raise AssertionError("it is no clock")

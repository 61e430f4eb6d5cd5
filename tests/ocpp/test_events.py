"""Security events, events and alarms of the grid: kept once each, with what they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from db.rows import Pool
from tests.ocpp.reporting import AT, reporter, rows

SECRET = "5ec4e7c0ffee5ec4e7"


def security(type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "timestamp": AT} | more


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "eventId": number,
        "timestamp": AT,
        "trigger": "Alerting",
        "actualValue": "85",
        "eventNotificationType": "HardWiredMonitor",
        "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "Temperature", "instance": "Cable"},
    } | more


def notify(*events: dict[str, Any], seq_no: int = 0) -> dict[str, Any]:
    return {"generatedAt": AT, "seqNo": seq_no, "eventData": list(events)}


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_security_event_is_kept_once_and_judged(
    database_url: str, pool: Pool, tmp_path: Path, version: str
) -> None:
    async with reporter(database_url, tmp_path, version) as cp:
        said = security("TamperDetectionActivated", techInfo="door 2")
        for _ in range(2):
            assert await cp.call("SecurityEventNotification", said) == {}
        for type_ in ("InvalidTLSVersion", "AttemptedReplayAttacks", "our own word"):
            assert await cp.call("SecurityEventNotification", security(type_)) == {}

    found = await rows(pool, "station_event")
    assert [(row["type"], row["is_critical"]) for row in found] == [
        ("TamperDetectionActivated", True),
        ("InvalidTLSVersion", version != "1.6"),
        ("AttemptedReplayAttacks", False),
        ("our own word", False),
    ]
    assert found[0]["kind"] == "security"
    assert found[0]["tech_info"] == "door 2"
    assert found[0]["said_at"] == AT
    assert found[0]["at"].isoformat() == "2026-05-01T09:00:00+00:00"
    assert found[0]["received_at"] > found[0]["at"]


async def test_a_start_of_a_box_without_a_clock_is_kept_in_each_hour(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    said = {"type": "StartupOfTheDevice", "timestamp": "1970-01-01T00:00:00Z"}
    async with reporter(database_url, tmp_path) as cp:
        await cp.call("SecurityEventNotification", said)
        # As if that had been in another hour: its fingerprint would be another one.
        await pool.execute("update station_event set fingerprint = 'of another hour'")
        await cp.call("SecurityEventNotification", said)
        await cp.call("SecurityEventNotification", said)

    found = await rows(pool, "station_event")
    assert [row["flags"] for row in found] == [["clock_unset"]] * 2
    assert all(row["at"] == row["received_at"] for row in found)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_hostile_texts_of_a_security_event_are_kept_and_answered(
    database_url: str, pool: Pool, tmp_path: Path, version: str
) -> None:
    """Reliability D-P49: a type that nobody knows, 10 kB of explanation."""
    hostile = ["\x00", "<script>", "\u202e", "😀" * 100, "'; drop table station;--", "x" * 10_000]
    hostile += ["y" * 65_536 + "z"]
    async with reporter(database_url, tmp_path, version) as cp:
        for text in hostile:
            said = security("odd", techInfo=text)
            assert await cp.call("SecurityEventNotification", said) == {}
        assert await cp.call("SecurityEventNotification", security("t" * 300)) == {}

    found = await rows(pool, "station_event")
    kept = [text.replace("\x00", "\ufffd")[:65_536] for text in hostile]
    assert [row["tech_info"] for row in found] == [*kept, None]
    assert found[-1]["type"] == "t" * 255


async def test_an_event_is_kept_with_its_place_and_its_session(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    started = {
        "eventType": "Started",
        "timestamp": AT,
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "tx-1"},
        "evse": {"id": 2},
    }
    said = event(
        7,
        severity=2,
        cause=6,
        cleared=False,
        techCode="E42",
        techInfo="hot",
        variableMonitoringId=11,
        transactionId="tx-1",
    )
    async with reporter(database_url, tmp_path, "2.1") as cp:
        await cp.call("TransactionEvent", started)
        for seq_no in (0, 1):  # said again in another part, it is the same
            assert await cp.call("NotifyEvent", notify(said, seq_no=seq_no)) == {}
        await cp.call("NotifyEvent", notify(event(8, severity=2, cleared=True)))
        await cp.call("NotifyEvent", notify(event(9, severity=7, transactionId="nobody's")))

    first, cleared, mild = await rows(pool, "station_event")
    assert {
        name: first[name]
        for name in ("kind", "type", "severity", "trigger", "event_number", "cause_number")
    } == {
        "kind": "event",
        "type": "Connector.Temperature",
        "severity": 2,
        "trigger": "Alerting",
        "event_number": 7,
        "cause_number": 6,
    }
    assert (first["component"], first["evse"], first["connector"]) == ("Connector", 2, 1)
    assert (first["variable"], first["variable_instance"]) == ("Temperature", "Cable")
    assert (first["value"], first["tech_code"], first["tech_info"]) == ("85", "E42", "hot")
    assert (first["monitor_number"], first["source"]) == (11, "HardWiredMonitor")
    assert (first["is_critical"], first["is_cleared"]) == (True, False)
    assert first["session_id"] == await pool.fetchval("select id from charging_session")
    assert (cleared["is_critical"], cleared["is_cleared"]) == (False, True)
    assert (mild["is_critical"], mild["is_cleared"], mild["session_id"]) == (False, None, None)


async def test_a_thousand_events_come_in_one_message(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    """Reliability D-P52."""
    async with reporter(database_url, tmp_path) as cp:
        for _ in range(2):
            many = notify(*[event(number) for number in range(1_000)])
            assert await cp.call("NotifyEvent", many) == {}
        assert "currentTime" in await cp.call("Heartbeat", {})

    assert await pool.fetchval("select count(*) from station_event") == 1_000


async def test_numbers_that_no_event_has_are_left_out(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    odd = event(2**63, severity=-1, cause=2**70, variableMonitoringId=-1)
    odd["component"] = {"name": "x" * 300, "evse": {"id": -5, "connectorId": 2**40}}
    async with reporter(database_url, tmp_path, "2.1") as cp:
        assert await cp.call("NotifyEvent", notify(odd, event(1))) == {}

    found, right = await rows(pool, "station_event")
    assert (found["event_number"], found["cause_number"], found["severity"]) == (None, None, None)
    assert (found["evse"], found["connector"], found["component"]) == (None, None, "x" * 100)
    assert right["event_number"] == 1


async def test_an_alarm_of_the_grid_begins_and_ends(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    said = {"controlType": "FreqDroop", "gridEventFault": "OverFrequency", "timestamp": AT}
    async with reporter(database_url, tmp_path, "2.1") as cp:
        assert await cp.call("NotifyDERAlarm", said | {"extraInfo": "51.2 Hz"}) == {}
        assert await cp.call("NotifyDERAlarm", said | {"alarmEnded": True}) == {}

    begun, ended = await rows(pool, "station_event")
    assert (begun["kind"], begun["type"], begun["variable"]) == (
        "grid",
        "OverFrequency",
        "FreqDroop",
    )
    assert (begun["is_critical"], begun["is_cleared"]) == (True, False)
    assert begun["tech_info"] == "51.2 Hz"
    assert (ended["is_critical"], ended["is_cleared"]) == (False, True)


async def test_a_password_in_an_event_is_not_kept(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    told = event(1, actualValue=SECRET, variable={"name": "BasicAuthPassword"})
    async with reporter(database_url, tmp_path) as cp:
        assert await cp.call("NotifyEvent", notify(told)) == {}
        upload = security("odd", techInfo=f"ftp://ada:{SECRET}@files.example/ failed")
        assert await cp.call("SecurityEventNotification", upload) == {}

    found = await rows(pool, "station_event")
    assert [row["value"] for row in found] == ["***", None]
    assert found[1]["tech_info"] == "ftp://ada:***@files.example/ failed"

"""Periodic event streams of 2.1: opened, filled by SENDs, closed (N11 to N15)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db import event_streams, expiry
from db.rows import Pool
from tests.wire import Charger, add_station, charger, csms

BOOT = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
BASE = datetime(2026, 5, 1, 9, tzinfo=UTC)


@pytest.fixture
async def station(database_url: str, tmp_path: Path) -> AsyncIterator[Charger]:
    await add_station(database_url, "CP-1")
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", "2.1") as station,
    ):
        assert (await station.call("BootNotification", BOOT))["status"] == "Accepted"
        yield station


async def open_stream(station: Charger, number: int, monitor: int = 3, **params: int) -> Any:
    said = {"id": number, "variableMonitoringId": monitor, "params": params}
    return await station.call("OpenPeriodicEventStream", {"constantStreamData": said})


async def send(station: Charger, number: int, *values: tuple[float, str], pending: int = 0) -> None:
    payload = {
        "id": number,
        "pending": pending,
        "basetime": "2026-05-01T09:00:00Z",
        "data": [{"t": t, "v": v} for t, v in values],
    }
    await station.socket.send(json.dumps([6, "s", "NotifyPeriodicEventStream", payload]))
    # What comes behind it is answered when it is done.
    assert "currentTime" in await station.call("Heartbeat", {})


async def streams(pool: Pool) -> list[tuple[int, int, bool]]:
    rows = await pool.fetch("select number, monitor, closed_at from event_stream order by id")
    return [(row["number"], row["monitor"], row["closed_at"] is None) for row in rows]


async def test_values_are_kept_with_their_times_until_the_stream_is_closed(
    station: Charger, pool: Pool
) -> None:
    assert await open_stream(station, 7, interval=10, values=2) == {"status": "Accepted"}
    await send(station, 7, (0, "1"), (10.5, "<b>\x00"), pending=4)
    await send(station, 7, (-5, ""), (1e300, "far"), (0.1, "x" * 2_500))
    assert await station.call("ClosePeriodicEventStream", {"id": 7}) == {}
    await send(station, 7, (60, "late"))

    rows = await pool.fetch("select at, value from event_stream_value order by id")
    assert [(row["at"] - BASE, row["value"]) for row in rows] == [
        (timedelta(0), "1"),
        (timedelta(seconds=10.5), "<b>\ufffd"),
        (timedelta(seconds=-5), ""),
        (timedelta(0), "far"),
        (timedelta(seconds=0.1), "x" * 2_500),
    ]
    (stream,) = await pool.fetch("select * from event_stream")
    assert (stream["interval_s"], stream["value_count"], stream["pending"]) == (10, 2, 0)
    assert stream["heard_at"] is not None
    assert await streams(pool) == [(7, 3, False)]


async def test_opened_again_it_is_the_same_and_of_another_monitor_another(
    station: Charger, pool: Pool
) -> None:
    for _ in range(2):
        await open_stream(station, 7, interval=10)
    await open_stream(station, 8, interval=10)
    assert await streams(pool) == [(7, 3, True), (8, 3, True)]

    await open_stream(station, 7, 4, interval=10)
    await send(station, 7, (0, "of the new one"))

    assert await streams(pool) == [(7, 3, False), (8, 3, True), (7, 4, True)]
    assert await pool.fetchval("select stream_id from event_stream_value") == await pool.fetchval(
        "select id from event_stream where monitor = 4"
    )


async def test_absurd_numbers_and_too_many_are_rejected(
    station: Charger, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "MOST_OPEN", 2)

    for number in (2**63, 10**20):
        assert (await open_stream(station, number))["status"] == "Rejected"
        await send(station, number, (0, "1"))
        assert await station.call("ClosePeriodicEventStream", {"id": number}) == {}
    for number in (0, 2**63 - 1):
        assert (await open_stream(station, number, interval=10**20))["status"] == "Accepted"
    assert await open_stream(station, 3) == {
        "status": "Rejected",
        "statusInfo": {"reasonCode": "TooManyElements", "additionalInfo": "2 streams are open"},
    }
    assert (await open_stream(station, 0, 9))["status"] == "Accepted"
    assert await pool.fetchval("select count(*) from event_stream_value") == 0


async def test_said_in_a_call_it_is_kept_and_answered(station: Charger, pool: Pool) -> None:
    await open_stream(station, 7)
    payload = {"id": 7, "pending": 0, "basetime": "?", "data": [{"t": 0, "v": "1"}]}

    assert await station.call("NotifyPeriodicEventStream", payload) == {}
    assert await pool.fetchval("select count(*) from event_stream_value") == 1


async def test_values_and_what_was_asked_go_after_their_time(pool: Pool) -> None:
    old, older = datetime.now(UTC) - timedelta(days=8), datetime.now(UTC) - timedelta(days=401)
    async with pool.acquire() as conn:
        for at in (datetime.now(UTC), old, older):
            await conn.execute(
                """
                insert into event_stream_value (station_id, stream_id, at, received_at, value)
                values (1, 1, $1, $1, '1')
                """,
                at,
            )
            await conn.execute(
                """
                insert into event_stream (station_id, number, monitor, opened_at, closed_at)
                values (1, 1, 1, $1, $1)
                """,
                at,
            )
            await conn.execute(
                """
                insert into station_request (station_id, received_at, action, payload, answer)
                values (1, $1, 'a', '{}', '{}')
                """,
                at,
            )
            await conn.execute(
                """
                insert into charging_need
                    (station_id, received_at, kind, evse, at, payload, answered)
                values (1, $1, 'needs', 1, $1, '{}', 'Rejected')
                """,
                at,
            )
            await conn.execute(
                """
                insert into certificate_request
                    (station_id, first_at, last_at, kind, csr, digest)
                values (1, $1, $1, 'a', 'a', convert_to(($1::timestamptz)::text, 'UTF8'))
                """,
                at,
            )
        await conn.execute(
            """
            insert into event_stream (station_id, number, monitor, opened_at) values (1, 1, 1, $1)
            """,
            older,
        )
        await expiry.delete_old(conn)

    assert [
        await pool.fetchval(f"select count(*) from {table}")
        for table in (
            "event_stream_value",
            "event_stream",
            "station_request",
            "charging_need",
            "certificate_request",
        )
    ] == [1, 3, 2, 2, 2]

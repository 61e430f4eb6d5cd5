"""What stations tell of themselves, over the API: events and jobs."""

from __future__ import annotations

from datetime import timedelta

from db import station_events, station_jobs
from db.model.reports import EventKind, Progress, StationEvent
from db.rows import Conn, Pool
from tests.portal import build
from tests.portal.build import NOON
from tests.portal.conftest import Api

HERE = "/api/v1/stations/CP-1"


def event(
    station_id: int, number: int, kind: EventKind = "security", *, is_critical: bool = False
) -> StationEvent:
    return StationEvent(
        station_id=station_id,
        fingerprint=number.to_bytes(8, "big"),
        kind=kind,
        type=f"type {number}",
        at=NOON + timedelta(minutes=number),
        said_at=None,
        received_at=NOON + timedelta(minutes=number),
        is_critical=is_critical,
    )


async def record(
    conn: Conn, station_id: int, request_id: int | None, status: str, progress: Progress
) -> None:
    await station_jobs.record(
        conn,
        station_id,
        kind="firmware",
        request_id=request_id,
        progress=progress,
        status=status,
        detail=None,
        at=NOON,
    )


async def test_an_event_is_shown_in_full(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        said = event(station.id, 1, "event", is_critical=True)
        said = said._replace(component="Connector", evse=2, connector=1, variable="Temperature")
        said = said._replace(severity=2, trigger="Alerting", event_number=7, value="85")
        await station_events.add_many(conn, [said._replace(flags="clock_ahead", is_cleared=False)])
    page = (await api.get(f"{HERE}/events")).body

    assert page["next_cursor"] is None
    (shown,) = page["items"]
    assert isinstance(shown.pop("id"), int)
    assert shown == {
        "kind": "event",
        "type": "type 1",
        "at": "2026-03-01T12:01:00Z",
        "received_at": "2026-03-01T12:01:00Z",
        "critical": True,
        "cleared": False,
        "severity": 2,
        "trigger": "Alerting",
        "event_number": 7,
        "cause_number": None,
        "monitor_number": None,
        "source": None,
        "component": {"name": "Connector", "instance": None, "evse": 2, "connector": 1},
        "variable": {"name": "Temperature", "instance": None},
        "value": "85",
        "tech_code": None,
        "tech_info": None,
        "transaction_id": None,
        "session_id": None,
        "flags": ["clock_ahead"],
    }


async def test_events_are_listed_newest_first_page_by_page_and_by_kind(
    api: Api, pool: Pool
) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        other = await build.station(conn, "CP-2")
        for number in range(7):
            kind: EventKind = "event" if number % 2 else "security"
            said = event(station.id, number, kind, is_critical=number in (2, 3))
            await station_events.add_many(conn, [said, said])
        await station_events.add_many(conn, [event(other.id, 99)])

    async def numbers(query: str) -> list[int]:
        items = await api.walk(f"{HERE}/events?limit=2{query}")
        return [int(item["type"].removeprefix("type ")) for item in items]

    assert await numbers("") == [6, 5, 4, 3, 2, 1, 0]
    assert await numbers("&kind=event") == [5, 3, 1]
    assert await numbers("&kind=security&critical=1") == [2]
    assert await numbers("&critical=0") == [6, 5, 4, 3, 2, 1, 0]
    assert await numbers("&kind=grid") == []
    refused = await api.get(f"{HERE}/events?kind=others")
    assert (refused.status, refused.fields) == (422, ["kind"])


async def test_jobs_are_shown_with_their_steps(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        await record(conn, station.id, 1, "Downloading", "running")
        await record(conn, station.id, None, "Idle", "idle")
        await record(conn, station.id, 1, "Installed", "done")
        for number in range(120):
            await record(conn, station.id, 2, f"Step {number}", "running")
    restless, idle, done = await api.walk(f"{HERE}/jobs?limit=2")

    assert isinstance(done.pop("id"), int)
    assert done == {
        "kind": "firmware",
        "request_id": 1,
        "progress": "done",
        "status": "Installed",
        "detail": None,
        "started_at": "2026-03-01T12:00:00Z",
        "changed_at": "2026-03-01T12:00:00Z",
        "steps": [
            {"at": "2026-03-01T12:00:00Z", "status": "Downloading", "detail": None},
            {"at": "2026-03-01T12:00:00Z", "status": "Installed", "detail": None},
        ],
    }
    assert (idle["request_id"], idle["progress"]) == (None, "idle")
    assert [step["status"] for step in restless["steps"]] == [f"Step {n}" for n in range(70, 120)]


LISTS = ("events", "jobs", "reports", "variables", "monitors", "statements")


async def test_lists_of_reports_answer_as_their_neighbours_do(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await build.station(conn)
    for name in LISTS:
        empty = await api.get(f"{HERE}/{name}?limit=1000000")
        assert (empty.status, empty.body) == (200, {"items": [], "next_cursor": None}), name
        for cursor in ("x", "W10", "WzFdXQ", "WyJhIl0", "WzEuNV0"):
            answer = await api.get(f"{HERE}/{name}?cursor={cursor}")
            assert (answer.status, answer.fields) == (422, ["cursor"]), (name, cursor)
        for identity in ("CP-9", "%00", "a%2Fb"):
            missing = await api.get(f"/api/v1/stations/{identity}/{name}")
            assert (missing.status, missing.body["detail"]) == (404, "No such station.")

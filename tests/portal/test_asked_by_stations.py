"""What stations ask and stream, over the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from db import certificate_requests, charging_needs, event_streams, station_requests
from db.rows import Conn, Pool
from tests.portal import build
from tests.portal.browser import add_person, signed_in
from tests.portal.conftest import Api

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CP_1 = "/api/v1/stations/CP-1"
LISTS = ["certificate-requests", "charging-needs", "requests", "event-streams"]


async def add_certificate_request(
    conn: Conn, station_id: int, number: int, problem: str | None = None
) -> None:
    await certificate_requests.record(
        conn,
        station_id=station_id,
        at=NOON,
        kind="ChargingStationCertificate",
        request_id=number,
        csr="-----BEGIN",
        digest=bytes([number]),
        problem=problem,
        subject="CN=CP-1",
        key="EC P-256",
        key_digest=b"\x01\xff",
    )


async def add_need(conn: Conn, station_id: int, evse: int) -> None:
    await charging_needs.add(
        conn,
        station_id=station_id,
        received_at=NOON,
        kind="needs",
        evse=evse,
        at=NOON,
        energy_transfer="DC",
        energy_wh=5,
        departure_at=NOON,
        payload=b'{"evseId":1}',
        answered="Rejected",
    )


async def add_request(conn: Conn, station_id: int) -> None:
    await station_requests.add(
        conn,
        station_id=station_id,
        received_at=NOON,
        action="VatNumberValidation",
        payload=b'{"vatNumber":"\\u0000"}',
        answer=b'{"status":"Rejected"}',
    )


async def items(api: Api, path: str) -> Any:
    answer = await api.get(f"{CP_1}/{path}")
    assert answer.status == 200
    return answer.body["items"]


async def test_each_is_shown_in_full(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.station(conn, "CP-1")
        station = made.id
        session = await build.session(conn, made, running=True, evse=1)
        assert session.evse is not None
        await add_certificate_request(conn, station, 1, "it is for CP-2")
        await add_need(conn, station, session.evse)
        await add_request(conn, station)
        await build.event_stream(conn, made, 7)

    assert await items(api, "certificate-requests") == [
        {
            "id": 1,
            "kind": "ChargingStationCertificate",
            "request_id": 1,
            "is_good": False,
            "problem": "it is for CP-2",
            "subject": "CN=CP-1",
            "key": "EC P-256",
            "key_sha256": "01ff",
            "csr": "-----BEGIN",
            "first_at": "2026-03-01T12:00:00Z",
            "last_at": "2026-03-01T12:00:00Z",
            "times": 1,
        }
    ]
    assert await items(api, "charging-needs") == [
        {
            "id": 1,
            "kind": "needs",
            "evse": session.evse,
            "session": session.id,
            "transaction_id": session.transaction_id,
            "at": "2026-03-01T12:00:00Z",
            "received_at": "2026-03-01T12:00:00Z",
            "energy_transfer": "DC",
            "energy_wh": 5,
            "departure_at": "2026-03-01T12:00:00Z",
            "answered": "Rejected",
            "payload": {"evseId": 1},
        }
    ]
    assert await items(api, "requests") == [
        {
            "id": 1,
            "action": "VatNumberValidation",
            "received_at": "2026-03-01T12:00:00Z",
            "payload": {"vatNumber": "\x00"},
            "answer": {"status": "Rejected"},
        }
    ]
    assert await items(api, "event-streams") == [
        {
            "id": 1,
            "number": 7,
            "variable_monitoring_id": 3,
            "interval_s": 10,
            "values_per_message": None,
            "opened_at": "2026-03-01T12:00:00Z",
            "closed_at": None,
            "last_heard_at": None,
            "pending": None,
        }
    ]


async def test_lists_are_of_one_station_the_newest_first_and_come_page_by_page(
    api: Api, pool: Pool
) -> None:
    async with pool.acquire() as conn:
        ours, other = await build.station(conn, "CP-1"), await build.station(conn, "CP-2")
        for number in range(1, 6):
            for station in (ours, other):
                await add_certificate_request(conn, station.id, number)
                await add_need(conn, station.id, number)
                await add_request(conn, station.id)
                await build.event_stream(conn, station, number)
        await event_streams.add_values(
            conn,
            station_id=ours.id,
            stream_id=1,
            received_at=NOON,
            pending=0,
            values=[(NOON, str(n)) for n in range(5)],
        )

    for path in (*LISTS, "event-streams/1/values"):
        found = await api.walk(f"{CP_1}/{path}?limit=2")
        ids = [item["id"] for item in found]
        assert len(ids) == 5
        assert ids == sorted(ids, reverse=True)
        assert (await api.get(f"{CP_1}/{path}?cursor=garbage")).status == 422
    values = await items(api, "event-streams/1/values")
    assert [value["value"] for value in values] == ["4", "3", "2", "1", "0"]
    assert values[0] == {
        "id": values[0]["id"],
        "at": "2026-03-01T12:00:00Z",
        "received_at": "2026-03-01T12:00:00Z",
        "value": "4",
    }


@pytest.mark.parametrize("path", [*LISTS, "event-streams/1/values"])
async def test_of_a_station_that_is_none_there_is_nothing(api: Api, pool: Pool, path: str) -> None:
    async with pool.acquire() as conn:
        await build.event_stream(conn, await build.station(conn, "CP-1"))
        await build.station(conn, "CP-2")

    assert (await api.get(f"/api/v1/stations/CP-9/{path}")).status == 404
    if "values" in path:
        assert (await api.get(f"/api/v1/stations/CP-2/{path}")).status == 404
        assert (await api.get(f"{CP_1}/event-streams/x/values")).status == 404
    else:
        empty: Any = {"items": [], "next_cursor": None}
        assert (await api.get(f"/api/v1/stations/CP-2/{path}")).body == empty


async def test_an_admin_reads_on_the_chargers_page_what_became_of_its_requests(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, "omar@example.org", role="admin")
    async with pool.acquire() as conn:
        station = await build.station(conn, "CP-1")
    page = "/admin/chargers/CP-1"
    async with signed_in(api.port, "omar@example.org") as desk:
        assert "It has not asked for a certificate" in (await desk.get(page)).text
        async with pool.acquire() as conn:
            await add_certificate_request(conn, station.id, 1)
            await add_certificate_request(conn, station.id, 2, "it is for <b>CP-2</b> (CN)")
            await add_certificate_request(conn, station.id, 2, "it is for <b>CP-2</b> (CN)")

        for path in (page, f"{page}/certificates"):
            text = (await desk.get(path)).text
            assert "It is for &lt;b&gt;CP-2&lt;/b&gt; (CN)" in text
            assert "2 times" in text
            assert "there is no certificate authority here yet" in text

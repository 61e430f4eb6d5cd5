"""What stations state, over the API; and what one holds of a customer."""

from __future__ import annotations

from datetime import timedelta

from db import reports, station_statements
from db.model.reports import Statement
from db.rows import Conn, Pool
from tests.portal import build
from tests.portal.build import NOON
from tests.portal.conftest import Api

HERE = "/api/v1/stations/CP-1"


def statement(state: str, subject: str = "EMS, station") -> Statement:
    facts = b'{"source": "EMS", "note": "\\u0000<b>"}'
    return Statement("charging_limit", subject, state, state.encode(), NOON, None, None, facts)


async def state(conn: Conn, station_id: int, said: Statement, minutes: int) -> bool:
    return await station_statements.record(
        conn, station_id, [said], received_at=NOON + timedelta(minutes=minutes)
    )


async def test_statements_are_listed_newest_first_and_the_latest_alone(
    api: Api, pool: Pool
) -> None:
    async with pool.acquire() as conn:
        station, other = await build.station(conn), await build.station(conn, "CP-2")
        news = [
            await state(conn, station.id, statement("set"), 0),
            await state(conn, station.id, statement("cleared"), 1),
            await state(conn, station.id, statement("cleared"), 2),
            await state(conn, station.id, statement("set", "SO, station"), 3),
            await state(conn, other.id, statement("set"), 4),
        ]
    every = await api.walk(f"{HERE}/statements?limit=1")
    latest = await api.walk(f"{HERE}/statements?limit=1&latest=1&kind=charging_limit")

    assert news == [True, True, False, True, True]
    assert [(item["subject"], item["state"]) for item in every] == [
        ("SO, station", "set"),
        ("EMS, station", "cleared"),
        ("EMS, station", "set"),
    ]
    assert latest == every[:2]
    assert isinstance(every[1].pop("id"), int)
    assert every[1] == {
        "kind": "charging_limit",
        "subject": "EMS, station",
        "state": "cleared",
        "latest": True,
        "at": "2026-03-01T12:00:00Z",
        "received_at": "2026-03-01T12:01:00Z",
        "heard_at": "2026-03-01T12:02:00Z",
        "evse": None,
        "transaction_id": None,
        "session_id": None,
        "report_id": None,
        "facts": {"source": "EMS", "note": "\x00<b>"},
    }
    assert await api.walk(f"{HERE}/statements?kind=settlement") == []
    assert (await api.get(f"{HERE}/statements?kind=x")).fields == ["kind"]


async def test_what_a_station_holds_of_a_customer_is_read_with_its_report(
    api: Api, pool: Pool
) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        report = await reports.begin(
            conn,
            station.id,
            kind="customer_information",
            request_id=1,
            generation=0,
            generated_at=NOON,
            started_at=NOON,
        )
        for seq_no, body in ((1, "Lovelace"), (0, "Ada ")):
            await reports.add_part(
                conn,
                report,
                seq_no=seq_no,
                fingerprint=b"",
                items=1,
                body=body,
                received_at=NOON,
            )
    (listed,) = await api.walk(f"{HERE}/reports")
    shown = (await api.get(f"{HERE}/reports/{report.id}")).body

    assert "text" not in listed
    assert shown == listed | {"text": "Ada Lovelace"}

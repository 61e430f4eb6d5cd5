"""What stations are made of, over the API: reports, variables, monitors."""

from __future__ import annotations

from dataclasses import replace

from db import reports, variables
from db.model.reports import Monitor, Variable
from db.rows import Conn, Pool
from tests.portal import build
from tests.portal.build import NOON
from tests.portal.conftest import Api

HERE = "/api/v1/stations/CP-1"
A = Variable(
    component="Meter",
    component_instance="",
    evse=0,
    connector=0,
    variable="Power",
    variable_instance="",
    attribute="Actual",
    value="7400",
    mutability="ReadOnly",
    is_persistent=True,
    is_constant=False,
    unit="W",
    data_type="decimal",
    min_limit=0.5,
    max_limit=None,
    max_elements=None,
    values_list=None,
    supports_monitoring=True,
)
M = Monitor(8, "Meter", None, 2, None, "Power", "L1", "Delta", 7.5, 4, True, None)


async def record(conn: Conn, station_id: int, *found: Variable) -> None:
    await variables.record(conn, station_id, found, report_id=1, reported_at=NOON)


async def test_a_report_says_what_is_missing(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        station, other = await build.station(conn), await build.station(conn, "CP-2")
        found = [await build.report(conn, station, number) for number in (1, 2, None)]
        await reports.set_incomplete(conn, found[0], missing="1 to 3")
        theirs = await build.report(conn, other)
    items = await api.walk(f"{HERE}/reports?limit=2")
    one = await api.get(f"{HERE}/reports/{found[0].id}")

    assert [item["request_id"] for item in items] == [None, 2, 1]
    assert one.body == items[-1] | {"text": None}
    assert items[-1] == {
        "id": found[0].id,
        "kind": "variables",
        "request_id": 1,
        "state": "incomplete",
        "missing": "1 to 3",
        "generated_at": None,
        "started_at": "2026-03-01T12:00:00Z",
        "heard_at": "2026-03-01T12:00:00Z",
        "parts": 0,
        "items": 0,
    }
    assert await api.walk(f"{HERE}/reports?kind=monitors") == []
    assert (await api.get(f"{HERE}/reports?kind=x")).fields == ["kind"]
    for number in (theirs.id, 10**18, "x", "-1", "%00"):
        answer = await api.get(f"{HERE}/reports/{number}")
        assert (answer.status, answer.body["detail"]) == (404, "No such report.")


async def test_variables_are_listed_in_their_order_page_by_page(api: Api, pool: Pool) -> None:
    found = [
        replace(A, component="EVSE", evse=2),
        replace(A, component="EVSE", evse=10, connector=1),
        A,
        replace(A, attribute="Target"),
        replace(A, variable_instance="L1"),
        replace(A, variable="Voltage"),
    ]
    async with pool.acquire() as conn:
        station, other = await build.station(conn), await build.station(conn, "CP-2")
        await record(conn, station.id, *reversed(found), *found)
        await record(conn, other.id, A)
    for limit in (1, 2, 4, 200):
        items = await api.walk(f"{HERE}/variables?limit={limit}")
        assert [
            (
                item["component"]["evse"],
                item["variable"]["name"],
                item["variable"]["instance"],
                item["attribute"],
            )
            for item in items
        ] == [
            (2, "Power", None, "Actual"),
            (10, "Power", None, "Actual"),
            (None, "Power", None, "Actual"),
            (None, "Power", None, "Target"),
            (None, "Power", "L1", "Actual"),
            (None, "Voltage", None, "Actual"),
        ]
    assert items[2] == {
        "component": {"name": "Meter", "instance": None, "evse": None, "connector": None},
        "variable": {"name": "Power", "instance": None},
        "attribute": "Actual",
        "value": "7400",
        "mutability": "ReadOnly",
        "persistent": True,
        "constant": False,
        "unit": "W",
        "data_type": "decimal",
        "min_limit": 0.5,
        "max_limit": None,
        "max_elements": None,
        "values_list": None,
        "supports_monitoring": True,
        "reported_at": "2026-03-01T12:00:00Z",
    }
    assert len(await api.walk(f"{HERE}/variables?component=meter&limit=1")) == 4
    assert len(await api.walk(f"{HERE}/variables?component=Meter&variable=VOLTAGE")) == 1
    assert (await api.get(f"{HERE}/variables?component=%00")).fields == ["component"]


async def test_monitors_are_listed_by_number(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        found = [replace(M, number=number) for number in (9, -(2**63), 8, 2**63 - 1)]
        await variables.record_monitors(conn, station.id, found, report_id=1, reported_at=NOON)
    items = await api.walk(f"{HERE}/monitors?limit=1")

    assert [item["number"] for item in items] == [-(2**63), 8, 9, 2**63 - 1]
    assert items[1] == {
        "number": 8,
        "component": {"name": "Meter", "instance": None, "evse": 2, "connector": None},
        "variable": {"name": "Power", "instance": "L1"},
        "type": "Delta",
        "value": 7.5,
        "severity": 4,
        "in_transactions_only": True,
        "source": None,
        "reported_at": "2026-03-01T12:00:00Z",
    }

"""What a station says that it is made of, in parts, in whichever order (reliability D-P51)."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from db.rows import Pool
from tests.ocpp.conftest import until
from tests.ocpp.reporting import AT, reporter, rows

SECRET = "5ec4e7c0ffee5ec4e7"


def variable(name: str, value: str | None = "1", **more: Any) -> dict[str, Any]:
    attribute = {} if value is None else {"value": value}
    return {
        "component": {"name": "EVSE", "evse": {"id": 2}},
        "variable": {"name": name},
        "variableAttribute": [attribute],
    } | more


def part(seq_no: int, *said: dict[str, Any], tbc: bool = True, request_id: int = 7) -> Any:
    about = {"requestId": request_id, "generatedAt": AT, "seqNo": seq_no, "reportData": list(said)}
    return about | ({"tbc": True} if tbc else {})


PARTS = [
    part(0, variable("A"), variable("B")),
    part(1, variable("C")),
    part(2, variable("D"), tbc=False),
]


async def names(pool: Pool) -> set[str]:
    return {row["variable"] for row in await pool.fetch("select variable from variable")}


async def test_parts_are_put_together_in_every_order_and_repeats_change_nothing(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with reporter(database_url, tmp_path) as cp:
        for order in itertools.permutations(PARTS):
            await pool.execute("truncate report, variable cascade")
            for said in order:
                (state,) = await states(pool) or ["collecting"]
                assert state == "collecting"
                for _ in range(2):
                    assert await cp.call("NotifyReport", said) == {}
            (report,) = await rows(pool, "report")
            assert (report["state"], report["parts"], report["items"]) == ("complete", 3, 4)
            assert (report["last_seq_no"], report["missing"]) == (2, None)
            assert await names(pool) == {"A", "B", "C", "D"}


async def states(pool: Pool) -> list[str]:
    return [row["state"] for row in await rows(pool, "report")]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_variable_is_kept_with_its_attributes_and_characteristics(
    database_url: str, pool: Pool, tmp_path: Path, version: str
) -> None:
    said = {
        "component": {"name": "Meter", "instance": "Main", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "Power", "instance": "L1"},
        "variableAttribute": [
            {"value": "", "mutability": "ReadOnly", "persistent": True, "constant": True},
            {"type": "MaxSet", "value": "22000"},
            {"type": "MaxSet", "value": "11000"},  # said twice: the last one stands
        ],
        "variableCharacteristics": {
            "dataType": "decimal",
            "unit": "W",
            "minLimit": 0.5,
            "maxLimit": 22000,
            "valuesList": "a,b",
            "supportsMonitoring": True,
        }
        | ({"maxElements": 3} if version == "2.1" else {}),
    }
    async with reporter(database_url, tmp_path, version) as cp:
        assert await cp.call("NotifyReport", part(0, said, tbc=False)) == {}

    actual, most = await pool.fetch("select * from variable order by attribute")
    key = ("component", "component_instance", "evse", "connector", "variable", "variable_instance")
    assert tuple(actual[name] for name in key) == ("Meter", "Main", 2, 1, "Power", "L1")
    assert (actual["attribute"], actual["value"], actual["mutability"]) == (
        "Actual",
        "",
        "ReadOnly",
    )
    assert (actual["is_persistent"], actual["is_constant"]) == (True, True)
    about = ("data_type", "unit", "min_limit", "max_limit", "values_list")
    assert tuple(actual[name] for name in about) == ("decimal", "W", 0.5, 22000, "a,b")
    assert actual["max_elements"] == (3 if version == "2.1" else None)
    assert actual["supports_monitoring"] is True
    assert (most["attribute"], most["value"], most["mutability"]) == (
        "MaxSet",
        "11000",
        "ReadWrite",
    )
    assert actual["report_id"] == (await rows(pool, "report"))[0]["id"]


async def test_a_later_report_under_the_same_number_is_another_one(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with reporter(database_url, tmp_path) as cp:
        for value in ("1", "2"):
            said = part(0, variable("A", value), tbc=False)
            assert await cp.call("NotifyReport", said) == {}

    first, second = await rows(pool, "report")
    assert (first["generation"], first["state"]) == (0, "complete")
    assert (second["generation"], second["state"]) == (1, "complete")
    (kept,) = await pool.fetch("select * from variable")
    assert (kept["value"], kept["report_id"]) == ("2", second["id"])


async def test_a_report_without_its_end_says_what_is_missing_and_takes_it_up_again(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with reporter(database_url, tmp_path) as cp:
        for said in (part(0, variable("A")), part(3, variable("D"))):
            assert await cp.call("NotifyReport", said) == {}
        await pool.execute("update report set heard_at = now() - interval '30 s'")
        await run_job(pool)
        assert await states(pool) == ["collecting"]
        await pool.execute("update report set heard_at = now() - interval '61 s'")
        await run_job(pool)
        (report,) = await rows(pool, "report")
        assert (report["state"], report["missing"]) == ("incomplete", "1 to 2 and what follows 3")

        for said in (part(1, variable("B")), part(2, variable("C"))):
            assert await cp.call("NotifyReport", said) == {}
        assert await states(pool) == ["collecting"]
        assert await cp.call("NotifyReport", part(4, tbc=False)) == {}  # of nothing

    (report,) = await rows(pool, "report")
    assert (report["state"], report["missing"], report["parts"]) == ("complete", None, 5)


async def run_job(pool: Pool) -> None:
    before = await pool.fetchval("select now()")
    await pool.execute("update job set next_at = now() where name = 'reports'")

    async def has_run() -> bool:
        return bool(
            await pool.fetchval(
                "select exists (select from job where name = 'reports' and ran_at > $1)", before
            )
        )

    await until(has_run)


async def test_who_counts_from_0_for_ever_loses_nothing(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with reporter(database_url, tmp_path) as cp:
        for name in "ABC":
            assert await cp.call("NotifyReport", part(0, variable(name), tbc=name != "C")) == {}

    (report,) = await rows(pool, "report")
    assert (report["state"], report["parts"]) == ("complete", 3)
    assert await names(pool) == set("ABC")


async def test_numbers_and_texts_that_nobody_should_say_do_no_harm(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    said = [
        part(-1, variable("A" * 300, "\x00<b>" + "x" * 70_000), request_id=-(2**31)),
        part(2**53 + 1, variable("B", variableCharacteristics=characteristics(10**300))),
        part(0, variable("C"), request_id=2**63 - 1, tbc=False),
        part(0, variable("E", None), request_id=2**70, tbc=False),
    ]
    async with reporter(database_url, tmp_path) as cp:
        for each in said:
            assert await cp.call("NotifyReport", each) == {}, str(each)[:200]
        assert "currentTime" in await cp.call("Heartbeat", {})

    long, big, _, none = await pool.fetch("select * from variable order by variable")
    assert long["variable"] == "A" * 100
    assert long["value"] == ("\ufffd<b>" + "x" * 70_000)[:65_536]
    assert big["max_limit"] == 1e300
    assert none["value"] is None
    assert [row["request_id"] for row in await rows(pool, "report")] == [
        -(2**31),
        7,
        2**63 - 1,
        None,
    ]


def characteristics(most: int) -> dict[str, Any]:
    return {"dataType": "decimal", "maxLimit": most, "supportsMonitoring": False}


async def test_a_password_is_not_kept(database_url: str, pool: Pool, tmp_path: Path) -> None:
    said = variable("BasicAuthPassword", SECRET, component={"name": "SecurityCtrlr"})
    async with reporter(database_url, tmp_path) as cp:
        assert await cp.call("NotifyReport", part(0, said, tbc=False)) == {}

    assert await pool.fetchval("select value from variable") == "***"


async def test_monitors_are_kept_by_their_numbers(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    def monitor(number: int, value: float, **more: Any) -> dict[str, Any]:
        return {
            "id": number,
            "transaction": True,
            "value": value,
            "type": "UpperThreshold",
            "severity": 4,
        } | more

    def said(seq_no: int, *monitors: dict[str, Any], tbc: bool = False) -> dict[str, Any]:
        about = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
        return {
            "requestId": 1,
            "seqNo": seq_no,
            "generatedAt": AT,
            "tbc": tbc,
            "monitor": [about | {"variableMonitoring": list(monitors)}],
        }

    async with reporter(database_url, tmp_path) as cp:
        assert await cp.call("NotifyMonitoringReport", said(1, monitor(8, 2), monitor(9, 3))) == {}
        assert await states(pool) == ["collecting"]
        assert await cp.call("NotifyMonitoringReport", said(0, monitor(8, 7.5), tbc=True)) == {}

    assert await states(pool) == ["complete"]
    eight, nine = await pool.fetch("select * from monitor order by number")
    assert (eight["number"], eight["value"], eight["severity"]) == (8, 7.5, 4)
    assert (eight["component"], eight["evse"], eight["variable"]) == ("EVSE", 1, "Power")
    assert (eight["type"], eight["is_in_transactions_only"]) == ("UpperThreshold", True)
    assert nine["value"] == 3

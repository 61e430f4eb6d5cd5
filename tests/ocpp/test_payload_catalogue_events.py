"""Reliability D-P40 to P44: events of 2.x, as odd as their rows say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalogue.marks import by_row, row
from tests.ocpp.payloads import (
    ABSENT,
    AT,
    EVENT,
    LATER,
    TOKEN,
    Begun,
    Change,
    begin,
    begun,
    changed,
    check_begun,
    check_columns,
    check_kept,
    metered,
)
from tests.ocpp.yard import FAMILY_2, MISSING, PROPERTY, TYPE, Cp, Yard, check_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = "transactionInfo.transactionId"


def evse(name: str, value: Any, strict: dict[str, str | None], **columns: Any) -> list[Begun]:
    return [
        begun(f"P44 {name}", v, Change("evse", value), strict=strict[v], is_kept=True, **columns)
        for v in FAMILY_2
    ]


BOTH_TYPE: dict[str, str | None] = {"2.0.1": TYPE, "2.1": TYPE}
BOTH_MISSING: dict[str, str | None] = {"2.0.1": MISSING, "2.1": MISSING}

EVENTS = [
    *[
        case
        for v in FAMILY_2
        for case in (
            begun("P40 Updated", v, Change("eventType", "Updated"), flags="no_start", evse=1),
            begun("P40 Ended", v, Change("eventType", "Ended"), flags="no_start needs_review"),
            begun("P41 text", v, Change("seqNo", "0"), strict=TYPE, evse=1),
            begun("P41 fraction", v, Change("seqNo", 1.5), strict=TYPE, evse=1),
            begun("P41 none", v, Change("seqNo", ABSENT), strict=MISSING, evse=1),
            begun("P41 huge", v, Change("seqNo", 2**63), evse=1),
            begun("P43 markup", v, Change(ID, "<b>1</b>"), transaction_id="<b>1</b>"),
            begun("P43 long", v, Change(ID, "x" * 37), strict=PROPERTY, transaction_id="x" * 37),
            begun("P43 cut", v, Change(ID, "x" * 300), strict=PROPERTY, transaction_id="x" * 255),
            begun("P43 NUL", v, Change(ID, "a\x00b"), transaction_id="a\ufffdb"),
        )
    ],
    begun("P41 -1", "2.0.1", Change("seqNo", -1), evse=1),
    begun("P41 -1", "2.1", Change("seqNo", -1), strict=PROPERTY, evse=1),  # it has a minimum there
    *evse("0", {"id": 0}, {"2.0.1": None, "2.1": None}, evse=None),
    *evse("negative", {"id": -1}, {"2.0.1": None, "2.1": PROPERTY}, evse=None),
    *evse("far", {"id": 999}, {"2.0.1": None, "2.1": None}, evse=None),
    *evse("text", {"id": "1"}, BOTH_TYPE, evse=1),
    *evse("connector alone", {"connectorId": 1}, BOTH_MISSING, evse=None, connector=1),
]  # fmt: skip


@pytest.mark.parametrize("case", by_row(EVENTS))
async def test_an_event_makes_its_session(yard: Yard, case: Begun) -> None:
    await check_begun(yard, case)


@row("D-P43")
@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize("is_strict", [False, True])
async def test_an_event_of_no_transaction_is_kept_apart(
    yard: Yard, version: str, is_strict: bool
) -> None:
    said = changed(EVENT, Change(ID, ""))
    async with yard.station(version, strict=is_strict) as cp:
        assert await cp.says("TransactionEvent", said) == [3, "said1", {}]
        assert await cp.sessions() == []
        check_kept(await cp.kept(), "TransactionEvent", said)


async def tells(cp: Cp, kind: str, seq_no: int, wh: int, at: str, **more: Any) -> None:
    said = EVENT | {"eventType": kind, "seqNo": seq_no, "timestamp": at} | more
    said["meterValue"] = metered(cp.version, at, wh)
    assert (await cp.says("TransactionEvent", said))[0] == 3


@row("D-P41")
@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize("numbers", [(0, 1, 1, 2), (0, 5, 9, 90), (0, 1, 0, 0)])
async def test_a_session_is_in_the_order_of_its_times_whatever_its_numbers(
    yard: Yard, version: str, numbers: tuple[int, ...], is_strict: bool
) -> None:
    """Repeated with other content, with gaps, and from 0 again."""
    first, second, third, last = numbers
    async with yard.station(version, strict=is_strict) as cp:
        await tells(cp, "Started", first, 1_000, AT)
        await tells(cp, "Updated", third, 2_000, "2026-05-01T09:20:00Z")
        await tells(cp, "Updated", second, 1_500, "2026-05-01T09:10:00Z")
        await tells(cp, "Ended", last, 3_500, LATER)
        session = await cp.session()
        assert len(await cp.readings()) == 4
        assert await cp.kept() == []

    check_columns(session, {"energy_wh": 2_500, "is_finalized": True, "flags": ""})


CONFLICTS = [
    ("another EVSE", {"evse": {"id": 2, "connectorId": 1}}),
    ("another card", {"idToken": TOKEN | {"idToken": "OMAR-1"}}),
]


@row("D-P42")
@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize(("name", "other"), CONFLICTS, ids=[name for name, _ in CONFLICTS])
async def test_a_second_start_that_contradicts_the_first_is_flagged(
    yard: Yard, version: str, name: str, other: dict[str, Any], is_strict: bool
) -> None:
    async with yard.station(version, strict=is_strict) as cp:
        await begin(cp, idToken=TOKEN)
        await begin(cp, idToken=TOKEN)
        assert (await cp.session())["flags"] == ["unauthorized"]
        said = EVENT | {"idToken": TOKEN} | other | {"seqNo": 1}
        assert (await cp.says("TransactionEvent", said))[0] == 3
        session = await cp.session()
        check_kept(await cp.kept(), "TransactionEvent", said)

    check_columns(session, {"evse": 1, "id_token": "ADA-1", "flags": "start_conflict needs_review"})


@row("D-P42")
@pytest.mark.parametrize("version", FAMILY_2)
async def test_a_start_after_the_known_end_is_a_new_session(yard: Yard, version: str) -> None:
    async with yard.station(version) as cp:
        await tells(cp, "Started", 0, 1_000, AT)
        await tells(cp, "Ended", 1, 2_000, "2026-05-01T09:20:00Z")
        await tells(cp, "Started", 0, 2_000, LATER)
        old, new = await cp.sessions()
        assert await cp.kept() == []

    assert old["transaction_id"] == new["transaction_id"] == "tx-1"
    assert (old["energy_wh"], new["is_finalized"]) == (1_000, False)


@row("D-P44")
@pytest.mark.parametrize("version", FAMILY_2)
async def test_an_evse_that_is_no_object_is_refused_by_a_strict_station_alone(
    yard: Yard, version: str
) -> None:
    said = EVENT | {"evse": 1}
    async with yard.station(version, strict=True) as cp:
        check_refused(await cp.says("TransactionEvent", said), version, TYPE)
    async with yard.station(version) as cp:
        assert (await cp.says("TransactionEvent", said))[0] == 3
        check_kept(await cp.kept(), "TransactionEvent", said)
        assert (await cp.session())["evse"] is None

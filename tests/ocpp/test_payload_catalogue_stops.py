"""Reliability D-P34 to P39: a stop is never refused, and never makes energy up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalogue.marks import by_row, row
from tests.ocpp.payloads import ABSENT, LATER, STOP, Change, begin, changed, check_columns, metered
from tests.ocpp.yard import MISSING, PROPERTY, TYPE, Cp, Yard, check_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What becomes of a session of 1,000 Wh at the start, on connector 1, with the card ADA-1.
HALF_SAID = [*metered("1.6", value=1_000), {}]
PLAIN = {"energy_wh": 2_500, "meter_stop_wh": 3_500, "stop_reason": "Local", "is_finalized": True}

# Row, how its stop is spoilt, the code that a strict station hears, what the session then is.
STOPS: list[tuple[str, list[Change], str | None, dict[str, Any]]] = [
    ("P36 under the start", [Change("meterStop", 900)], None, {"energy_wh": None}),
    ("P36 negative", [Change("meterStop", -1)], None, {"meter_stop_wh": None}),
    ("P36 text", [Change("meterStop", "3500")], TYPE, PLAIN | {"flags": "malformed needs_review"}),
    ("P36 none", [Change("meterStop", ABSENT)], MISSING, {"meter_stop_wh": None}),
    ("P37 leap", [Change("meterStop", 9_000_000)], None, {"flags": "implausible_reading"}),
    ("P38 none", [], None, PLAIN),
    ("P38 unknown", [Change("reason", "Bored")], PROPERTY, PLAIN | {"stop_reason": "Bored"}),
    ("P38 case", [Change("reason", "remote")], PROPERTY, PLAIN | {"stop_reason": "Remote"}),
    ("P39 other card", [Change("idTag", "OMAR-1")], None, PLAIN | {"stop_id_token": "OMAR-1"}),
    ("P39 too long", [Change("idTag", "O" * 21)], PROPERTY, PLAIN | {"stop_id_token": "O" * 21}),
    ("P27 no values", [Change("transactionData", HALF_SAID)], MISSING, PLAIN),
]  # fmt: skip


def stop(number: Any, *changes: Change) -> dict[str, Any]:
    return changed(STOP, Change("transactionId", number), *changes)


@pytest.mark.parametrize(("name", "changes", "strict", "columns"), by_row(STOPS))
async def test_a_stop_ends_its_session(
    yard: Yard, name: str, changes: list[Change], strict: str | None, columns: dict[str, Any]
) -> None:
    async with yard.station("1.6") as cp:
        number = int(await begin(cp))
        answer = await cp.says("StopTransaction", stop(number, *changes))
        session, kept = await cp.session(), await cp.kept()
    assert answer[0] == 3, answer
    assert session["is_finalized"]
    check_columns(session, columns)
    assert bool(kept) == (strict is not None)
    async with yard.station("1.6", strict=True) as cp:
        number = int(await begin(cp))
        answer = await cp.says("StopTransaction", stop(number, *changes))
        session = await cp.session()
        assert await cp.kept() == []
    if strict is None:
        assert answer[0] == 3
        check_columns(session, columns)
    else:
        check_refused(answer, "1.6", strict)
        assert not session["is_finalized"]


@row("D-P39")
@pytest.mark.parametrize(
    ("uid", "status"), [("PAIR-1", "Accepted"), ("PAIR-2", "Accepted"), ("OMAR-1", "Invalid")]
)
async def test_the_card_of_a_stop_is_judged_and_stops_nothing(
    yard: Yard, uid: str, status: str
) -> None:
    await yard.pool.execute(
        """
        insert into id_token (uid, type, status, group_uid) values
            ('PAIR-1', 'Central', 'Accepted', 'FAMILY'),
            ('PAIR-2', 'Central', 'Accepted', 'FAMILY')
        on conflict do nothing
        """
    )
    async with yard.station("1.6") as cp:
        number = int(await begin(cp, idTag="PAIR-1"))
        answer = await cp.says("StopTransaction", stop(number, Change("idTag", uid)))
        assert (await cp.session())["energy_wh"] == 2_500

    assert answer[2]["idTagInfo"]["status"] == status


@row("D-P34")
@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("number", [987654321, -1, 0])
async def test_a_stop_of_what_nobody_started_is_answered_and_kept_once(
    yard: Yard, number: int, is_strict: bool
) -> None:
    async with yard.station("1.6", strict=is_strict) as cp:
        for _ in range(2):
            assert await said(cp, stop(number)) == {}
        session, kept = await cp.session(), await cp.kept()

    assert "incomplete" in session["flags"]
    assert "needs_review" in session["flags"]
    assert session["is_finalized"]
    assert session["energy_wh"] is None
    assert kept[0]["problem"] == f"the stop of transaction {number}, which nobody started"


@row("D-P34")
@pytest.mark.parametrize("number", ["many", 1.5, None])
async def test_a_stop_of_no_number_is_kept_or_refused(yard: Yard, number: Any) -> None:
    async with yard.station("1.6") as cp:
        assert await said(cp, stop(number)) == {}
        assert len(await cp.kept()) == 1
    async with yard.station("1.6", strict=True) as cp:
        check_refused(await cp.says("StopTransaction", stop(number)), "1.6", TYPE)
        assert await cp.sessions() == []


@row("D-P35")
@pytest.mark.parametrize("is_strict", [False, True])
async def test_of_two_stops_the_first_counts_and_a_contradiction_is_flagged(
    yard: Yard, is_strict: bool
) -> None:
    async with yard.station("1.6", strict=is_strict) as cp:
        number = int(await begin(cp))
        assert await said(cp, stop(number)) == {}
        assert await said(cp, stop(number)) == {}
        first = await cp.session()
        assert await said(cp, stop(number, Change("meterStop", 9_999))) == {}
        second = await cp.session()

    assert first["flags"] == ["unauthorized"]
    check_columns(second, PLAIN | {"flags": "stop_conflict needs_review"})
    assert str(first["ended_at"]) == LATER.replace("T", " ").replace("Z", "+00:00")


async def said(cp: Cp, payload: dict[str, Any]) -> Any:
    answer = await cp.says("StopTransaction", payload)
    assert answer[0] == 3, answer
    return answer[2]

"""Reliability D-P14 to P19: a start is answered with a transaction, whatever it says."""

from __future__ import annotations

import pytest

from tests.catalogue.marks import by_row, row
from tests.ocpp.payloads import (
    ABSENT,
    LATER,
    START,
    TOKEN,
    Begun,
    Change,
    begin,
    begun,
    check_begun,
)
from tests.ocpp.yard import FAMILY_2, MISSING, TYPE, VERSIONS, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


def register(value: object, strict: str | None, kept_wh: int | None) -> Begun:
    return begun(
        f"P17 {value!r}",
        "1.6",
        Change("meterStart", value),
        strict=strict,
        meter_start_wh=kept_wh,
        evse=1,
    )


STARTS = [
    begun("P14 card", "1.6", id_token="ADA-1", authorization_status="Invalid"),
    *[
        begun("P14 card", v, Change("idToken", TOKEN), authorization_status="Unknown")
        for v in FAMILY_2
    ],
    begun("P15 0", "1.6", Change("connectorId", 0), is_kept=True, evse=None, flags="malformed"),
    begun("P15 -1", "1.6", Change("connectorId", -1), is_kept=True, evse=None, flags="malformed"),
    begun("P15 none", "1.6", Change("connectorId", ABSENT), strict=MISSING, flags="malformed"),
    register(-5, None, None),
    register(12.7, TYPE, 13),
    register("123", TYPE, 123),
    register("1.5 MWh", TYPE, None),
    register(True, TYPE, None),
    register(None, TYPE, None),
    register(2**31, None, 2**31),
    register(2**63, None, None),
    begun("P18 register", "1.6", Change("meterStart", ABSENT), strict=MISSING, meter_start_wh=None),
    begun("P18 time", "1.6", Change("timestamp", ABSENT), strict=MISSING, flags="clock_missing"),
    *[
        begun("P18 time", v, Change("timestamp", ABSENT), strict=MISSING, flags="clock_missing")
        for v in FAMILY_2
    ],
    *[begun("P19 unknown", v, Change("reservationId", 4711), evse=1) for v in VERSIONS],
]  # fmt: skip


@pytest.mark.parametrize("case", by_row(STARTS))
async def test_a_start_opens_a_session(yard: Yard, case: Begun) -> None:
    await check_begun(yard, case)


@row("D-P17")
async def test_a_register_of_1e20_is_kept_as_unknown(yard: Yard) -> None:
    said = START | {"meterStart": 1e20}
    async with yard.station("1.6") as cp:
        assert "transactionId" in (await cp.says("StartTransaction", said))[2]
        assert (await cp.session())["meter_start_wh"] is None
    async with yard.station("1.6", strict=True) as cp:
        # JSON knows one kind of number, so a schema may take this one for an integer.
        answer = await cp.says("StartTransaction", said)
        assert answer[0] == 3 or answer[2] == TYPE


@row("D-P14")
@pytest.mark.parametrize("version", FAMILY_2)
async def test_an_unknown_card_is_told_so_in_the_start(yard: Yard, version: str) -> None:
    case = begun("P14", version, Change("idToken", TOKEN))
    async with yard.station(version) as cp:
        answer = await cp.says("TransactionEvent", case.payload)

    assert answer[2]["idTokenInfo"]["status"] == "Unknown"


@row("D-P16")
@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_start_ends_the_session_that_runs_on_its_connector(
    yard: Yard, version: str, is_strict: bool
) -> None:
    async with yard.station(version, strict=is_strict) as cp:
        await begin(cp)
        other = {} if version == "1.6" else {"transactionInfo": {"transactionId": "tx-2"}}
        await begin(cp, timestamp=LATER, **other)
        old, new = await cp.sessions()
        assert await cp.kept() == []

    assert old["is_finalized"]
    assert old["is_end_inferred"]
    assert "implicit_end" in old["flags"]
    assert not new["is_finalized"]

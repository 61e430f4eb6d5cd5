"""Reliability D-P27 to P33: meter values are kept whatever they say, and never make energy up."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from db.model.readings import Sample, decode_samples
from tests.catalogue.marks import by_row, row
from tests.ocpp.payloads import AT, EVENT, begin, check_kept, metered
from tests.ocpp.yard import (
    FAMILY_2,
    MISSING,
    OCCURRENCE,
    PROPERTY,
    TYPE,
    VERSIONS,
    Cp,
    Yard,
    check_refused,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEN_PAST = "2026-05-01T09:10:00Z"


class Values(NamedTuple):
    name: str
    version: str
    elements: Any
    strict: str | None = None
    samples: list[Sample] | None = None  # None: it says no value, and is no reading


def one(name: str, version: str, said: dict[str, Any], strict: str | None, kept: Sample) -> Values:
    elements = [{"timestamp": TEN_PAST, "sampledValue": [said]}]
    return Values(f"{name} {version}", version, elements, strict, [kept])


def value_16(
    name: str, value: Any, strict: str | None, number: str | None, said: str | None
) -> Any:
    sample = Sample(value=None if number is None else Decimal(number), said=said)
    return one(f"P28 {name}", "1.6", {"value": value}, strict, sample)


def unit_16(name: str, said: dict[str, str], strict: str | None, kept: Sample) -> Values:
    return one(f"P29 {name}", "1.6", {"value": "21"} | said, strict, kept)


HEAT = Sample("Temperature", Decimal(21), "Celsius")

CASES = [
    *[
        case
        for v in VERSIONS
        for case in (
            Values(f"P27 no elements {v}", v, [], OCCURRENCE),
            Values(
                f"P27 no values {v}", v, [{"timestamp": TEN_PAST, "sampledValue": []}], OCCURRENCE
            ),
            Values(f"P27 none at all {v}", v, [{"timestamp": TEN_PAST}], MISSING),
        )
    ],
    value_16("letters", "abc", None, None, "abc"),
    value_16("nothing", "", None, None, ""),
    value_16("NaN", "NaN", None, None, "NaN"),
    value_16("infinite", "inf", None, None, "inf"),
    value_16("exponent", "1e5", None, "100000", "1e5"),
    value_16("comma", "1,5", None, "1.5", "1,5"),
    value_16("spaces", " 12 ", None, "12", " 12 "),
    value_16("hex", "0x10", None, None, "0x10"),
    value_16("a number", 12, TYPE, "12", None),
    unit_16("none", {}, None, Sample(value=Decimal(21))),
    unit_16("Wh", {"unit": "Wh"}, None, Sample(value=Decimal(21))),
    unit_16("kWh", {"unit": "kWh"}, None, Sample(value=Decimal(21_000), said="21 kWh")),
    unit_16("kwh", {"unit": "kwh"}, PROPERTY, Sample(value=Decimal(21_000), said="21 kWh")),
    *[
        unit_16(unit, {"unit": unit, "measurand": "Temperature"}, None, HEAT)
        for unit in ("Celcius", "Celsius")
    ],
]


def spoken(case: Values) -> dict[str, Any]:
    if case.version == "1.6":
        return {"connectorId": 1, "meterValue": case.elements}
    return {"evseId": 1, "meterValue": case.elements}


@pytest.mark.parametrize("case", by_row(CASES))
async def test_values_are_kept_as_said_and_as_numbers_where_they_are_some(
    yard: Yard, case: Values
) -> None:
    payload = spoken(case)
    async with yard.station(case.version) as cp:
        assert await cp.says("MeterValues", payload) == [3, "said1", {}]
        readings, kept = await cp.readings(), await cp.kept()
    assert [decode_samples(reading["samples"]) for reading in readings] == (
        [] if case.samples is None else [case.samples]
    )
    if case.strict is None:
        assert kept == []
    else:
        check_kept(kept, "MeterValues", payload)
    async with yard.station(case.version, strict=True) as cp:
        answer = await cp.says("MeterValues", payload)
        if case.strict is None:
            assert answer[0] == 3
        else:
            check_refused(answer, case.version, case.strict)
            assert (await cp.readings(), await cp.kept()) == ([], [])


NOT_ENERGY = [
    ("measurand", "Energy.Of.Love"),
    ("context", "Sometimes"),
    ("phase", "L4"),
    ("location", "Moon"),
]


@row("D-P30")
@pytest.mark.parametrize(("field", "word"), NOT_ENERGY, ids=[field for field, _ in NOT_ENERGY])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_word_that_nobody_knows_is_kept_and_makes_no_energy(
    yard: Yard, version: str, field: str, word: str
) -> None:
    async with yard.station(version) as cp:
        transaction = await begin(cp)
        first, payload = in_session(cp, transaction, 9_000, **{field: word})
        assert (await cp.says(first, payload))[0] == 3
        *_, reading = await cp.readings()
        assert getattr(decode_samples(reading["samples"])[0], field) == word
        check_kept(await cp.kept(), first, payload)
        if field in ("measurand", "phase"):  # the others say where and why, not what
            live = await cp.pool.fetchval(
                "select energy_wh from session_live where station_id = $1", cp.station_id
            )
            assert live == 0
    async with yard.station(version, strict=True) as cp:
        transaction = await begin(cp)
        check_refused(await cp.says(first, payload), version, PROPERTY)


def in_session(cp: Cp, transaction: str, wh: int, **sampled: Any) -> tuple[str, dict[str, Any]]:
    """A reading of a running session."""
    elements = metered(cp.version, TEN_PAST, wh, **sampled)
    if cp.version == "1.6":
        number = int(transaction)
        return "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": elements}
    more = {"eventType": "Updated", "triggerReason": "MeterValuePeriodic", "seqNo": 1}
    return "TransactionEvent", EVENT | more | {"timestamp": TEN_PAST, "meterValue": elements}


@row("D-P31")
@pytest.mark.parametrize("version", VERSIONS)
async def test_ten_thousand_values_in_one_message_are_kept(yard: Yard, version: str) -> None:
    values = [{"value": "1" if version == "1.6" else 1, "phase": "L1"}] * 10_000
    key = "connectorId" if version == "1.6" else "evseId"
    payload = {key: 1, "meterValue": [{"timestamp": AT, "sampledValue": values}]}
    async with yard.station(version) as cp:
        assert await cp.says("MeterValues", payload) == [3, "said1", {}]
        (reading,) = await cp.readings()

    assert len(decode_samples(reading["samples"])) == 10_000


OCMF = 'OCMF|{"FV":"1.0","GI":"ABL","RD":[' + "é\\u0000\\/" * 2_400 + "]}"


@row("D-P32")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_signed_value_of_20_kb_is_kept_to_the_byte(yard: Yard, version: str) -> None:
    assert len(OCMF.encode()) > 20_000
    said: dict[str, Any]
    if version == "1.6":
        said = {"value": OCMF, "format": "SignedData"}
    else:
        signed = {"signedMeterData": OCMF, "encodingMethod": "OCMF"}
        said = {"value": 1, "signedMeterValue": signed | {"signingMethod": "", "publicKey": ""}}
    key = "connectorId" if version == "1.6" else "evseId"
    payload = {key: 1, "meterValue": [{"timestamp": AT, "sampledValue": [said]}]}
    async with yard.station(version) as cp:
        assert await cp.says("MeterValues", payload) == [3, "said1", {}]
        (reading,) = await cp.readings()
        (sample,) = decode_samples(reading["samples"])
    async with yard.station(version, strict=True) as cp:
        strict = await cp.says("MeterValues", payload)

    assert sample.signed == (OCMF if version == "1.6" else said["signedMeterValue"])
    if version == "2.0.1":  # whose schema has room for 2,500
        check_refused(strict, version, PROPERTY)
    else:
        assert strict[0] == 3


@row("D-P33")
@pytest.mark.parametrize("is_strict", [False, True])
async def test_values_of_another_stations_transaction_are_kept_apart(
    yard: Yard, is_strict: bool
) -> None:
    async with yard.station("1.6") as victim:
        number = await begin(victim)
        async with yard.station("1.6", strict=is_strict) as cp:
            action, payload = in_session(cp, number, 90_000)
            assert await cp.says(action, payload) == [3, "said1", {}]
            check_kept(await cp.kept(), action, payload)
            (problem,) = [row["problem"] for row in await cp.kept()]
            (reading,) = await cp.readings()
            (event,) = await cp.events()
        assert await victim.readings() == []
        assert await victim.kept() == []
        assert await victim.events() == []

    assert (event["kind"], event["is_critical"]) == ("security", True)
    named = f"transaction {number}, which is another charger's"
    assert event["tech_info"] == f"MeterValues named {named}"
    assert problem == f"a reading of {named}"
    assert reading["session_id"] is None


@row("D-P33")
async def test_a_number_that_is_nobodys_is_no_others(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        action, payload = in_session(cp, "987654321", 1)
        assert await cp.says(action, payload) == [3, "said1", {}]
        assert await cp.kept() == []
        assert await cp.events() == []


@row("D-P28")
@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize(
    ("value", "number"),
    [("abc", None), ("1,5", "1.5"), (" 12 ", "12"), (None, None), ([], None), (True, None)],
)
async def test_a_value_that_should_be_a_number_is_read_or_left_alone(
    yard: Yard, version: str, value: Any, number: str | None
) -> None:
    payload = {"evseId": 1, "meterValue": metered(version, value=value)}
    async with yard.station(version) as cp:
        assert await cp.says("MeterValues", payload) == [3, "said1", {}]
        (reading,) = await cp.readings()
        (sample,) = decode_samples(reading["samples"])
        check_kept(await cp.kept(), "MeterValues", payload)
    async with yard.station(version, strict=True) as cp:
        check_refused(await cp.says("MeterValues", payload), version, TYPE)

    assert sample.value == (None if number is None else Decimal(number))
    assert json.loads(reading["samples"])

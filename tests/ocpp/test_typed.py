"""A usual CALL decoded in one step: right by its schema, and read as the general way reads it."""

from __future__ import annotations

import copy
import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms import say
from csms.config import Config
from csms.items import Item
from csms.ocpp import frames, typed, v2, v16
from csms.ocpp.frames import CallFrame
from csms.ocpp.handling import Call, Chosen, Frequent
from csms.say import Version
from db.config import DatabaseConfig
from db.model.stations import Station
from tests.fuzz import spoilt
from tests.ocpp.yard import VERSIONS

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
AT = "2026-11-20T07:59:00Z"
CONFIG = Config(DatabaseConfig.from_env({"DATABASE_URL": "postgresql:///unused"}))
ACTIONS = {"1.6": "MeterValues", "2.0.1": "TransactionEvent", "2.1": "TransactionEvent"}
HANDLERS = {"1.6": v16.HANDLERS, "2.0.1": v2.HANDLERS, "2.1": v2.HANDLERS}
GENERAL_WAY = {"costDetails", "customData", "idToken", "signedMeterValue"}


def usual(version: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    meter_value = [{"timestamp": AT, "sampledValue": values}]
    if version == "1.6":
        return {"connectorId": 1, "transactionId": 7, "meterValue": meter_value}
    return {
        "eventType": "Updated",
        "timestamp": AT,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "tx-1", "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 2},
        "meterValue": meter_value,
    }


def text_of(version: str, payload: Any, message_id: object = "m-1") -> str:
    return json.dumps([2, message_id, ACTIONS[version], payload])


def read(version: str, payload: dict[str, Any], *, is_quick: bool) -> Item:
    """What its handler makes of a CALL."""
    frame = frames.parse(version, text_of(version, payload), is_quick=is_quick)
    assert isinstance(frame, CallFrame)
    assert frame.fits is is_quick
    handler: Any = HANDLERS[version][frame.action]
    if isinstance(handler, Chosen):
        handler = handler.by(frame.payload)
    assert isinstance(handler, Frequent)
    station = Station(**{field.name: None for field in fields(Station)} | {"id": 1})  # type: ignore[arg-type]
    call = Call(
        station, cast("Version", version), frame.action, frame.payload, NOW, 0, CONFIG, b"", "m"
    )
    item, answer = handler.run(call)
    assert answer == {}
    return item


def lean(value: Any) -> Any:
    """Without what is always read the general way."""
    if isinstance(value, dict):
        return {key: lean(part) for key, part in value.items() if key not in GENERAL_WAY}
    return [lean(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("version", VERSIONS)
def test_it_fits_exactly_when_it_fits_the_schema(version: str) -> None:
    action = ACTIONS[version]
    fitted = refused = 0
    for frame in spoilt.all_of(version):
        if frame.action != action:
            continue
        payload = lean(frame.make())
        if isinstance(payload, dict) and payload.get("eventType") in ("Started", "Ended"):
            payload["eventType"] = "Updated"
        text = text_of(version, payload)
        general = frames.parse(version, text)
        is_right = (
            isinstance(general, CallFrame)
            and say.violation(version, action, general.payload) is None
        )
        assert (typed.decode(version, text) is not None) is is_right, frame.name
        fitted += is_right
        refused += not is_right
    assert fitted > 10
    assert refused > 50


@pytest.mark.parametrize("version", VERSIONS)
@given(st.data())
def test_it_says_the_same(version: str, data: st.DataObject) -> None:
    number = st.one_of(
        st.integers(-(10**13), 10**13),
        st.floats(-1e16, 1e16),
        st.decimals(0, 10**9, places=3).map(float),
    )
    words: dict[str, st.SearchStrategy[Any]] = {
        "measurand": st.sampled_from(
            [
                "Energy.Active.Import.Register",
                "Energy.Active.Import.Interval",
                "Power.Active.Import",
                "Voltage",
                "SoC",
            ]
        ),
        "phase": st.sampled_from(["L1", "L2-N", "N"]),
        "location": st.sampled_from(["Outlet", "EV", "Body"]),
        "context": st.sampled_from(["Transaction.End", "Sample.Clock", "Other"]),
    }
    needed: dict[str, st.SearchStrategy[Any]]
    if version == "1.6":
        needed = {"value": st.one_of(number.map(str), st.text(max_size=20))}
        words |= {
            "unit": st.sampled_from(["Wh", "kWh", "Percent", "Celcius"]),
            "format": st.sampled_from(["Raw", "SignedData"]),
        }
    else:
        needed = {"value": number}
        unit = {
            "unit": st.sampled_from(["Wh", "kWh", "Percent", "furlong"]),
            "multiplier": st.integers(-12, 12),
        }
        words["unitOfMeasure"] = st.fixed_dictionaries({}, optional=unit)
    samples = st.lists(st.fixed_dictionaries(needed, optional=words), min_size=1, max_size=4)
    payload = usual(version, data.draw(samples))
    for key in data.draw(st.sets(st.sampled_from(["transactionId", "evse"]))):
        payload.pop(key, None)

    assert read(version, payload, is_quick=True) == read(version, payload, is_quick=False)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("customData",), {"vendorId": "V"}),
        (("idToken",), {"idToken": "ADA-1", "type": "ISO14443"}),
        (("meterValue", 0, "sampledValue", 0, "signedMeterValue"), {}),
        (("meterValue", 0, "sampledValue", 0, "location"), None),
        (("eventType",), "Ended"),
    ],
)
def test_what_is_read_as_it_was_said_fits_no_type(
    version: str, path: tuple[str | int, ...], value: object
) -> None:
    payload = usual(version, [{"value": "5" if version == "1.6" else 5}])
    assert typed.decode(version, text_of(version, payload)) is not None
    part: Any = payload
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value

    assert typed.decode(version, text_of(version, payload)) is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("message_id", ["", "x" * 37, 7, None])
def test_an_odd_message_id_is_looked_at_the_general_way(version: str, message_id: object) -> None:
    payload = usual(version, [{"value": "5" if version == "1.6" else 5}])

    assert typed.decode(version, text_of(version, copy.deepcopy(payload), message_id)) is None

"""Right payloads of each version, to be spoilt, and how a catalogue's case spoils one."""

from __future__ import annotations

import copy
import json
from typing import Any, NamedTuple

from tests.ocpp.yard import Cp, Yard, check_refused

AT = "2026-05-01T09:00:00Z"
LATER = "2026-05-01T10:00:00Z"

BOOT: dict[str, dict[str, Any]] = {
    "1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
    "2.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
}
STATUS: dict[str, dict[str, Any]] = {
    "1.6": {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
    "2.0.1": {"timestamp": AT, "connectorStatus": "Available", "evseId": 1, "connectorId": 1},
    "2.1": {"timestamp": AT, "connectorStatus": "Available", "evseId": 1, "connectorId": 1},
}
START: dict[str, Any] = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 1000, "timestamp": AT}
STOP: dict[str, Any] = {"transactionId": 1, "meterStop": 3500, "timestamp": LATER}
EVENT: dict[str, Any] = {
    "eventType": "Started",
    "timestamp": AT,
    "triggerReason": "CablePluggedIn",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "tx-1"},
    "evse": {"id": 1, "connectorId": 1},
}
TOKEN: dict[str, str] = {"idToken": "ADA-1", "type": "ISO14443"}

ABSENT: Any = object()


class Change(NamedTuple):
    """Another value at a path such as "chargingStation.vendorName"; ABSENT takes it away."""

    path: str
    value: Any


def changed(payload: dict[str, Any], *changes: Change) -> dict[str, Any]:
    out = copy.deepcopy(payload)
    for path, value in changes:
        *way, last = path.split(".")
        part: Any = out
        for step in way:
            part = part[int(step)] if isinstance(part, list) else part[step]
        if value is ABSENT:
            del part[last]
        elif isinstance(part, list):
            part[int(last)] = value
        else:
            part[last] = value
    return out


def metered(version: str, at: str = AT, value: Any = 1500, **sampled: Any) -> list[dict[str, Any]]:
    """One moment with one value, as a version writes it."""
    if version == "1.6" and type(value) is int:
        value = str(value)
    return [{"timestamp": at, "sampledValue": [{"value": value, **sampled}]}]


async def begin(cp: Cp, **more: Any) -> str:
    """A running session of connector 1 from 1,000 Wh on: its transaction's id."""
    if cp.version == "1.6":
        answer = await cp.says("StartTransaction", START | more)
        return str(answer[2]["transactionId"])
    said = EVENT | {"meterValue": metered(cp.version, value=1000, context="Transaction.Begin")}
    assert (await cp.says("TransactionEvent", said | more))[0] == 3
    return str(said["transactionInfo"]["transactionId"])


class Told(NamedTuple):
    """A payload of one action, spoilt; `strict` is the code that a strict station hears, if any."""

    name: str
    version: str
    action: str
    payload: dict[str, Any]
    strict: str | None = None


async def check_both(yard: Yard, told: Told, lenient: str | None) -> None:
    """What is no transaction message: accepted, or refused with a code, by either kind."""
    for is_strict, code in ((False, lenient), (True, told.strict)):
        async with yard.station(told.version, strict=is_strict) as cp:
            answer = await cp.says(told.action, told.payload)
            if code is None:
                assert answer[0] == 3, (is_strict, answer)
            else:
                check_refused(answer, told.version, code)
            assert await cp.kept() == []


class Begun(NamedTuple):
    """
    A start, spoilt: what becomes of it.

    `strict` is the code that a strict station hears, if any; `is_kept` whether it is in quarantine;
    `columns` what the session's row has, of `flags` at least those.
    """

    name: str
    version: str
    payload: dict[str, Any]
    strict: str | None
    is_kept: bool
    columns: dict[str, Any]

    @property
    def action(self) -> str:
        return "StartTransaction" if self.version == "1.6" else "TransactionEvent"


def begun(
    name: str,
    version: str,
    *changes: Change,
    strict: str | None = None,
    is_kept: bool | None = None,
    **columns: Any,
) -> Begun:
    """It is in quarantine where a strict station hears a code, unless said otherwise."""
    payload = changed(START if version == "1.6" else EVENT, *changes)
    kept = strict is not None if is_kept is None else is_kept
    return Begun(f"{name} {version}", version, payload, strict, kept, columns)


async def check_begun(yard: Yard, case: Begun) -> dict[str, Any]:
    """
    The TX rule: one session and an answer, of a lenient station; of a strict one the code.

    Returns the session of the lenient one.
    """
    begun_by_lenient: dict[str, Any] = {}
    for is_strict in (False, True):
        async with yard.station(case.version, strict=is_strict) as cp:
            answer = await cp.says(case.action, case.payload)
            kept, sessions = await cp.kept(), await cp.sessions()
        if is_strict and case.strict is not None:
            check_refused(answer, case.version, case.strict)
            assert (kept, sessions) == ([], [])
            continue
        (session,) = sessions
        assert answer[0] == 3, answer
        if case.version == "1.6":
            assert answer[2]["transactionId"] == session["id"]
            assert answer[2]["idTagInfo"]["status"] == session["authorization_status"]
        assert bool(kept) == case.is_kept, kept
        if kept:
            check_kept(kept, case.action, case.payload)
        check_columns(session, case.columns)
        begun_by_lenient = begun_by_lenient or session
    return begun_by_lenient


def check_kept(kept: list[dict[str, Any]], action: str, payload: dict[str, Any]) -> None:
    """One row, with the message as it came and a reason."""
    (row,) = kept
    assert row["action"] == action
    assert json.loads(row["body"])[2:] == [action, payload]
    assert row["problem"]


def check_columns(row: dict[str, Any], wanted: dict[str, Any]) -> None:
    for column, value in wanted.items():
        if column == "flags":
            assert set(value.split()) <= set(row["flags"]), (value, row["flags"])
        else:
            assert row[column] == value, (column, row[column])

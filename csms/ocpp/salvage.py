"""
Read what a charger meant, by the schema of what it should have said.

`fit` drops what nobody asked for: nulls, unknown keys, empty optional lists. With `rough`, for
transaction messages, it also turns "1" into 1, 12 into "12" and one object into a list of one:
whatever cannot be read is left as it is, and so is a fraction of what should be whole, which may be
kWh; the handlers read it with `integer` and `text`.
`is_harmless` says what may stay wrong.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from csms import say

_NOTHING = object()
_INT64 = 2**63
_UID_CHARACTERS = 255
# Control characters, spaces, a mark of byte order; and what stands for a NUL or for bytes unread.
_AROUND_A_UID = "".join(map(chr, [*range(0x21), *range(0x7F, 0xA1)])) + "\ufeff\ufffd"
_STATUSES = frozenset(
    {
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "PublishFirmwareStatusNotification",
        "SignedFirmwareStatusNotification",
    }
)
_MAY_BE_LONG = _STATUSES | {
    "Authorize",
    "BootNotification",
    "BatterySwap",
    "ClearedChargingLimit",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyDisplayMessages",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyPriorityCharging",
    "NotifyReport",
    "NotifySettlement",
    "ReportChargingProfiles",
    "ReportDERControl",
    "SecurityEventNotification",
    "SignCertificate",
}


def fit(version: str, action: str, payload: dict[str, Any], *, rough: bool) -> dict[str, Any]:
    schema = say.schema(version, action)
    return _object(schema, schema, payload, rough)


def is_harmless(action: str, wrong: say.Violation) -> bool:
    """
    Too long a text, where a CALLERROR would do more harm than the text does.

    A charger whose model name is too long would be kept out for ever (reliability D-P02); a card
    that is too long is a card that nobody registered (D-P09), and so is a certificate request one
    that nobody signs (D-P50). What only reports is kept as it was said: a status that we do not
    know (D-P48), an explanation that is too long (D-P49).
    """
    if wrong.keyword == "enum":
        return action in _STATUSES
    return action in _MAY_BE_LONG and wrong.keyword == "maxLength"


def _resolve(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    ref = schema.get("$ref")
    if ref is None:
        return schema
    resolved: dict[str, Any] = root["definitions"][ref.removeprefix("#/definitions/")]
    return resolved


def _object(
    root: dict[str, Any], schema: dict[str, Any], value: dict[str, Any], rough: bool
) -> dict[str, Any]:
    properties = schema.get("properties", {})
    if not properties and schema.get("additionalProperties") is not False:
        return value
    required = schema.get("required", ())
    out: dict[str, Any] = {}
    # customData may hold whatever its vendor likes.
    is_open = schema.get("additionalProperties") is not False
    for key, item in value.items():
        part = properties.get(key)
        if part is None:
            if is_open:
                out[key] = item
            continue
        is_required = key in required
        if not is_required and (item is None or item == [] or (item == {} and rough)):
            continue
        fitted = _value(root, _resolve(root, part), item, rough)
        if fitted is _NOTHING:
            if not is_required:
                continue
            fitted = item
        out[key] = fitted
    return out


def _value(root: dict[str, Any], schema: dict[str, Any], value: Any, rough: bool) -> Any:
    kind = schema.get("type")
    if isinstance(value, dict) and kind == "object":
        return _object(root, schema, value, rough)
    if kind == "array":
        if rough and isinstance(value, dict):
            value = [value]
        if isinstance(value, list):
            items = _resolve(root, schema.get("items", {}))
            return [
                item if (new := _value(root, items, item, rough)) is _NOTHING else new
                for item in value
            ]
        return value
    return _scalar(schema, kind, value) if rough else value


def _scalar(schema: dict[str, Any], kind: Any, value: Any) -> Any:
    if kind == "integer":
        number = integer(value)
        if number is None:
            return _NOTHING
        return number if type(value) is int or number == _decimal(value) else value
    if kind == "number":
        return value if type(value) in (int, float) else (_number(value) or _NOTHING)
    if kind == "string":
        if type(value) in (int, float):
            return str(value)
        words = schema.get("enum")
        if words is None or not isinstance(value, str) or value in words:
            return value
        same = {word.lower(): word for word in words}
        return same.get(value.strip().lower(), value)
    return value


def _number(value: object) -> float | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        number = float(Decimal(value.strip().replace(",", ".")))
    except (InvalidOperation, OverflowError):
        return None
    return number if abs(number) < 1e15 else None


def integer(value: object, *, times: int = 1) -> int | None:
    """
    A whole number, however it was written, and so many `times` of it; None when it is none.

    A fraction is rounded. More than 64 bits hold is no number.
    """
    if type(value) is int and times == 1:  # the usual
        return value if -_INT64 <= value < _INT64 else None
    most = _INT64 // times
    if type(value) is int:
        return value * times if -most <= value < most else None
    number = _decimal(value)
    if number is None or abs(number) >= most:
        return None
    return int((number * times).to_integral_value())


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        number = Decimal(value.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def uid(value: object) -> str | None:
    """The number of a card, without what a reader put around it; None when there is none."""
    found = text(value, _UID_CHARACTERS)
    return None if found is None else found.strip(_AROUND_A_UID) or None


def text(value: object, limit: int) -> str | None:
    """A text that PostgreSQL takes, cut to a limit; None when there is none."""
    if type(value) in (int, float):
        value = str(value)
    if not isinstance(value, str):
        return None
    return value[:limit].replace("\x00", "\ufffd") or None

"""
What each version of OCPP can say: the official schemas, compiled.

The schemas are those that the `ocpp` package ships. A verdict costs microseconds; which code a
violation gets is reliability D0: by schema keyword, and in 1.6 with 1.6's spelling.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from jsonschema_rs import Draft4Validator, ValidationError

from csms.rules import clocks

Version = Literal["1.6", "2.0.1", "2.1"]
Payload = dict[str, Any]

SUBPROTOCOLS: dict[str, Version] = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}
_FOLDERS: dict[str, str] = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}

#: Messages that carry somebody's energy: never answered with a CALLERROR for what they say.
TRANSACTION_ACTIONS = frozenset(
    {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"}
)

_CODES = {
    "required": "OccurrenceConstraintViolation",
    "minItems": "OccurrenceConstraintViolation",
    "maxItems": "OccurrenceConstraintViolation",
    "type": "TypeConstraintViolation",
    "additionalProperties": "FormatViolation",
}


class Violation(NamedTuple):
    code: str  # in the words of 2.0.1
    sentence: str
    keyword: str  # of the schema


@cache
def _schema_folder(version: str) -> Path:
    # Found, not imported: importing a version of the package costs a tenth of a second.
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / _FOLDERS[version] / "schemas"


def _file_name(version: str, action: str, is_answer: bool) -> str:
    if is_answer:
        return f"{action}Response.json"
    # The one SEND of 2.1 has no response, and so no "Request" in its name.
    if version == "1.6" or action == "NotifyPeriodicEventStream":
        return f"{action}.json"
    return f"{action}Request.json"


@cache
def actions(version: str) -> frozenset[str]:
    """Every action of a version, whoever sends it."""
    names = {path.stem for path in _schema_folder(version).glob("*.json")}
    return frozenset(
        name.removesuffix("Request") for name in names if not name.endswith("Response")
    )


@cache
def schema(version: str, action: str, is_answer: bool = False) -> dict[str, Any]:
    path = _schema_folder(version) / _file_name(version, action, is_answer)
    loaded: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return loaded


@cache
def _validator(version: str, action: str, is_answer: bool, is_strict: bool) -> Draft4Validator:
    # Times are read leniently by rules.clocks; a strict station hears of those that name none.
    formats = {"date-time": lambda text: clocks.parse(text) is not None}
    return Draft4Validator(
        schema(version, action, is_answer), validate_formats=is_strict, formats=formats
    )


def violation(
    version: str,
    action: str,
    payload: object,
    *,
    is_answer: bool = False,
    is_strict: bool = False,
) -> Violation | None:
    """The first thing wrong with a payload of a known action; None when it is right."""
    try:
        _validator(version, action, is_answer, is_strict).validate(payload)
    except ValidationError as found:
        error = found  # the first one: naming each of a hundred thousand would hold up everybody
    else:
        return None
    keyword = error.kind.name
    code = _CODES.get(keyword, "PropertyConstraintViolation")
    if version == "1.6" and keyword == "required":
        code = "ProtocolError"  # 1.6: "payload for action is incomplete"
    where = ".".join(str(part) for part in error.instance_path) or "payload"
    return Violation(code, f"{where}: {error.message}"[:250], keyword)


def problem(version: str, action: str, payload_json: bytes) -> str | None:
    """Why a version cannot say this to a station, as a sentence; None when it can."""
    if action not in actions(version):
        return f"OCPP {version} has no action {action[:100]}"
    try:
        payload = msgspec.json.decode(payload_json)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        return f"the payload is not JSON: {error}"
    found = violation(version, action, payload)
    return None if found is None else found.sentence

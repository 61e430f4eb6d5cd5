"""
The CALLs that nearly all are, measurements of a session, decoded and checked in one step.

Their types are made of the schemas, so that whatever fits them fits the schema too. What is a
little different (an unknown key, a null, another word, customData) fits no type, and is read the
general way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeGuard

import msgspec

from csms import say

#: The action of each, as it is said; far enough from the beginning for any message id.
_MARKS = {"1.6": '"MeterValues"', "2.0.1": '"TransactionEvent"', "2.1": '"TransactionEvent"'}
_MARK_UNTIL = 80
#: An event that starts or ends something is rare, and so is what else is read, or kept, as said.
_UPDATE: dict[str, Any] = {"eventType": Literal["Updated"]}
_LEFT_OUT = frozenset({"costDetails", "customData", "idToken", "signedMeterValue"})
_SCALARS: dict[str, Any] = {"string": str, "integer": int, "number": int | float, "boolean": bool}
_BOUNDS = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minimum": "ge",
    "maximum": "le",
}
# What says nothing of a value; times are read leniently (csms/rules/clocks.py).
_NO_BOUND = frozenset(
    {
        *("$schema", "$id", "$ref", "comment", "default", "definitions", "description", "format"),
        *("javaType", "title", "type", "items", "additionalItems", "additionalProperties"),
        *("enum", "properties", "required"),
    }
)

_Frame = tuple[int, str, str, "Said"]


class Said(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """An object of a message; what was not said is None. What is required comes first."""

    def get(self, key: str) -> Any:
        return getattr(self, key, None)


def is_said(said: object) -> TypeGuard[Said]:
    # Made by `_object`; isinstance takes ten times as long where a type has a metaclass.
    return type(said).__base__ is Said


def is_object(said: object) -> TypeGuard[dict[str, Any] | Said]:
    return isinstance(said, dict) or is_said(said)


def decode(version: str, text: str) -> _Frame | None:
    """[2, message id, action, payload] that fits the schema; None: to be read the general way."""
    if text.find(_MARKS[version], 0, _MARK_UNTIL) < 0:
        return None
    try:
        return _decoder(version).decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


@cache
def _decoder(version: str) -> msgspec.json.Decoder[_Frame]:
    action = _MARKS[version].strip('"')
    payload = type_of(version, action, _UPDATE if action == "TransactionEvent" else {})
    message_id = Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
    # mypy does not follow types that are made as the program runs.
    frame: Any = tuple[Literal[2], message_id, Literal[action], payload]  # type: ignore[valid-type]
    return msgspec.json.Decoder(frame)


def type_of(version: str, action: str, fixed: Mapping[str, Any]) -> type[Said]:
    """The type of an action's payload; `fixed` has other types for some of its fields."""
    schema = say.schema(version, action)
    return _object(schema, schema, action, fixed)


def _object(
    root: dict[str, Any], schema: dict[str, Any], name: str, fixed: Mapping[str, Any]
) -> type[Said]:
    required = schema.get("required", ())
    fields: list[Any] = []
    for key, part in schema["properties"].items():
        if key in _LEFT_OUT:
            assert key not in required
            continue
        kind = fixed.get(key) or _value(root, part, key)
        # A default is not checked: null is no value of an optional field.
        fields.append((key, kind) if key in required else (key, kind, None))
    # What is required comes first: a field without a default follows none that has one.
    fields.sort(key=len)
    made: Any = msgspec.defstruct(name, fields, bases=(Said,))
    return made  # type: ignore[no-any-return]


def _value(root: dict[str, Any], schema: dict[str, Any], name: str) -> Any:
    if (ref := schema.get("$ref")) is not None:
        schema = root["definitions"][ref.removeprefix("#/definitions/")]
    unknown = schema.keys() - _BOUNDS.keys() - _NO_BOUND
    assert not unknown, f"{name}: {unknown}"
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if schema["type"] == "object":
        return _object(root, schema, name, {})
    if schema["type"] == "array":
        kind: Any = list[_value(root, schema["items"], name)]  # type: ignore[misc]
    else:
        kind = _SCALARS[schema["type"]]
    # 2.1 bounds whole numbers by 0.0.
    bounds: Any = {_BOUNDS[key]: int(said) for key, said in schema.items() if key in _BOUNDS}
    return Annotated[kind, msgspec.Meta(**bounds)] if bounds else kind

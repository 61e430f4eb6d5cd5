"""From a schema: a right payload with every field in it, and each of its fields with its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from csms import say

Path = tuple[str | int, ...]

_DEEPEST = 10  # steps of a path
_AT = "2026-05-01T09:00:00Z"


class Field(NamedTuple):
    path: Path
    schema: dict[str, Any]  # without references
    is_required: bool


def whole(version: str, action: str) -> dict[str, Any]:
    """Every field, also those that need not be there; the lists have one item, or the least."""
    schema = say.schema(version, action)
    made = _value(schema, schema, 0)
    assert isinstance(made, dict)
    assert say.violation(version, action, made, is_strict=True) is None, (version, action)
    return made


def fields(version: str, action: str) -> Iterator[Field]:
    """Depth first, in the order of the schema."""
    schema = say.schema(version, action)
    yield from _fields(schema, schema, ())


def objects(version: str, action: str) -> Iterator[tuple[Path, list[str]]]:
    """Every object of a payload, with its required fields."""
    yield (), list(say.schema(version, action).get("required", ()))
    for field in fields(version, action):
        if field.schema.get("type") == "object":
            yield field.path, list(field.schema.get("required", ()))


def _resolved(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    ref = schema.get("$ref")
    if ref is None:
        return schema
    found: dict[str, Any] = root["definitions"][ref.removeprefix("#/definitions/")]
    return found


def _fields(root: dict[str, Any], schema: dict[str, Any], path: Path) -> Iterator[Field]:
    if len(path) >= _DEEPEST:
        return
    for name, part in schema.get("properties", {}).items():
        resolved = _resolved(root, part)
        here = (*path, name)
        yield Field(here, resolved, name in schema.get("required", ()))
        if resolved.get("type") == "array":
            items = _resolved(root, resolved["items"])
            yield Field((*here, 0), items, True)
            yield from _fields(root, items, (*here, 0))
        else:
            yield from _fields(root, resolved, here)


def _value(root: dict[str, Any], schema: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "string":
        return _AT if schema.get("format") == "date-time" else "A"[: schema.get("maxLength", 1)]
    if kind in ("integer", "number"):
        return min(max(1, schema.get("minimum", 1)), schema.get("maximum", 1))
    if kind == "boolean":
        return True
    if kind == "array":
        item = _value(root, _resolved(root, schema["items"]), depth + 1)
        return [item] * max(1, schema.get("minItems", 1))
    if kind == "object" or "properties" in schema:
        return {
            name: _value(root, _resolved(root, part), depth + 1)
            for name, part in schema.get("properties", {}).items()
            if depth < _DEEPEST or name in schema.get("required", ())
        }
    return "A"  # of any kind

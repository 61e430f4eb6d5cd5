"""
Every field of every action that a station may send, spoilt in every way of D-P56 to P59.

The frames come in a stable order. Each knows the code that its payload deserves by the table of
reliability D0; where JSON or the standard leave it open, several.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from csms import say
from csms.errors import OcppError
from csms.ocpp import gate
from tests.fuzz import wholes
from tests.fuzz.wholes import Field, Path
from tests.ocpp.yard import MISSING, OCCURRENCE, PROPERTY, TYPE

UNREADABLE = "Unreadable"  # the frame is no JSON: its id is not heard
TIME = "Time"  # that names no moment, which only a strict station is told
ANY = "Any"  # it may be right

MARKUP = "\"'><xq zz=1>"
TEXTS = {
    "empty": "",
    "64 kB": "x" * 65_536,
    "NUL": "a\x00b",
    "lone surrogate": "\ud800",
    "emoji": "😀",
    "right to left": "\u202egpj",
    "markup": MARKUP,
    "SQL": "'; drop table x;--",
    "CSV": "=cmd|' /C calc'!A0",
    "ANSI": "\x1b[2J\x1b[31m",
    "template": "{{7*7}}${7*7}",
    "jndi": "${jndi:ldap://x/a}",
}
NUMBERS = [-1, 0, 2**31 - 1, 2**31, 2**53 + 1, 2**63, 1e20, 1.0, 1.5, "1", True]
_ANYTHING_ELSE: dict[str, Any] = {
    "string": 5,
    "integer": "x",
    "number": "x",
    "boolean": "true",
    "array": {},
    "object": [1],
}


class Spoilt(NamedTuple):
    row: str  # of the catalogue
    name: str
    version: str
    action: str
    make: Callable[[], Any]  # the payload, which is large where there are many
    codes: frozenset[str]  # of which a strict station hears one; empty: it is right

    @property
    def is_wrong(self) -> bool:
        """Readable, and by the schema wrong beyond doubt."""
        return bool(self.codes) and not self.codes & {ANY, UNREADABLE}

    @property
    def text(self) -> str:
        return json.dumps(self.make())


def actions(version: str) -> list[str]:
    """Those that have a handler."""
    return [action for action in sorted(say.actions(version)) if _is_heard(version, action)]


def _is_heard(version: str, action: str) -> bool:
    try:
        gate.handler_of(version, action)
    except OcppError:
        return False
    return True


def all_of(version: str) -> Iterator[Spoilt]:
    for action in actions(version):
        whole = wholes.whole(version, action)
        for field in wholes.fields(version, action):
            for row, how, value, codes in _values(field):
                where = ".".join(map(str, field.path))
                yield Spoilt(
                    row,
                    f"{action} {where} {how}",
                    version,
                    action,
                    partial(_with, whole, field.path, value),
                    frozenset(codes),
                )
        for path, required in wholes.objects(version, action):
            gone = [*itertools.combinations(required, 1), *itertools.combinations(required, 2)]
            for names in gone:
                where = ".".join(map(str, (*path, "+".join(names))))
                yield Spoilt(
                    "D-P59",
                    f"{action} without {where}",
                    version,
                    action,
                    partial(_without, whole, path, names),
                    frozenset({MISSING}),
                )


def _values(field: Field) -> Iterator[tuple[str, str, Any, set[str]]]:
    """Row, how, value, codes."""
    schema = field.schema
    kind = schema.get("type")
    if kind is None and "properties" not in schema and "enum" not in schema:
        return  # it may be anything
    row = "D-P58" if "enum" in schema else "D-P57" if kind in ("integer", "number") else "D-P56"
    wrong = {TYPE, PROPERTY} if "enum" in schema else {TYPE}
    yield row, "null", None, wrong
    yield row, "of another kind", _ANYTHING_ELSE[kind or "object"], wrong
    if "enum" in schema:
        word = schema["enum"][0]
        for how, value in (("other case", word.swapcase()), ("empty", ""), ("unknown", "Nonsense")):
            # A word of digits alone has no other case.
            yield row, how, value, set() if value in schema["enum"] else {PROPERTY}
    elif kind == "string":
        yield from _texts(schema)
    elif kind in ("integer", "number"):
        for value in NUMBERS:
            yield row, repr(value), value, _number_codes(schema, value)
    elif kind == "array" and schema.get("minItems"):
        yield row, "no items", [], {OCCURRENCE}


def _texts(schema: dict[str, Any]) -> Iterator[tuple[str, str, Any, set[str]]]:
    longest = schema.get("maxLength")
    texts = dict(TEXTS)
    if longest is not None:
        texts["one too long"] = "x" * (longest + 1)
    for how, value in texts.items():
        if how == "lone surrogate":
            codes = {UNREADABLE}
        elif schema.get("format") == "date-time":
            codes = {TIME}
        elif longest is not None and len(value) > longest:
            codes = {PROPERTY}
        else:
            codes = set()
        yield "D-P56", how, value, codes


def _number_codes(schema: dict[str, Any], value: Any) -> set[str]:
    if isinstance(value, str | bool):
        return {TYPE}
    is_out = not schema.get("minimum", value) <= value <= schema.get("maximum", value)
    if schema["type"] == "integer" and isinstance(value, float):
        # 1.0 and 1e20 are integers to some readers of JSON.
        return {TYPE} if value == 1.5 and not is_out else {TYPE, PROPERTY, ANY}
    return {PROPERTY} if is_out else set()


def _with(whole: dict[str, Any], path: Path, value: Any) -> Any:
    out = copy.deepcopy(whole)
    part: Any = out
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return out


def _without(whole: dict[str, Any], path: Path, names: tuple[str, ...]) -> Any:
    out = copy.deepcopy(whole)
    part: Any = out
    for step in path:
        part = part[step]
    for name in names:
        part.pop(name, None)
    return out

"""From a request's bytes to a typed object, with every refusal in words."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import msgspec
from aiohttp import web

from portal.errors import FieldError, Problem, invalid, refused

T = TypeVar("T")

_MAX_DEPTH = 64
_MAX_ERRORS = 20
_READ_S = 30.0
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_WHERE = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request that needs none."""


async def read(request: web.Request, kind: type[T], *, is_optional: bool = False) -> T:
    if is_optional and not request.can_read_body:
        return parse(b"{}", kind)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "A compressed body is not understood here.")
    charset = (request.charset or "utf-8").lower().replace("-", "")
    if request.content_type != "application/json" or charset != "utf8":
        raise Problem(
            415,
            "The body must be JSON: send Content-Type: application/json.",
            headers={"Accept": "application/json"},
        )
    if (request.content_length or 0) > request.client_max_size:
        # Before any of it is read.
        raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    try:
        async with asyncio.timeout(_READ_S):
            body = await request.read()
    except TimeoutError:
        raise Problem(408, f"The body did not come within {_READ_S:g} s.") from None
    except web.RequestPayloadError:
        raise Problem(400, "The body is not what its headers say.") from None
    return parse(body, kind)


def parse(body: bytes, kind: type[T]) -> T:
    _refuse_unreadable(body)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _of_msgspec(str(error)) from None
    except msgspec.DecodeError as error:
        raise Problem(400, f"The body is not JSON: {error}.") from None


def is_text(value: str) -> bool:
    """Whether PostgreSQL can keep it: no NUL, no half of a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def is_printable(value: str) -> bool:
    return value.isprintable() and value == value.strip()


def _refuse_unreadable(body: bytes) -> None:
    """
    What our typed decoder passes over: depth, duplicate keys, and letters that nobody can keep.

    A command's payload goes to a charger byte for byte, so two readings of it are one too many.
    """
    if _depth(body) > _MAX_DEPTH:
        raise Problem(400, f"The body nests deeper than {_MAX_DEPTH} levels.")
    try:
        tree = json.loads(
            body.decode(), object_pairs_hook=_once_each, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON: {_short(str(error))}.") from None
    errors = [
        FieldError(path or "$", "has a character that is none (NUL, or half of a pair)")
        for path, text in _texts(tree)
        if not is_text(text)
    ]
    if errors:
        raise refused(errors[:_MAX_ERRORS])


def _depth(body: bytes) -> int:
    if body.count(b"[") + body.count(b"{") <= _MAX_DEPTH:
        return 0  # nearly always: no need to look where they are
    depth = deepest = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, member in pairs:
        if name in members:
            raise ValueError(f"the name {name[:100]!r} stands twice in one object")
        members[name] = member
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _texts(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string with its path, names too; the depth is bounded already."""
    match tree:
        case str():
            yield path, tree
        case dict():
            for name, member in tree.items():
                if not is_text(name):
                    yield path, name
                else:
                    yield from _texts(member, f"{path}.{name}" if path else name)
        case list():
            for place, member in enumerate(tree):
                yield from _texts(member, f"{path}[{place}]")


def _of_msgspec(message: str) -> Problem:
    where = _WHERE.fullmatch(message)
    words, path = (where[1], where[2]) if where else (message, "")
    if named := _NAMED.fullmatch(words):
        path = f"{path}.{named[2]}" if path else named[2]
        words = "is required" if named[1].startswith("missing") else "is no field that we know"
    return invalid(_short(path) or "$", _short(words.replace("`", "")))


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"

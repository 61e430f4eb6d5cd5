"""What a client says in an address: names, numbers, limits and cursors."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar, cast

import msgspec
from aiohttp import web

from db.errors import NotFound
from portal.api.bodies import is_text
from portal.errors import invalid

T = TypeVar("T")
MAX_ID = 2**63 - 1
MAX_LIST = 200


def identity(request: web.Request) -> str:
    """A name that nobody can have is as unknown as any other."""
    name = request.match_info["identity"]
    if not is_text(name):
        raise NotFound("no such station")
    return name


def number(request: web.Request, name: str, *, noun: str) -> int:
    """A row's number; whatever is none is answered as a number that does not exist."""
    text = request.match_info[name]
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > MAX_ID:
        raise NotFound(f"no such {noun}")
    return int(text)


def text(request: web.Request, name: str) -> str | None:
    """A filter; an empty one is none."""
    value = request.query.get(name)
    if value and not is_text(value):
        raise invalid(name, "has a character that is none (NUL, or half of a pair)")
    return value or None


def flag(request: web.Request, name: str) -> bool:
    """A switch: on with 1, true, yes or on, off with anything else."""
    return request.query.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def limit(request: web.Request, *, default: int = 50, most: int = MAX_LIST) -> int:
    """Clamped, never refused; what is no number is the default."""
    value = request.query.get("limit", "").strip()
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        return default
    if len(value) > 10:
        return 1 if value.startswith("-") else most
    return max(1, min(int(value), most))


def wait_s(request: web.Request, *, most: float = 30) -> float:
    """How long the client wants to wait for a command to settle."""
    value = request.query.get("wait")
    if not value:
        return 0
    try:
        seconds = float(value) if value.isascii() else math.nan
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise invalid("wait", f"must be a number of seconds from 0 to {most:g}")
    return max(0.0, min(seconds, most))


def cursor(request: web.Request, kind: type[T]) -> T | None:
    """The place after which a list goes on, as `next_cursor` said it."""
    value = request.query.get("cursor")
    if not value:
        return None
    try:
        padded = value + "=" * (-len(value) % 4)
        packed = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        place = msgspec.json.decode(packed, type=kind)
        if not all(map(_can_be_asked, cast("Sequence[object]", place))):
            raise ValueError
    except (ValueError, OverflowError, msgspec.MsgspecError, RecursionError):
        raise invalid("cursor", "is not one that a list of ours gave") from None
    return place


def cursor_at(*place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def _can_be_asked(value: object) -> bool:
    match value:
        case str():
            return is_text(value)
        case datetime():
            value.astimezone(UTC)  # OverflowError at the ends of time
            return True
        case _:
            return True


def cut(rows: Sequence[T], size: int) -> tuple[Sequence[T], bool]:
    """A page of rows that were asked for with one more, and whether there are others."""
    return rows[:size], len(rows) > size

"""Answers of the API, and the words that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec
from aiohttp import web

T = TypeVar("T")

#: RFC 3339 in UTC with a Z, with milliseconds where there are any.
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]

_encoder = msgspec.json.Encoder(decimal_format="number")


class Page(msgspec.Struct, Generic[T]):
    items: Sequence[T]
    next_cursor: str | None


def reply(
    what: msgspec.Struct, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=_encoder.encode(what), status=status, content_type="application/json", headers=headers
    )


def time(at: datetime) -> Time:
    at = at.astimezone(UTC)
    has_fraction = at.microsecond >= 1000
    text = at.isoformat(timespec="milliseconds" if has_fraction else "seconds")
    return text.replace("+00:00", "Z")


def maybe_time(at: datetime | None) -> Time | None:
    return None if at is None else time(at)


def number(value: Decimal | None) -> Decimal | None:
    """A number that JSON can say, in plain digits."""
    if value is None or not value.is_finite():
        return None
    return Decimal(format(value.normalize(), "f"))

"""
PostgreSQL arrays as text.

Where many thousand rows a second are written, the driver's encoding of each element costs more than
the database's reading of it. One text an array, cast in SQL (`$1::text::bigint[]`), costs a tenth.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def numbers(values: Iterable[int | Decimal | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def blobs(values: Iterable[bytes | None]) -> str:
    return (
        "{"
        + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values])
        + "}"
    )


def times(values: Iterable[datetime | None]) -> str:
    """
    Microseconds since 1970; `timestamptz 'epoch' + us * interval '1 microsecond'` brings them back.
    """
    out = []
    for value in values:
        if value is None:
            out.append("NULL")
        else:
            since = value - _EPOCH
            out.append(str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds))
    return "{" + ",".join(out) + "}"


def time_of(column: str) -> str:
    """The SQL that makes a time of microseconds again."""
    return f"timestamptz 'epoch' + {column} * interval '1 microsecond'"

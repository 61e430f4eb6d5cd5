"""
PostgreSQL arrays as text.

Where many thousand rows a second are written, the driver's encoding of each element costs more than
the database's reading of it. One text an array, cast in SQL (`$1::text::bigint[]`), costs a tenth,
and the fewer steps a value takes in Python, the less.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal


def integers(values: Sequence[int | None]) -> str:
    # As a list prints itself, which needs no step a value.
    return (
        "{"
        + str(values if type(values) is list else list(values))[1:-1].replace("None", "NULL")
        + "}"
    )


def decimals(values: Sequence[Decimal | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def texts(values: Sequence[str | None]) -> str:
    try:
        joined = '","'.join(values)  # type: ignore[arg-type]
    except TypeError:  # one is None
        return "{" + ",".join([_quoted(value) for value in values]) + "}"
    # Usually nothing is in them that would have to be escaped.
    if values and "\\" not in joined and joined.count('"') == 2 * len(values) - 2:
        return '{"' + joined + '"}'
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def times(values: Sequence[datetime | None]) -> str:
    """
    Microseconds since 1970, exact until 2255; `time_of` brings them back.

    Times are aware. A float of seconds has room for them: rounding finds the microsecond again.
    """
    return integers([None if value is None else round(value.timestamp() * 1e6) for value in values])


def time_of(column: str) -> str:
    """The SQL that makes a time of microseconds again."""
    return f"timestamptz 'epoch' + {column} * interval '1 microsecond'"

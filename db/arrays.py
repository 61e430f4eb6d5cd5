"""
Many rows as one array a column, and each array as one text.

Where many thousand rows a second are written, the driver's encoding of each element costs more than
the database's reading of it. One text an array, cast in SQL (`$1::text::bigint[]`), costs a tenth,
and the fewer steps a value takes in Python, the less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple


def integers(values: Sequence[int | None]) -> str:
    """Also truth values. As a list prints itself, which needs no step a value."""
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
    Microseconds since 1970, exact until 2255.

    Times are aware. A float of seconds has room for them: rounding finds the microsecond again.
    """
    return integers([None if value is None else round(value.timestamp() * 1e6) for value in values])


class _Kind(NamedTuple):
    parameter: str  # its type in SQL
    encode: Callable[[Any], object]
    column: str = "{name}"  # from what the parameter holds to the value


_KINDS = {
    "bigint": _Kind("text::bigint[]", integers),
    "int": _Kind("text::int[]", integers),
    "boolean": _Kind("text::boolean[]", integers),
    "numeric": _Kind("text::numeric[]", decimals),
    "text": _Kind("text::text[]", texts),
    "bytea": _Kind("bytea[]", list),
    "words": _Kind("text::text[]", texts, "string_to_array({name}, ' ')"),
    "time": _Kind(
        "text::bigint[]", times, "timestamptz 'epoch' + {name} * interval '1 microsecond'"
    ),
}


class Table:
    """Columns by name, each `bigint, int, boolean, numeric, text, words, bytea` or `time`."""

    def __init__(self, **kinds: str) -> None:
        self.kinds = kinds
        self.names = ", ".join(kinds)
        self.size = len(kinds)
        self._kinds = {name: _KINDS[kind] for name, kind in kinds.items()}
        self._encoders = [kind.encode for kind in self._kinds.values()]

    def select(self, first: int = 1) -> str:
        """The SQL that makes rows of the parameters from `$first` on."""
        kinds = self._kinds
        shown = ", ".join(
            f"{kind.column.format(name=name)} as {name}" for name, kind in kinds.items()
        )
        given = ", ".join(f"${n}::{kind.parameter}" for n, kind in enumerate(kinds.values(), first))
        return f"select {shown} from unnest({given}) as t ({self.names})"

    def parameters(self, rows: Iterable[Sequence[Any]]) -> list[object]:
        """One for each column, from rows with as many values."""
        columns = list(zip(*rows, strict=True)) or [()] * self.size
        return [encode(column) for encode, column in zip(self._encoders, columns, strict=True)]

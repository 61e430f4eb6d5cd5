"""docs/behaviours.md, made of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tests.behaviours.rows import Row, State

PATH = Path(__file__).parent.parent.parent / "docs" / "behaviours.md"
_STATES: tuple[State, ...] = ("proven", "in part", "later")

_HEAD = """\
# What chargers do, and what we do then

Made by `make behaviours` from `tests/behaviours/`; a test holds that it is up to date and that each
test that it names is there. T are behaviours that every central system meets sooner or later, Q are
quirks of chargers that people told of in public. Under each stand the tests that would fail if it
were not so, or what is to bring it.
"""


def document(rows: Iterable[Row]) -> str:
    rows = list(rows)
    parts = [_HEAD, counts(rows) + "\n"]
    for chapter, group in groupby(rows, key=lambda row: row.chapter):
        parts.append(f"## {chapter}\n")
        parts.append("".join(_entry(row) for row in group))
    return "\n".join(parts)


def counts(rows: Iterable[Row]) -> str:
    """One line: "90 T: 70 proven, 5 in part, 15 later. 60 Q: ..."."""
    by_kind = groupby(sorted(rows, key=lambda row: row.id[0], reverse=True), lambda row: row.id[0])
    lines = []
    for kind, group in by_kind:
        states = Counter(row.state for row in group)
        said = ", ".join(f"{states[state]} {state}" for state in _STATES)
        lines.append(f"{states.total()} {kind}: {said}.")
    return " ".join(lines)


def _entry(row: Row) -> str:
    lines = [f"- **{row.id}** {row.said}"]
    lines += [f"  - `{test}`" for test in row.tests]
    if row.later is not None:
        lines.append(f"  - *later*: {row.later}")
    return "\n".join(lines) + "\n"

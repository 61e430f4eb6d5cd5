"""
What real chargers do that no document prepares for, and the tests that hold our answer.

Read from `tricky.txt` (T-01 to T-90) and `quirks.txt` (Q-...), which people write: `##` begins a
chapter; a row is its id and what we do; beneath it, indented, each test that would fail if we did
not, below `tests/`, with its case where only that one proves it; and `later:` with the words for
what brings the rest.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

FOLDER = Path(__file__).parent
FILES = ("tricky.txt", "quirks.txt")
_ROW = re.compile(r"([TQ]-\d\d) (\S.*\.)")
_TEST = re.compile(r"\S+\.py::test_\w+(\[.+\])?")

State = Literal["proven", "in part", "later"]


class Row(NamedTuple):
    id: str
    chapter: str
    said: str
    tests: tuple[str, ...]  # as pytest is told them, without a case where all prove it
    later: str | None

    @property
    def state(self) -> State:
        if self.later is None:
            return "proven"
        return "in part" if self.tests else "later"


class BadLine(Exception):  # noqa: N818 - it reads as what is wrong
    """A line that is no row, or a row that neither a test nor a later issue stands for."""


def rows() -> list[Row]:
    """All of them, in the order of the files. Raises BadLine."""
    return [row for name in FILES for row in read((FOLDER / name).read_text())]


def read(text: str) -> list[Row]:
    """Raises BadLine."""
    found: list[Row] = []
    chapter = ""
    for line in text.splitlines():
        if not line or line.startswith("# "):
            continue
        if line.startswith("## "):
            chapter = line[3:]
        elif line.startswith("  "):
            if not found:
                raise BadLine(line)
            found[-1] = _with(found[-1], line.strip())
        else:
            row = _ROW.fullmatch(line)
            if row is None:
                raise BadLine(line)
            found.append(Row(row[1], chapter, row[2], (), None))
    for each in found:
        if not each.tests and each.later is None:
            raise BadLine(f"{each.id} has neither a test nor what brings it")
    return found


def _with(row: Row, line: str) -> Row:
    head, _, words = line.partition(": ")
    if head == "later":
        if row.later is not None or not words:
            raise BadLine(line)
        return row._replace(later=words)
    if _TEST.fullmatch(line) is None:
        raise BadLine(line)
    return row._replace(tests=(*row.tests, f"tests/{line}"))

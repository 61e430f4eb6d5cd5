"""`@row("D-W07")` on a test, or on one of its parameters, says which row of the catalogue it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.catalogue.rows import ROWS


class UnknownRow(Exception):  # noqa: N818 - it reads as what is wrong
    """A test names a row that the catalogue does not have."""


def row(*ids: str) -> pytest.MarkDecorator:
    """Raises UnknownRow."""
    check(*ids)
    return pytest.mark.row(*ids)


def check(*ids: str) -> None:
    for id in ids:
        if id not in ROWS:
            raise UnknownRow(id)


def by_row(cases: Iterable[Any]) -> list[Any]:
    """Cases whose name, or first value, begins with the row ("W07 opcode 3"), as parameters."""
    out = []
    for case in cases:
        name = case if isinstance(case, str) else case[0]
        # A NamedTuple is one parameter; a plain tuple is as many as it has values.
        values = case if type(case) is tuple else (case,)
        out.append(pytest.param(*values, id=name, marks=row(f"D-{name[:3]}")))
    return out

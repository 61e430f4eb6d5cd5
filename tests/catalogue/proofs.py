"""Which tests prove which row, as pytest collects them: a mark may be on one parameter alone."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.catalogue.marks import check
from tests.catalogue.rows import ROWS

TESTS = Path(__file__).parent.parent
_NAMES_A_ROW = re.compile(r"catalogue\.marks|mark\.row")
_ARGUMENTS = [
    "--collect-only",
    "--quiet",
    "-p",
    "no:cacheprovider",
    "--import-mode=importlib",
    "-c",
    str(TESTS.parent / "pyproject.toml"),
]


class Uncollectable(Exception):  # noqa: N818 - it reads as what is wrong
    """Pytest could not read the tests; its own words."""


def proofs(folder: Path = TESTS) -> dict[str, list[str]]:
    """Every row, with the ids of the tests that prove it. Raises UnknownRow, Uncollectable."""
    # To read all tests takes many times longer than to read those that name a row.
    files = [
        path for path in sorted(folder.rglob("test_*.py")) if _NAMES_A_ROW.search(path.read_text())
    ]
    found: dict[str, list[str]] = {id: [] for id in ROWS}
    for item in collect(files):
        for mark in item.iter_markers("row"):
            check(*mark.args)
            for id in mark.args:
                found[id].append(item.nodeid)
    return found


def collect(files: Iterable[Path]) -> list[pytest.Item]:
    """The tests of these files, each case of one by itself. Raises Uncollectable."""
    collected = _Collected()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main([*_ARGUMENTS, *map(str, files)], plugins=[collected])
    if code != pytest.ExitCode.OK:
        raise Uncollectable(said.getvalue())
    return collected.items


class _Collected:
    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items

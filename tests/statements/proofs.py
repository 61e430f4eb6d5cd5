"""Which tests prove which statement, found by their names without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.statements.catalogue import STATEMENTS

TESTS = Path(__file__).parent.parent
_NAMED = re.compile(r"test_((?:S\d+_(?:and_(?=S\d))?)+)")


class Proof(NamedTuple):
    """A test, as pytest is told it."""

    file: str  # below the project
    name: str

    @property
    def id(self) -> str:
        return f"{self.file}::{self.name}"


class UnknownStatement(Exception):  # noqa: N818 - it reads as what is wrong
    """A test names a number that no statement has."""


def proofs(folder: Path = TESTS) -> dict[int, list[Proof]]:
    """Every statement, with the tests that prove it. Raises UnknownStatement."""
    found: dict[int, list[Proof]] = {number: [] for number in STATEMENTS}
    for path in sorted(folder.rglob("test_*.py")):
        file = path.relative_to(folder.parent).as_posix()
        for name in _tests(path):
            for number in numbers(name):
                if number not in found:
                    raise UnknownStatement(f"{file}: {name}")
                found[number].append(Proof(file, name))
    return found


def numbers(name: str) -> list[int]:
    """test_S38_S39_the_soonest gives 38 and 39."""
    named = _NAMED.match(name)
    return [int(number) for number in re.findall(r"S(\d+)_", named[1])] if named else []


def _tests(path: Path) -> Iterator[str]:
    """What pytest would collect by name: functions of the module and of its classes."""
    tree = ast.parse(path.read_text(), filename=str(path))
    inside = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for body in inside:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name

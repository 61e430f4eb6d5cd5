"""
`make planted`: plant bugs one by one in a copy of the tree, and see the tests of each fail.

First the same tests run in the copy as it stands: they must pass, or a failure means nothing. A
patch that does not match the code any more is an error, not a bug that was missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.planted.plant import Plant
from tests.planted.plants import PLANTS
from tests.statements.proofs import proofs

ROOT = Path(__file__).parent.parent.parent
_FOLDERS = ("csms", "db", "portal", "simulators", "tests")
_FILES = ("pyproject.toml", "run.py", "README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "Makefile")
_TIMEOUT_S = 600
_TESTS_FAILED = 1  # pytest's own code; 2 to 5 mean that it did not get to run them


class Stale(Exception):  # noqa: N818 - it reads as what is wrong
    """A plant that fits the code no more, or that nothing is there to notice."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of bugs' descriptions; else all")
    only: list[str] = parser.parse_args().only
    plants = [plant for plant in PLANTS if not only or any(part in plant.bug for part in only)]
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder)
        _copy(copy)
        try:
            for plant in plants:
                planted(plant, (ROOT / plant.file).read_text())
            tests = {plant: noticing(plant) for plant in plants}
        except Stale as stale:
            print(stale)
            return 1
        everything = sorted({test for some in tests.values() for test in some})
        print(f"{len(everything)} tests and files on the code as it stands ...", flush=True)
        code, said = _run(copy, everything)
        if code:
            print(said, "The tests fail on the code as it stands: nothing was planted.", sep="\n")
            return 1
        caught = sum(_plant(copy, plant, tests[plant]) for plant in plants)
    print(f"Caught {caught} of {len(plants)}.")
    return 0 if caught == len(plants) else 1


def noticing(plant: Plant) -> list[str]:
    """As pytest names them. Raises Stale where there is none."""
    if isinstance(plant.proof, str):
        return [plant.proof]
    tests = [proof.id for proof in proofs()[plant.proof]]
    if not tests:
        raise Stale(f"{plant.name} has no test")
    return tests


def planted(plant: Plant, text: str) -> str:
    """The file with the bug in it. Raises Stale where it does not stand there exactly once."""
    count = text.count(plant.old)
    if count != 1:
        raise Stale(
            f"{plant.name}, {plant.bug}: its place is {count} times in {plant.file}, "
            "and has to be there once. Put tests/planted right."
        )
    return text.replace(plant.old, plant.new)


def _plant(copy: Path, plant: Plant, tests: Sequence[str]) -> bool:
    """Whether its tests noticed."""
    path = copy / plant.file
    text = path.read_text()
    path.write_text(planted(plant, text))
    try:
        code, said = _run(copy, tests)
    finally:
        path.write_text(text)
    if code not in {0, _TESTS_FAILED}:
        print(said)
    verdict = {0: "MISSED", _TESTS_FAILED: "caught"}.get(code, "COULD NOT RUN")
    print(f"{verdict:<7} {plant.bug}  ({_noticed(said) or plant.name})", flush=True)
    return code == _TESTS_FAILED


def _noticed(said: str) -> str:
    """The first test that failed."""
    lines = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return lines[0].split()[1] if lines else ""


def _run(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        # No stale bytecode: two versions of a file may be of the same second and size.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout


def _copy(copy: Path) -> None:
    for name in _FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in _FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)


if __name__ == "__main__":
    sys.exit(main())

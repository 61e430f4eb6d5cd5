"""`make catalogue`: every row of the catalogue of bad input, and the tests that prove it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from tests.catalogue.marks import UnknownRow
from tests.catalogue.proofs import Uncollectable, proofs
from tests.catalogue.rows import DECIDED, ROWS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.catalogue", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="only the rows that no test proves")
    quiet: bool = parser.parse_args().quiet
    try:
        found = proofs()
    except UnknownRow as error:
        print(f"The catalogue has no row {error}.")
        return 1
    except Uncollectable as error:
        print(error)
        return 1
    for id, said in ROWS.items():
        if not quiet:
            _print_row(id, said, found[id])
    return _sum_up(found, quiet=quiet)


def _print_row(id: str, said: str, tests: list[str]) -> None:
    decision = f" (decision {DECIDED[id]})" if id in DECIDED else ""
    print(f"{id}  {said}{decision}")
    for test, cases in Counter(test.partition("[")[0] for test in tests).items():
        print(f"       {test}" + (f" x{cases}" if cases > 1 else ""))
    if not tests:
        print("       NO TEST")


def _sum_up(found: dict[str, list[str]], *, quiet: bool) -> int:
    missing = [id for id in ROWS if not found[id]]
    if not quiet or missing:
        kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(id[2] for id in ROWS).items())
        print(f"{len(ROWS) - len(missing)} of {len(ROWS)} rows ({kinds}) have a test.")
    if missing:
        print(f"Without a test: {', '.join(missing)}.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make statements`: the documents' statements, and the tests that prove each."""

from __future__ import annotations

import argparse
import sys

from tests.statements.catalogue import STATEMENTS
from tests.statements.proofs import UnknownStatement, proofs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.statements", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="only those that no test proves")
    quiet: bool = parser.parse_args().quiet
    try:
        found = proofs()
    except UnknownStatement as error:
        print(f"No statement has this number. {error}")
        return 1
    for number, sentence in STATEMENTS.items():
        if quiet and found[number]:
            continue
        print(f"S{number:<3} {sentence}")
        for proof in found[number]:
            print(f"       {proof.id}")
        if not found[number]:
            print("       NO TEST")
    proved = sum(bool(tests) for tests in found.values())
    if not quiet or proved < len(STATEMENTS):
        print(f"{proved} of {len(STATEMENTS)} statements have a test.")
    return 0 if proved == len(STATEMENTS) else 1


if __name__ == "__main__":
    sys.exit(main())

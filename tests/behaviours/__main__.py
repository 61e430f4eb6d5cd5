"""`make behaviours`: prints what chargers do and what proves it; writes docs/behaviours.md."""

from __future__ import annotations

import sys

from tests.behaviours.document import PATH, counts, document
from tests.behaviours.rows import BadLine, rows


def main() -> int:
    try:
        found = rows()
    except BadLine as error:
        print(f"This is no row: {error}")
        return 1
    for row in found:
        print(f"{row.id}  {row.said}")
        for test in row.tests:
            print(f"      {test}")
        if row.later is not None:
            print(f"      later: {row.later}")
    PATH.write_text(document(found))
    print(counts(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

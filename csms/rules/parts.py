"""
What is told in several parts: which report a part belongs to, and what of it is missing.

Parts have numbers from 0 (`seqNo`), or none, and each says whether another one comes (`tbc`). They
come in any order and more than once (reliability D-P51, digest 5.6).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from db.model.reports import ReportState

#: After so long without a part, what is missing is said.
SILENT_FOR = timedelta(seconds=60)
_MOST_GAPS = 20


def belongs(
    state: ReportState,
    present: Collection[int],
    seq_no: int | None,
    *,
    since_last: timedelta,
) -> bool:
    """
    Whether a part that is new goes on with the latest report of its number.

    Else the number is used again, and a new report begins. `seq_no` None: this kind has none.
    """
    if state == "collecting":
        return True
    if state == "incomplete":
        return seq_no is None or seq_no not in present
    # Some say of each part that it is the last one.
    return since_last <= SILENT_FOR and (seq_no is None or seq_no not in present)


def is_whole(present: Collection[int], last: int | None) -> bool:
    """`last` is the number of the part after which none comes, None while it is not known."""
    return last is not None and not _gaps(present, last)


def missing(present: Collection[int], last: int | None) -> str:
    """Which parts did not come, for people: "1 to 3, 7 and what follows 9"; "" for none."""
    end = max(present, default=-1) if last is None else last
    gaps = _gaps(present, end)
    words = [f"{first}" if first == to else f"{first} to {to}" for first, to in gaps[:_MOST_GAPS]]
    if len(gaps) > _MOST_GAPS:
        words.append("...")
    told = ", ".join(words)
    if last is not None:
        return told
    rest = f"what follows {end}" if end >= 0 else "all"
    return f"{told} and {rest}" if told else rest


def _gaps(present: Collection[int], last: int) -> list[tuple[int, int]]:
    """The stretches of 0 to `last` that are not there; as long as there are parts, not numbers."""
    gaps, expected = [], 0
    for number in sorted(present):
        if number > last:
            break
        if number > expected:
            gaps.append((expected, number - 1))
        expected = max(expected, number + 1)
    if expected <= last:
        gaps.append((expected, last))
    return gaps

"""
The meter timeline of a session: one row a reading, what each added, and what looks wrong.

What a reader should look at (seed: dispute a session, "Scan the meter timeline"):

- a *gap*: two readings or more are missing: at least two and a half times as long as the usual
  (median) step between two readings, and 5 min; where under four steps tell what is usual, 30 min;
- a *jump*: at least two and a half times the usual energy, and 100 Wh; said only where four
  other steps tell what is usual. A gap before it explains it, and its power says if it can be;
- a *missing end*: no register within a minute of the end, nor one that the charger called last;
- a value that is *not counted*, because it does not fit those around it (`registers.walk`, the
  same rule that the session's total is made by), a meter that began *again*, times not the
  charger's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from csms.rules.metering import TOLERANCE
from csms.rules.registers import is_register
from csms.rules.series import Point, whole
from csms.rules.timeline_steps import Counted, count

GAP_LEAST = timedelta(minutes=5)
GAP_ALONE = timedelta(minutes=30)
JUMP_TIMES = Decimal("2.5")
JUMP_LEAST_WH = 100
USUAL_OF = 4  # so many steps tell what is usual

_US = timedelta(microseconds=1)
_US_PER_H = 3_600_000_000
_UNTIMED = frozenset({"clock_unset", "clock_missing", "clock_unreadable"})
_ORDER = {"Transaction.Begin": -1, "Transaction.End": 1}

Kind = Literal["start", "reading", "end"]
MarkKind = Literal[
    "gap", "jump", "again", "not_counted", "outside", "untimed", "no_start", "no_end"
]


class Read(NamedTuple):
    """A reading; `register_wh` is the meter's own count, None where it said none."""

    at: datetime
    received_at: datetime
    register_wh: int | None
    power_w: int | None = None
    context: str | None = None
    flags: frozenset[str] = frozenset()
    soc_pct: Decimal | None = None


class Mark(NamedTuple):
    """
    Something to look at. `since` and `until` are what it lies between.

    Of a gap and a jump `times` says how many times the usual it is, None where nothing is usual;
    `power_w` is the mean power that a jump took, and `is_impossible` that the connector has less.
    """

    kind: MarkKind
    since: datetime
    until: datetime
    times: Decimal | None = None
    power_w: int | None = None
    is_impossible: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """`added_wh` is since the row before that counts; None: it says nothing, or is not counted."""

    kind: Kind
    read: Read
    from_wh: int | None
    added_wh: int | None
    took: timedelta | None  # since that row
    marks: tuple[Mark, ...]
    is_last: bool  # the final reading of a session that is over

    @property
    def at(self) -> datetime:
        return self.read.at


@dataclass(frozen=True, slots=True)
class Timeline:
    """Oldest first. `marks` are those of the session as a whole; `added_wh` the sum of the rows."""

    rows: list[Row]
    marks: tuple[Mark, ...]
    usual: timedelta | None
    added_wh: int | None

    @property
    def readings(self) -> int:
        return len(self.rows)

    def count(self, kind: MarkKind) -> int:
        return sum(mark.kind == kind for row in self.rows for mark in row.marks)


class Bounds(NamedTuple):
    """What is known of the session. The two registers are 1.6's meterStart and meterStop."""

    started_at: datetime
    ended_at: datetime | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    max_power_w: int


def timeline(reads: Sequence[Read], of: Bounds) -> Timeline:
    """`reads` in the order of the charger's clock, without repeats."""
    ended_at = None if of.ended_at is None else max(of.ended_at, of.started_at)
    of = of._replace(ended_at=ended_at)
    entries = _entries(reads, of)
    counted = count(_points(entries, of), of.max_power_w)
    usual = _usual_step([read.at for _, read in entries])
    steps = [added for _, added in counted.values() if added is not None and added > 0]
    usual_wh = Decimal(median(steps)) if len(steps) > USUAL_OF else None
    last = max(counted, default=None)
    is_over = ended_at is not None and last is not None and _is_end(*entries[last], ended_at)
    rows = []
    before: datetime | None = None
    counted_at: datetime | None = None
    for place, (kind, read) in enumerate(entries):
        from_wh, added = counted.get(place, (None, None))
        marks = [*_gap(before, read.at, usual), *_odd(place, read, added, counted, of)]
        took = None
        if added is not None and counted_at is not None:
            took = read.at - counted_at
            marks += _jump(added, usual_wh, counted_at, read.at, of.max_power_w)
        is_last = is_over and place == last
        rows.append(Row(kind, read, from_wh, added, took, tuple(marks), is_last))
        counted_at = read.at if place in counted else counted_at
        before = read.at
    sums = [added for _, added in counted.values() if added is not None]
    return Timeline(
        rows, _ends(entries, counted, of), usual, sum(sums) if len(counted) > 1 else None
    )


def long(usual: timedelta | None) -> timedelta:
    """From when on a pause between two readings is long."""
    return GAP_ALONE if usual is None else max(usual * 5 // 2, GAP_LEAST)


def _entries(reads: Sequence[Read], of: Bounds) -> list[tuple[Kind, Read]]:
    """With what the charger said at the start and at the end, unless a reading says the same."""
    entries: list[tuple[Kind, Read]] = [("reading", read) for read in reads]
    if of.meter_start_wh is not None and is_register(Decimal(of.meter_start_wh)):
        said = Read(of.started_at, of.started_at, of.meter_start_wh)
        if not any(_is_same(read, said) for read in reads):
            entries.append(("start", said))
    if (
        of.ended_at is not None
        and of.meter_stop_wh is not None
        and is_register(Decimal(of.meter_stop_wh))
    ):
        said = Read(of.ended_at, of.ended_at, of.meter_stop_wh)
        if not any(_is_same(read, said) for read in reads):
            entries.append(("end", said))
    return sorted(entries, key=_place)


def _is_same(read: Read, said: Read) -> bool:
    return read.at == said.at and read.register_wh == said.register_wh


def _place(entry: tuple[Kind, Read]) -> tuple[datetime, int, datetime]:
    return entry[1].at, _order(*entry), entry[1].received_at


def _order(kind: Kind, read: Read) -> int:
    return {"start": -2, "reading": _ORDER.get(read.context or "", 0), "end": 2}[kind]


def _is_end(kind: Kind, read: Read, ended_at: datetime) -> bool:
    return _order(kind, read) > 0 or abs(ended_at - read.at) <= TOLERANCE


def _is_inside(read: Read, of: Bounds) -> bool:
    after = of.started_at - TOLERANCE <= read.at
    return after and (of.ended_at is None or read.at <= of.ended_at + TOLERANCE)


def _usual_step(times: Sequence[datetime]) -> timedelta | None:
    steps = [(b - a) // _US for a, b in pairwise(times) if b > a]
    return int(median(steps)) * _US if len(steps) >= USUAL_OF else None


def _points(entries: Sequence[tuple[Kind, Read]], of: Bounds) -> list[tuple[int, Point]]:
    """The registers inside the session, each with its place among the entries."""
    points = []
    for place, (kind, read) in enumerate(entries):
        value = None if read.register_wh is None else Decimal(read.register_wh)
        if value is not None and is_register(value) and _is_inside(read, of):
            points.append((place, Point(read.at, _order(kind, read), value, kind != "reading")))
    return points


def _gap(since: datetime | None, at: datetime, usual: timedelta | None) -> list[Mark]:
    if since is None or at - since < long(usual):
        return []
    times = None if usual is None else Decimal((at - since) // _US) / (usual // _US)
    return [Mark("gap", since, at, times)]


def _jump(
    added: int, usual_wh: Decimal | None, since: datetime, at: datetime, max_power_w: int
) -> list[Mark]:
    if usual_wh is None or added < max(usual_wh * JUMP_TIMES, Decimal(JUMP_LEAST_WH)):
        return []
    took = (at - since) // _US
    power_w = None if took <= 0 else whole(Decimal(added) * _US_PER_H / took)
    is_impossible = power_w is None or power_w * 10 > max_power_w * 11
    return [Mark("jump", since, at, Decimal(added) / usual_wh, power_w, is_impossible)]


def _odd(
    place: int,
    read: Read,
    added: int | None,
    counted: Counted,
    of: Bounds,
) -> list[Mark]:
    marks = []
    if not _is_inside(read, of):
        marks.append(Mark("outside", read.at, read.at))
    elif read.register_wh is not None and place not in counted:
        marks.append(Mark("not_counted", read.at, read.at))
    elif added is not None and read.register_wh is not None:
        from_wh = counted[place][0]
        if from_wh is not None and read.register_wh < from_wh - 1:
            marks.append(Mark("again", read.at, read.at))
    if not _UNTIMED.isdisjoint(read.flags):
        marks.append(Mark("untimed", read.at, read.at))
    return marks


def _ends(entries: Sequence[tuple[Kind, Read]], counted: Counted, of: Bounds) -> tuple[Mark, ...]:
    """Whether the timeline begins where the session does, and ends where it did."""
    marks = []
    places = sorted(counted)
    if places and entries[places[0]][1].at - of.started_at > TOLERANCE:
        marks.append(Mark("no_start", of.started_at, entries[places[0]][1].at))
    if of.ended_at is not None:
        last_at = entries[places[-1]][1].at if places else of.started_at
        if not places or not _is_end(*entries[places[-1]], of.ended_at):
            marks.append(Mark("no_end", last_at, of.ended_at))
    return tuple(marks)

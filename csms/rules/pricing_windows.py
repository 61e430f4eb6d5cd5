"""When a session's span passes from one energy price to the next, by the clock of its site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from csms.rules.pricing_terms import DAY_MINUTES, Window

_DAY = timedelta(days=1)
_STEP = timedelta(hours=3)  # no zone changes its clock twice within it
_FINEST = timedelta(seconds=1)


class Piece(NamedTuple):
    """A part of a span under one price: [since, until); `window` None: no window holds."""

    since: datetime
    until: datetime
    window: Window | None


def pieces(
    since: datetime, until: datetime, windows: Sequence[Window], zone: tzinfo
) -> list[Piece]:
    """
    A span cut where another window holds: without a gap, without an overlap, in order.

    Each instant has one time by the clock of the site, also in the night when the clock is set, so
    it has one window, the first of `windows` that holds then. `since` and `until` are aware; an
    empty span is one piece.
    """
    if not windows:
        return [Piece(since, until, None)]
    cuts = sorted({cut for cut in _cuts(since, until, windows, zone) if since < cut < until})
    found: list[Piece] = []
    for begin, end in zip([since, *cuts], [*cuts, until], strict=True):
        window = _in_force(begin, windows, zone)
        if found and found[-1].window is window:
            found[-1] = found[-1]._replace(until=end)
        else:
            found.append(Piece(begin, end, window))
    return found


def _in_force(at: datetime, windows: Sequence[Window], zone: tzinfo) -> Window | None:
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    return next((w for w in windows if w.holds(local.isoweekday(), minute)), None)


def _cuts(
    since: datetime, until: datetime, windows: Sequence[Window], zone: tzinfo
) -> Iterator[datetime]:
    """Every instant at which a window may begin or end; more of them do no harm."""
    minutes = {window.start for window in windows} | {window.end for window in windows} | {0}
    day = since.astimezone(zone).date() - _DAY
    last = until.astimezone(zone).date() + _DAY
    while day <= last:
        for minute in minutes:
            at = datetime.combine(day, time(), zone)
            at = at.replace(hour=minute // 60, minute=minute % 60) if minute < DAY_MINUTES else at
            # An hour that comes twice begins twice; one that is left out begins when it is skipped.
            yield at.replace(fold=0).astimezone(UTC)
            yield at.replace(fold=1).astimezone(UTC)
        day += _DAY
    yield from _clock_changes(since, until, zone)


def _clock_changes(since: datetime, until: datetime, zone: tzinfo) -> Iterator[datetime]:
    at = since.astimezone(UTC).replace(microsecond=0)
    while at < until:
        ahead = at + _STEP
        before, after = at.astimezone(zone).utcoffset(), ahead.astimezone(zone).utcoffset()
        if before != after:
            low, high = at, ahead
            while high - low > _FINEST:
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                if middle.astimezone(zone).utcoffset() == before:
                    low = middle
                else:
                    high = middle
            yield high
        at = ahead

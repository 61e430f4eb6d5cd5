"""What a station says about time: read leniently, judged against the time of receipt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

#: No station was built for OCPP-J before; the clock of one that says so is not set (digest 3.6).
UNSET_BEFORE = datetime(2015, 1, 1, tzinfo=UTC)
#: Further ahead of receipt than this and the clock is not set either (decision 8).
UNSET_AHEAD = timedelta(hours=24)
#: Further ahead than this is used as said, and flagged (decision 8).
AHEAD = timedelta(minutes=5)

#: What `when` says of a time that is not the station's.
UNDATED = frozenset({"clock_missing", "clock_unreadable", "clock_unset"})

#: No place on Earth is further from UTC.
MOST_HOURS = 14

_LONGEST = 64
# Of a clock that is off: it is so by the same span over some time.
_LIVE_FOR = timedelta(minutes=1)
_SPREAD = timedelta(seconds=30)
_HOUR = timedelta(hours=1)

# Own shape first: datetime.fromisoformat also reads week dates and the basic format (D-P21).
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]((?!24)\d{2}:\d{2})(?::(\d{2})(?:[.,](\d+))?)?"
    r" ?([Zz]|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)


def parse(text: object, offset_h: int = 0) -> datetime | None:
    """
    The moment that a station's text names, aware and in UTC; None when it names none.

    Lenient as D-P20 asks: any offset, no zone (then UTC), lower case, no seconds, a space for the
    T, more than six decimals (cut); a leap second is the last moment before it. Never raises.
    `offset_h` is that of `when`.
    """
    read = _read(text)
    return _moved(read[0], offset_h) if read else None


def when(
    said: object, received_at: datetime, offset_h: int = 0
) -> tuple[datetime, tuple[str, ...]]:
    """
    The time to use for what a station dated `said`, and what is odd about it (decision 8).

    `clock_missing`, `clock_unreadable` and `clock_unset` mean that the time of receipt is used;
    `clock_ahead` and `zone_missing` are only told. Late is never implausible: queues are.

    `offset_h`: how many hours the station's clock is ahead of UTC, which somebody who knows it has
    said. They are taken off every time before it is judged, whichever zone it names, or none: it is
    the clock that is off (digest 9.80).
    """
    read = _read(said)
    if read is None:
        missing = said is None or (isinstance(said, str) and not said.strip())
        return received_at, ("clock_missing" if missing else "clock_unreadable",)
    at, has_zone = read
    if offset_h:
        at = _moved(at, offset_h)
    ahead = at - received_at
    if at < UNSET_BEFORE or ahead > UNSET_AHEAD:
        return received_at, ("clock_unset",)
    if has_zone and ahead <= AHEAD:
        return at, ()
    flags = ("clock_ahead",) if ahead > AHEAD else ()
    return at, flags if has_zone else (*flags, "zone_missing")


def wire(at: datetime) -> str:
    """
    Our own times: whole seconds and Z.

    Firmwares exist that read neither microseconds nor `+00:00` in `currentTime` (HA#512).
    """
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _read(text: object) -> tuple[datetime, bool] | None:
    """The moment, and whether a zone was said."""
    if not isinstance(text, str):
        return None
    size = len(text)
    # What nearly every station sends, without the regexp; the marks keep odd shapes out.
    marks = text[4:20:3]
    if (
        (marks == "--T::." and size == 24 and text[23] == "Z") or (marks == "--T::Z" and size == 20)
    ) and text[11:13] != "24":
        try:
            return datetime.fromisoformat(text), True
        except ValueError:
            pass
    if size > _LONGEST:
        return None
    match = _RFC3339.fullmatch(text.strip(" "))
    if match is None:
        return None
    date, minute, second, fraction, zone = match.groups()
    digits = (fraction or "")[:6].ljust(6, "0")
    if second == "60":
        second, digits = "59", "999999"
    try:
        naive = datetime.fromisoformat(f"{date}T{minute}:{second or '00'}.{digits}")
        return naive.replace(tzinfo=_zone(zone)).astimezone(UTC), zone is not None
    except (ValueError, OverflowError):
        return None


def _moved(at: datetime, offset_h: int) -> datetime:
    try:
        return at - timedelta(hours=offset_h)
    except OverflowError:  # the first or the last day that there is
        return at


def _zone(text: str | None) -> timezone:
    """ValueError for an offset that no clock has."""
    if text is None or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    if minutes > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def offset(heard: Sequence[tuple[datetime, datetime]]) -> timedelta | None:
    """
    How far ahead a station's clock is, behind where negative; None where it is right.

    Args:
        heard: (its own time, time of receipt) of what it said last, in any order.

    Of a queue that is replayed everything comes at once: that tells nothing. What came over more
    than a minute and was each time as far from its receipt was said as it happened (digest 9.80).
    """
    if not heard:
        return None
    receipts = sorted(received_at for _, received_at in heard)
    ahead = sorted(at - received_at for at, received_at in heard)
    is_live = receipts[-1] - receipts[0] >= _LIVE_FOR and ahead[-1] - ahead[0] <= _SPREAD
    usual = ahead[len(ahead) // 2]
    return usual if is_live and abs(usual) > AHEAD else None


def hours(ahead: timedelta) -> int | None:
    """The whole hours that a clock is off by, as one that shows local time is; None for others."""
    count = round(ahead / _HOUR)
    is_zone = abs(count) <= MOST_HOURS and abs(ahead - count * _HOUR) <= AHEAD
    return count if is_zone else None

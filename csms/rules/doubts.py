"""
Whether a running session of which nothing is heard has ended: what a rule makes of the signs.

1.6 has no way to ask. 2.x has: a session in doubt is asked about, and what its charger says of it
weighs more than any sign (E14; digest 7.6).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from csms.rules.sessions import IMPLICIT_END, STALE, last_heard_at
from db.model.sessions import EndSigns, Session, SessionLive

FREE_FOR = timedelta(seconds=120)  # digest 9.18: the stop may follow the status
BOOT_DOUBT = timedelta(minutes=15)  # digest 7.6
SILENT_FOR = timedelta(hours=48)  # reliability C20
# What was older than this when it came is from a queue, not of now.
FRESH = timedelta(minutes=5)
# More of the queue may be on its way.
ASK_AFTER = timedelta(seconds=60)
ASK_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Told:
    """What the charger answered when it was asked at `at`; None is what it did not say."""

    at: datetime
    is_ongoing: bool | None = None
    has_queue: bool | None = None


def doubt(
    session: Session, live: SessionLive, signs: EndSigns, told: Told | None, *, now: datetime
) -> str | None:
    """The flag under which a running session should be ended; None while it may still run."""
    heard = live.updated_at
    if told is not None and told.at > heard:
        if told.is_ongoing is False and told.has_queue is False:
            return IMPLICIT_END
        if told.is_ongoing:
            heard = told.at
    if _is_past(signs.free_since, heard, now - FREE_FOR):
        return IMPLICIT_END
    # Who boots for ever does not begin the wait anew each time.
    if any(_is_past(at, heard, now - BOOT_DOUBT) for at in (signs.boots_since, signs.booted_at)):
        return IMPLICIT_END
    if now - heard > BOOT_DOUBT and heard == live.updated_at and _is_over(session, live, signs):
        return IMPLICIT_END
    return STALE if now - heard > SILENT_FOR else None


def is_to_be_asked(
    session: Session, live: SessionLive, signs: EndSigns, told: Told | None, *, now: datetime
) -> bool:
    """
    2.x: whether to ask if it goes on, and whether something of it is still queued.

    After a boot, and while all that was heard of it is from a queue: its end may be lost.
    """
    if session.family != "v2" or not signs.can_be_asked:
        return False
    has_booted = signs.booted_at is not None and signs.booted_at > live.updated_at
    if not (has_booted or is_history(session, live)):
        return False
    last_at = signs.booted_at if has_booted and signs.booted_at else live.updated_at
    if now - last_at < ASK_AFTER:
        return False
    if told is None:
        return True
    return now - told.at > ASK_AGAIN and not (told.is_ongoing and told.at > last_at)


def has_gap(seq_nos: Collection[int]) -> bool:
    """Of the numbers that a transaction's events had: counted from whichever was seen first."""
    numbers = set(seq_nos)
    return bool(numbers) and len(numbers) <= max(numbers) - min(numbers)


def is_history(session: Session, live: SessionLive) -> bool:
    """Whether all that is known of it was old when it came."""
    return live.updated_at - last_heard_at(session, live) > FRESH


def is_quiet_history(session: Session, live: SessionLive, *, now: datetime) -> bool:
    """Whether it is from a queue, of which nothing more came for a while."""
    return is_history(session, live) and now - live.updated_at > ASK_AFTER


def over_by(session: Session, live: SessionLive, signs: EndSigns) -> datetime | None:
    """When it was over at the latest: its EVSE was free, or had another session."""
    free_at = signs.free_at
    if free_at is not None and free_at <= last_heard_at(session, live):
        free_at = None
    return min((at for at in (free_at, signs.next_started_at) if at is not None), default=None)


def _is_past(since: datetime | None, heard: datetime, before: datetime) -> bool:
    return since is not None and heard < since < before


def _is_over(session: Session, live: SessionLive, signs: EndSigns) -> bool:
    """
    Of history: its EVSE was free afterwards, or had another session, before it was told.

    By the charger's clock, since a queue comes behind the news. A session that began ahead of us
    tells nothing: that clock was wrong.
    """
    if not is_history(session, live):
        return False
    last_at, next_at = last_heard_at(session, live), signs.next_started_at
    is_free = signs.free_at is not None and signs.free_at > last_at
    return is_free or (next_at is not None and last_at <= next_at <= live.updated_at)

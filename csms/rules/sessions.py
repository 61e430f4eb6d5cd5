"""
The life of a session as functions of values: what a start, an end or a silence makes of it.

A session that a rule ended (`is_end_inferred`) waits for the charger's own end, which replaces it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from csms.rules.metering import FLAGS, Metered
from db.model.sessions import Session, SessionLive

# Flags of a session. Those of metering are `csms.rules.metering`'s.
# Another session began on its connector, the connector is free, or the charger knows it no more.
IMPLICIT_END = "implicit_end"
STALE = "stale"  # silent for too long
CHARGER_REPLACED = "charger_replaced"
LATE_END = "late_end"  # the charger's own end came after a rule's
NO_START = "no_start"  # its start was never heard
INCOMPLETE = "incomplete"  # a stop of something unknown, for a person to settle
UNAUTHORIZED = "unauthorized"
UNREGISTERED = "unregistered"  # the station was not accepted: not billed
START_CONFLICT = "start_conflict"  # a second start said another EVSE or card
STOP_CONFLICT = "stop_conflict"  # a second stop said another register
LATE_READING = "late_reading"
GUESSED_END = "guessed_end"  # ended by a stop of a number that we never gave
TWO_CARDS = "two_cards"  # cards of two payers were let in one after the other
CLOSED_BY_PERSON = "closed_by_person"  # its charger never said the end, and somebody did

NEEDS_REVIEW = "needs_review"
MALFORMED = "malformed"  # a message of it broke the schema; it is in quarantine

_FOR_A_PERSON = {START_CONFLICT, STOP_CONFLICT, INCOMPLETE, NO_START, MALFORMED, TWO_CARDS}
_RULED_ENDS = {IMPLICIT_END, STALE, CHARGER_REPLACED, GUESSED_END, CLOSED_BY_PERSON}


def with_flags(session: Session, *added: str, without: set[str] | None = None) -> Session:
    flags = sorted((set(session.flags) - (without or set())) | set(added))
    return session if flags == session.flags else replace(session, flags=flags)


def is_ended_by_charger(session: Session) -> bool:
    return session.is_finalized and not session.is_end_inferred


def ended(
    session: Session,
    *,
    at: datetime,
    received_at: datetime,
    reason: str,
    meter_stop_wh: int | None,
    stop_id_token: str | None,
    stop_key: bytes | None = None,
    is_guess: bool = False,
) -> Session:
    """
    The charger's own end. The first one stands; it replaces an end that a rule made up.

    A charger that was ended already and now says another register is flagged, not believed
    (reliability D-P35).

    Args:
        stop_key: of a stop with a number that we never gave; said again, it changes nothing.
        is_guess: that stop may be another session's, so that one with the right number replaces it.
    """
    if stop_key is not None and session.is_finalized and session.stop_key == stop_key:
        return session
    if is_ended_by_charger(session):
        known = session.meter_stop_wh
        if meter_stop_wh is not None and known is not None and meter_stop_wh != known:
            session = replace(session, updated_at=max(session.updated_at, received_at))
            return with_flags(session, STOP_CONFLICT, NEEDS_REVIEW)
        return session
    was_inferred = session.is_end_inferred
    session = with_flags(session, *([LATE_END] if was_inferred else []), without=_RULED_ENDS)
    if is_guess:
        session = with_flags(session, GUESSED_END, NEEDS_REVIEW)
    # In 2.x the card that stopped was said before the end; of a rule's end it was a guess.
    uids = [session.stop_id_token, stop_id_token]
    return replace(
        session,
        ended_at=max(at, session.started_at),
        end_received_at=received_at,
        is_finalized=True,
        is_end_inferred=is_guess,
        stop_reason=reason,
        meter_stop_wh=meter_stop_wh,
        stop_id_token=next((uid for uid in (uids[::-1] if was_inferred else uids) if uid), None),
        stop_key=stop_key or session.stop_key,
        updated_at=max(session.updated_at, received_at),
    )


def meant_by(
    candidates: Sequence[Session],
    *,
    at: datetime,
    uid: str | None,
    meter_stop_wh: int | None,
    is_number_said: bool,
) -> Session | None:
    """
    The session that a stop with a number that we never gave must mean; None when that is not plain.

    A charger says -1 when the answer to its start never reached it: then the one session that fits
    is meant. Another number is of another session, unless the card says otherwise.

    Args:
        candidates: the latest first; those that run, and those that a rule ended.
    """
    if is_number_said and uid is None:
        return None
    fitting = [
        session
        for session in candidates
        if session.started_at <= at
        and GUESSED_END not in session.flags
        and (uid is None or (session.id_token or "").lower() == uid.lower())
        and (
            meter_stop_wh is None
            or session.meter_start_wh is None
            or session.meter_start_wh <= meter_stop_wh
        )
    ]
    running = [session for session in fitting if not session.is_finalized]
    if running:
        return running[0] if len(running) == 1 else None
    # The end that a rule made up is the next start, or the last thing heard.
    covering = [session for session in fitting if session.ended_at and session.ended_at >= at]
    return next(iter(covering or fitting), None)


def end_inferred(session: Session, *, at: datetime, now: datetime, flag: str) -> Session:
    """An end by rule: at the last thing that was heard, for a person or a late end to correct."""
    return replace(
        with_flags(session, flag, NEEDS_REVIEW),
        ended_at=max(at, session.started_at),
        end_received_at=now,
        is_finalized=True,
        is_end_inferred=True,
        stop_reason="Other",
        updated_at=now,
    )


def is_end_made_up(session: Session) -> bool:
    """By a rule or a person, at what was last heard; not guessed from a stop that was said."""
    return session.is_end_inferred and GUESSED_END not in session.flags


def is_ended_by(later: Session, session: Session) -> bool:
    """Whether the start of the next session on its EVSE was known when a rule ended this one."""
    by = session.end_received_at
    return by is not None and later.start_received_at <= by


def heard_until(session: Session, at: datetime) -> Session:
    """An end that was made up moves on, never back, with what is heard of the session."""
    if session.ended_at is None or at <= session.ended_at:
        return session
    return replace(session, ended_at=at)


def last_heard_at(session: Session, live: SessionLive | None) -> datetime:
    """By the charger's clock: its last register, else its start."""
    if live is None or live.register_at is None:
        return session.started_at
    return max(live.register_at, session.started_at)


def metered(session: Session, result: Metered, *, was_final: bool) -> Session:
    """
    What the whole series says; flags of an earlier look at it give way.

    Args:
        was_final: the charger's own end was known before, so that a change is a late one.
    """
    energy_wh = result.energy_wh
    if NO_START in session.flags and result.meter_start_wh == result.meter_stop_wh:
        energy_wh = None  # one register alone tells nothing
    flags = (set(session.flags) - FLAGS) | result.flags
    if LATE_READING in session.flags or (was_final and energy_wh != session.energy_wh):
        flags.add(LATE_READING)
    if flags & _FOR_A_PERSON or session.is_end_inferred:
        flags.add(NEEDS_REVIEW)
    return replace(session, energy_wh=energy_wh, is_recompute_due=False, flags=sorted(flags))


def place(open_session: Session | None, started_at: datetime) -> Literal["free", "after", "before"]:
    """
    Where a new start stands beside the session that is open on its EVSE.

    "after": that one's stop was lost, or is queued behind; "before": this is the replay of an
    offline queue and must not touch the current one (digest 2.2, StartTransaction).
    """
    if open_session is None:
        return "free"
    return "after" if open_session.started_at <= started_at else "before"


def is_repeat(found: Session, *, is_clock_unset: bool) -> bool:
    """
    A start that says the same as a known one is the same one.

    Except when the clock is unset and that session is over: a new one began in the same 1970
    (decision 9).
    """
    return not (is_clock_unset and is_ended_by_charger(found))


def is_new_generation(
    found: Session, *, started_at: datetime, is_clock_unset: bool = False
) -> bool:
    """
    2.x: whether a start that was not heard before is of a new session with an old number, for ids
    start again after a factory reset (decision 9).

    An unset clock cannot tell what came after what; then another start than the known one is new.
    """
    return (
        is_ended_by_charger(found)
        and found.ended_at is not None
        and (is_clock_unset or started_at > found.ended_at)
        and NO_START not in found.flags
    )


def generation_at(generations: Sequence[Session], at: datetime) -> Session | None:
    """Of sessions with one number, the one that was not over at `at`; else the latest."""
    for session in generations:
        if session.ended_at is None or session.ended_at >= at:
            return session
    return generations[-1] if generations else None


def started(session: Session, at: datetime, *, is_clock_unset: bool = False) -> Session:
    """A start that was heard after other things of its session; the end is not before it."""
    if is_clock_unset:
        at = min(at, session.started_at)
    ended_at = session.ended_at and max(session.ended_at, at)
    session = with_flags(session, without={NO_START})
    return replace(session, started_at=at, ended_at=ended_at, is_recompute_due=True)


def heard(session: Session, at: datetime) -> Session:
    """Until its start is heard, a session began when the first thing was said of it."""
    if NO_START not in session.flags or at >= session.started_at:
        return session
    return replace(session, started_at=at, is_recompute_due=True)


def is_read_short(session: Session, first_at: datetime | None, *, was_final: bool) -> bool:
    """
    Whether readings that an energy was taken from are gone by now: the oldest go first.

    Then what is left would say less, and what is known stands. Except that an end by the charger
    which replaces a rule's brings 1.6's two registers, which need no readings.

    Args:
        first_at: of the first reading that there is.
    """
    if not session.is_finalized or session.energy_wh is None or session.read_from is None:
        return False
    if first_at is not None and first_at <= session.read_from:
        return False
    has_registers = session.meter_start_wh is not None and session.meter_stop_wh is not None
    return was_final or not has_registers

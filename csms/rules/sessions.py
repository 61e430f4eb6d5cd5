"""
The life of a session as functions of values: what a start, an end or a silence makes of it.

A session that a rule ended (`is_end_inferred`) waits for the charger's own end, which replaces it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from csms.rules.metering import FLAGS, Metered
from db.model.sessions import Session, SessionLive

# Flags of a session. Those of metering are `csms.rules.metering`'s.
IMPLICIT_END = "implicit_end"  # another session began on its connector, or the connector is free
STALE = "stale"  # silent for too long
CHARGER_REPLACED = "charger_replaced"
LATE_END = "late_end"  # the charger's own end came after a rule's
NO_START = "no_start"  # its start was never heard
INCOMPLETE = "incomplete"  # a stop of something unknown, for a person to settle
UNAUTHORIZED = "unauthorized"
UNREGISTERED = "unregistered"  # the station was not accepted: not billed
STOP_CONFLICT = "stop_conflict"  # a second stop said another register
LATE_READING = "late_reading"

NEEDS_REVIEW = "needs_review"
MALFORMED = "malformed"  # a message of it broke the schema; it is in quarantine

_FOR_A_PERSON = {STOP_CONFLICT, INCOMPLETE, NO_START, MALFORMED}
_RULED_ENDS = {IMPLICIT_END, STALE, CHARGER_REPLACED}

FREE_FOR = timedelta(seconds=120)  # digest 9.18: the stop may follow the status
BOOT_DOUBT = timedelta(minutes=15)  # digest 7.6
SILENT_FOR = timedelta(hours=48)  # reliability C20


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
) -> Session:
    """
    The charger's own end. The first one stands; it replaces an end that a rule made up.

    A charger that was ended already and now says another register is flagged, not believed
    (reliability D-P35).
    """
    if is_ended_by_charger(session):
        known = session.meter_stop_wh
        if meter_stop_wh is not None and known is not None and meter_stop_wh != known:
            return with_flags(session, STOP_CONFLICT, NEEDS_REVIEW)
        return session
    was_inferred = session.is_end_inferred
    return replace(
        with_flags(session, *([LATE_END] if was_inferred else []), without=_RULED_ENDS),
        ended_at=max(at, session.started_at),
        end_received_at=received_at,
        is_finalized=True,
        is_end_inferred=False,
        stop_reason=reason,
        meter_stop_wh=meter_stop_wh,
        stop_id_token=stop_id_token,
        updated_at=received_at,
    )


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


def is_new_generation(found: Session, *, started_at: datetime) -> bool:
    """2.x: ids start again after a factory reset (decision 9)."""
    return (
        is_ended_by_charger(found)
        and found.ended_at is not None
        and started_at > found.ended_at
        and NO_START not in found.flags
    )


def doubt(
    live: SessionLive, *, now: datetime, booted_at: datetime | None, free_since: datetime | None
) -> str | None:
    """The flag under which a running session should be ended; None while it may still run."""
    heard = live.updated_at
    if free_since is not None and free_since > heard and now - free_since > FREE_FOR:
        return IMPLICIT_END
    if booted_at is not None and booted_at > heard and now - booted_at > BOOT_DOUBT:
        return IMPLICIT_END
    if now - heard > SILENT_FOR:
        return STALE
    return None

"""
Which readings are a session's: those that name it, and those of its EVSE in its time.

The caller holds a transaction and the station's lock.
"""

from __future__ import annotations

from datetime import datetime

from csms.items import Item, advance, row
from csms.rules import doubts, metering
from csms.rules import sessions as rules
from db import readings, session_live, sessions
from db.model.readings import Moment
from db.model.sessions import Session
from db.rows import Conn


async def add(conn: Conn, session: Session, item: Item) -> bool:
    """Keep a message's readings in a session; True when any of them is new."""
    item.session_id = session.id
    rows = [row(item, measured, session.id) for measured in item.measured]
    added = await readings.add_many(conn, rows) if rows else set[tuple[int, bytes]]()
    live = None
    if not session.is_finalized:
        live = await session_live.find(conn, session.station_id, session.id)
    if live is not None:
        before = live.energy_wh
        if not advance(live, item, added):
            await sessions.mark_recompute(conn, [(session.station_id, session.id)])
        await session_live.save(conn, [live])
        await readings.add_energy(
            conn, [(session.station_id, item.received_at, live.energy_wh - before)]
        )
    return bool(added)


async def attach(
    conn: Conn, session: Session, now: datetime, *, until: datetime | None = None
) -> bool:
    """
    Give a session what its EVSE measured in its time, while nobody knew that it was its own.

    Args:
        until: when its EVSE was free, or had another session; None for what is known of its end.
            Of one from a queue nothing is: what its EVSE measured until now may be of others, so
            it waits until a rule has judged it.
    """
    if session.evse is None:
        return False
    since, until = session.started_at, until or await _until(conn, session, now)
    if until is None:
        return False
    if rules.NO_START not in session.flags:
        since -= metering.TOLERANCE
    found, others = await readings.attach(
        conn,
        session.station_id,
        evse=session.evse,
        session_id=session.id,
        started_at=session.started_at,
        since=since,
        until=until,
    )
    if others:
        await sessions.give_away(conn, session.station_id, others, since=since, until=until)
    return found > 0


async def _until(conn: Conn, session: Session, now: datetime) -> datetime | None:
    if session.ended_at is None:
        return None if now - session.started_at > doubts.FRESH else now + metering.TOLERANCE
    if rules.is_end_made_up(session):
        later = await sessions.find_next(conn, session)
        if later is not None and rules.is_ended_by(later, session):
            return later.started_at
    return session.ended_at + metering.TOLERANCE


async def last_at(
    conn: Conn, session: Session, until: datetime, *, is_named: bool = False
) -> datetime:
    """When something was last measured in it, by `until`; else its start."""
    found = await readings.find_last(
        conn,
        session.station_id,
        session.id,
        since=session.started_at,
        until=until,
        is_named=is_named,
    )
    return found or session.started_at


async def heard_on(
    conn: Conn, session: Session, now: datetime, *, over_by: datetime | None
) -> Session:
    """
    An end that was made up moves on with what was measured after it, up to the next start.

    Unless this start was known when it ended, only with what names the session: an EVSE that is
    free goes on measuring.
    """
    if not rules.is_end_made_up(session):
        return session
    is_named = False
    if over_by is None:
        later = await sessions.find_next(conn, session)
        is_named = later is None or not rules.is_ended_by(later, session)
        over_by = now if later is None else later.started_at
    at = await last_at(conn, session, over_by, is_named=is_named)
    return rules.heard_until(session, at)


async def whole(conn: Conn, session: Session, now: datetime) -> tuple[Session, list[Moment]]:
    """The whole series; a session whose start was never heard began with its first reading."""
    while True:
        moments = await readings.list_moments(
            conn,
            session.station_id,
            session.id,
            started_at=session.started_at,
            ended_at=max(session.ended_at or now, now),
        )
        heard = rules.heard(session, moments[0].at) if moments else session
        if heard is session:
            return session, moments
        session = heard

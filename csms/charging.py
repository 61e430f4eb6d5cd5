"""
The record of a charge: open a session, end it, read its energy again.

What both families and the jobs do alike, between the rules and the database. The caller holds a
transaction and the station's lock; topics of what changed are returned through `topics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from csms import own_readings
from csms.rules import doubts, metering
from csms.rules import sessions as rules
from db import changes, readings, session_live, sessions, stations
from db.model.sessions import Family, Session, SessionLive
from db.model.stations import UNKNOWN_MAX_POWER_W
from db.rows import Conn


async def ghost(conn: Conn, station_id: int, evse: int | None, at: datetime) -> int | None:
    """The session that a start of `at` will end: its card is not concurrent (digest 9.34)."""
    running = await sessions.find_open(conn, station_id, evse) if evse is not None else None
    return running.id if running and rules.place(running, at) == "after" else None


async def open_session(
    conn: Conn,
    topics: set[str],
    *,
    session_id: int,
    station_id: int,
    family: Family,
    transaction_id: str,
    generation: int = 0,
    start_key: bytes | None = None,
    evse: int | None,
    connector: int | None,
    started_at: datetime,
    received_at: datetime,
    id_token: str | None,
    account_id: int | None,
    authorization_status: str | None,
    meter_start_wh: int | None,
    flags: Iterable[str],
) -> Session:
    """
    Open a session; the one that is still open on its EVSE ends by rule.

    A start older than the open one, or from a queue and older than one that is over, is history: it
    is recorded as ended until its own end arrives.
    """
    session = Session(
        station_id=station_id,
        id=session_id,
        family=family,
        transaction_id=transaction_id,
        generation=generation,
        start_key=start_key,
        evse=evse,
        connector=connector,
        id_token=id_token,
        stop_id_token=None,
        account_id=account_id,
        authorization_status=authorization_status,
        started_at=started_at,
        start_received_at=received_at,
        ended_at=None,
        end_received_at=None,
        meter_start_wh=meter_start_wh,
        meter_stop_wh=None,
        energy_wh=None,
        is_finalized=False,
        is_end_inferred=False,
        is_recompute_due=False,
        stop_reason=None,
        flags=sorted(set(flags)),
        updated_at=received_at,
        authorized_at=started_at if id_token is not None else None,
    )
    running = await sessions.find_open(conn, station_id, evse) if evse is not None else None
    match rules.place(running, started_at):
        case "after":
            assert running is not None
            await end_by_rule(
                conn,
                topics,
                running,
                now=received_at,
                flag=rules.IMPLICIT_END,
                over_by=started_at,
            )
        case place if place == "before" or await _has_later(conn, session):
            # At its start, from where it moves on with what was heard of it.
            session = rules.end_inferred(
                session, at=started_at, now=received_at, flag=rules.IMPLICIT_END
            )
    await sessions.add(conn, session)
    if not session.is_finalized:
        await session_live.add(conn, await _live(conn, session))
    if await own_readings.attach(conn, session, received_at):
        session = await read_again(conn, topics, session, now=received_at)
    topics |= topics_of(session)
    return session


async def _has_later(conn: Conn, session: Session) -> bool:
    """One that began ahead of us, or after a start of now, tells nothing: its clock was wrong."""
    if session.evse is None or session.start_received_at - session.started_at <= doubts.FRESH:
        return False
    later = await sessions.find_next(conn, session)
    return later is not None and later.started_at <= session.start_received_at


async def follow(conn: Conn, session: Session) -> None:
    """The live row of a session that learned its EVSE, its start or who pays."""
    await session_live.follow(conn, session, max_power_w=await _max_power_w(conn, session))


async def _max_power_w(conn: Conn, session: Session) -> int:
    return (
        await stations.max_power_w(conn, session.station_id, session.evse, session.connector)
        or UNKNOWN_MAX_POWER_W
    )


async def _live(conn: Conn, session: Session) -> SessionLive:
    """Live figures from nothing: 1.6 says the first register with the start, 2.x in a reading."""
    start_wh = session.meter_start_wh
    return SessionLive(
        station_id=session.station_id,
        session_id=session.id,
        transaction_id=session.transaction_id,
        evse=session.evse,
        started_at=session.started_at,
        max_power_w=await _max_power_w(conn, session),
        series=None if start_wh is None else metering.DEFAULT_SERIES,
        register_wh=None if start_wh is None else Decimal(start_wh),
        register_at=None if start_wh is None else session.started_at,
        energy_wh=Decimal(0),
        power_w=None,
        soc_pct=None,
        charging_state=None,
        updated_at=session.updated_at,
        account_id=session.account_id,
        family=session.family,
    )


async def end_by_charger(
    conn: Conn,
    topics: set[str],
    session: Session,
    *,
    at: datetime,
    received_at: datetime,
    reason: str,
    meter_stop_wh: int | None,
    stop_id_token: str | None,
    stop_key: bytes | None = None,
    is_guess: bool = False,
    flags: Sequence[str] = (),
    has_new_readings: bool,
) -> Session:
    ended = rules.ended(
        session,
        at=at,
        received_at=received_at,
        reason=reason,
        meter_stop_wh=meter_stop_wh,
        stop_id_token=stop_id_token,
        stop_key=stop_key,
        is_guess=is_guess,
    )
    if ended is session and not has_new_readings and not session.is_recompute_due:
        return session  # said before
    ended = rules.with_flags(ended, *flags)
    ended = replace(ended, updated_at=max(ended.updated_at, received_at))
    return await read_again(
        conn, topics, ended, now=received_at, was_final=rules.is_ended_by_charger(session)
    )


async def end_by_rule(
    conn: Conn,
    topics: set[str],
    session: Session,
    *,
    now: datetime,
    flag: str,
    over_by: datetime | None = None,
) -> Session:
    """
    At what was last heard of it.

    Args:
        over_by: by then it was over: its EVSE was free, or had another session.
    """
    until = over_by or now
    await own_readings.attach(conn, session, now, until=until)
    live = await session_live.find(conn, session.station_id, session.id)
    at = rules.last_heard_at(session, live)
    if over_by is not None:
        at = min(at, max(over_by, session.started_at))
    at = max(at, await own_readings.last_at(conn, session, until))
    ended = rules.end_inferred(session, at=at, now=now, flag=flag)
    return await read_again(conn, topics, ended, now=now, over_by=over_by)


async def read_again(
    conn: Conn,
    topics: set[str],
    session: Session,
    *,
    now: datetime | None = None,
    was_final: bool | None = None,
    over_by: datetime | None = None,
) -> Session:
    """Take the energy from the whole series, and write the session as it is now."""
    now = now or datetime.now(UTC)
    if was_final is None:
        was_final = rules.is_ended_by_charger(session)
    live = await session_live.find(conn, session.station_id, session.id)
    await sessions.lock(conn, session.station_id, session.id)
    await own_readings.attach(conn, session, now)
    session = await own_readings.heard_on(conn, session, now, over_by=over_by)
    session, moments = await own_readings.whole(conn, session, now)
    first_at = moments[0].at if moments else None
    if rules.is_read_short(session, first_at, was_final=was_final):
        session = rules.with_flags(session, rules.LATE_READING, rules.NEEDS_REVIEW)
        await sessions.save(conn, replace(session, is_recompute_due=False))
        await session_live.end(conn, session.station_id, session.id)
        topics |= topics_of(session)
        return session
    known = [at for at in (session.read_from, first_at) if at is not None]
    session = replace(session, read_from=min(known, default=None))
    result = metering.total(
        moments,
        started_at=session.started_at,
        ended_at=session.ended_at,
        meter_start_wh=session.meter_start_wh,
        meter_stop_wh=session.meter_stop_wh,
        max_power_w=live.max_power_w if live else await _max_power_w(conn, session),
    )
    counted = live.energy_wh if live else Decimal(session.energy_wh or 0)
    session = rules.metered(session, result, was_final=was_final)
    await sessions.save(conn, session)
    if session.is_finalized:
        await session_live.end(conn, session.station_id, session.id)
        grown = Decimal(session.energy_wh or 0) - counted
    else:
        grown = result.energy_exact_wh - counted
        if live is not None:
            read = replace(
                live,
                series=result.series,
                register_wh=result.register_wh,
                register_at=result.register_at,
                energy_wh=result.energy_exact_wh,
            )
            # What is right already keeps its version, so that ingest goes on with what it knows.
            if read != live:
                await session_live.save(conn, [read])
    await readings.add_energy(conn, [(session.station_id, now, grown)])
    topics |= topics_of(session)
    return session


def topics_of(session: Session) -> set[str]:
    return {
        changes.topic("session", session.id, account_id=session.account_id),
        changes.topic("station", session.station_id),
    }

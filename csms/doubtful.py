"""
Sessions of which nobody knows whether they go on, one by one: judged, asked about, closed.

The caller holds a transaction and the station's lock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog

from csms import charging, own_readings
from csms.ocpp.v2 import seq_nos
from csms.ocpp.v2.commands import session_status
from csms.rules import doubts
from csms.rules.doubts import Told
from csms.rules.sessions import CLOSED_BY_PERSON
from db import commands, session_doubts, session_live
from db.model.commands import AskAboutSession, Command
from db.model.sessions import Session
from db.rows import Conn

log = structlog.get_logger()

_BY_US = "csms"
_QUESTION_FOR = timedelta(minutes=1)
_MOST_EVENTS = 5_000


async def judge(conn: Conn, topics: set[str], session: Session) -> None:
    """End it by rule if the signs say so; else ask about it, and give it what is its own."""
    live = await session_live.find(conn, session.station_id, session.id)
    if session.is_finalized or live is None:
        return
    now = datetime.now(UTC)
    signs = await session_doubts.signs(conn, session)
    over_by = doubts.over_by(session, live, signs)
    question = AskAboutSession(session.id, session.transaction_id)
    told = _told(await commands.find_latest(conn, session.station_id, question))
    flag = doubts.doubt(session, live, signs, told, now=now)
    if flag is not None:
        await charging.end_by_rule(conn, topics, session, now=now, flag=flag, over_by=over_by)
        log.info("session.ended_by_rule", session=session.id, why=flag)
        return
    if doubts.is_to_be_asked(session, live, signs, told, now=now):
        await _ask(conn, topics, session, question)
    if doubts.is_quiet_history(session, live, now=now) and await own_readings.attach(
        conn, session, now, until=over_by or now
    ):
        await charging.read_again(conn, topics, session, now=now)


async def ask_for_gaps(conn: Conn, topics: set[str], session: Session) -> None:
    """An ended session of 2.x of which events are missing is asked about, once."""
    question = AskAboutSession(session.id, session.transaction_id)
    asked = await commands.find_latest(conn, session.station_id, question)
    ended_at = session.end_received_at
    if ended_at is None or (asked is not None and asked.asked_at > ended_at):
        return
    events = await session_doubts.list_events(conn, session, limit=_MOST_EVENTS)
    if doubts.has_gap(seq_nos.of_transaction(events, session.transaction_id)):
        await _ask(conn, topics, session, question)


async def close(conn: Conn, topics: set[str], session: Session) -> None:
    """As a rule would, because a person asked: its charger's own late end replaces it too."""
    live = await session_live.find(conn, session.station_id, session.id)
    if session.is_finalized or live is None:
        return
    signs = await session_doubts.signs(conn, session)
    await charging.end_by_rule(
        conn,
        topics,
        session,
        now=datetime.now(UTC),
        flag=CLOSED_BY_PERSON,
        over_by=doubts.over_by(session, live, signs),
    )
    log.info("session.closed_by_person", session=session.id)


async def _ask(conn: Conn, topics: set[str], session: Session, question: AskAboutSession) -> None:
    asked = await commands.ask(
        conn, session.station_id, question, asked_by=_BY_US, valid_for=_QUESTION_FOR
    )
    topics.add(commands.topic(asked))
    log.info("session.asked_about", session=session.id)


def _told(asked: Command | None) -> Told | None:
    """What a charger said of a session since it was asked; nothing, when it did not answer."""
    if asked is None:
        return None
    return Told(asked.sent_at or asked.asked_at, *session_status(asked.answer))

"""
A message of quarantine, read once more as what a person says it is: a part of one session.

Its readings and, where it says one, its start or end become that session's, by the rules that
every message goes by.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from csms import charging, own_readings
from csms.items import Item
from csms.ocpp import frames, salvage, v2, v16
from csms.ocpp.frames import CallFrame
from csms.ocpp.measured import measured
from csms.ocpp.salvage import text
from csms.ocpp.v2 import words as words_2
from csms.ocpp.v16 import keys
from csms.ocpp.v16 import words as words_16
from csms.rules import clocks
from csms.rules import sessions as rules
from csms.say import TRANSACTION_ACTIONS, Payload, Version
from db import readings, sessions
from db.model.sessions import Session
from db.quarantine import Assigned
from db.rows import Conn

log = structlog.get_logger()


async def apply(conn: Conn, topics: set[str], session: Session, kept: Assigned) -> None:
    """The caller holds a transaction and the station's lock."""
    version: Version = "1.6"
    if session.family == "v2":
        version = "2.1" if kept.ocpp_version == "2.1" else "2.0.1"
    frame = frames.parse(version, kept.body.decode("utf-8", "replace"))
    table = v16.HANDLERS if version == "1.6" else v2.HANDLERS
    if (
        not isinstance(frame, CallFrame)
        or frame.action not in TRANSACTION_ACTIONS
        or frame.action not in table
    ):
        log.warning("quarantine.says_nothing", id=kept.id, session=session.id)
        return
    said = salvage.fit(version, frame.action, frame.payload, rough=True)
    has_new = await _give_readings(conn, session, said, kept)
    at, flags = clocks.when(said.get("timestamp"), kept.received_at, kept.clock_offset_h)
    if _is_start(frame.action, said):
        session = _started(session, said, at, kept)
    if _is_end(frame.action, said):
        info = said.get("transactionInfo")
        reason = info.get("stoppedReason") if isinstance(info, dict) else said.get("reason")
        await charging.end_by_charger(
            conn,
            topics,
            session,
            at=at,
            received_at=kept.received_at,
            reason=text(reason, 100) or "Local",
            meter_stop_wh=keys.register_wh(said.get("meterStop"), says_kwh=kept.says_kwh),
            stop_id_token=_uid(said),
            flags=flags,
            has_new_readings=has_new,
        )
    elif has_new or _is_start(frame.action, said):
        await charging.read_again(conn, topics, session)


async def _give_readings(conn: Conn, session: Session, said: Payload, kept: Assigned) -> bool:
    """Those that were kept with another session, or with none, move; others are added."""
    item = Item(
        session.station_id,
        session.family,
        kept.received_at,
        session.evse,
        session.connector,
        session.transaction_id,
    )
    item.measured = measured(
        said.get("meterValue") or said.get("transactionData"),
        words_16 if session.family == "v16" else words_2,
        evse=session.evse if session.family == "v16" else None,
        connector=session.connector if session.family == "v16" else None,
        transaction_id=session.transaction_id,
        received_at=kept.received_at,
        says_kwh=kept.says_kwh,
        clock_offset_h=kept.clock_offset_h,
    )
    if not item.measured:
        return False
    times = [each.at for each in item.measured]
    since, until = min(times), max(times)
    moved, losers = await readings.move(
        conn,
        session.station_id,
        received_at=kept.received_at,
        since=since,
        until=until,
        session_id=session.id,
    )
    if moved == 0:
        await own_readings.add(conn, session, item)
    await sessions.give_away(conn, session.station_id, sorted(losers), since=since, until=until)
    return True


def _is_start(action: str, said: Payload) -> bool:
    return action == "StartTransaction" or said.get("eventType") == "Started"


def _is_end(action: str, said: Payload) -> bool:
    return action == "StopTransaction" or said.get("eventType") == "Ended"


def _started(session: Session, said: Payload, at: datetime, kept: Assigned) -> Session:
    """What a session whose start was never heard learns of it."""
    if rules.NO_START in session.flags:
        session = rules.started(session, at, is_clock_unset=at == kept.received_at)
    if session.meter_start_wh is None:
        meter_start_wh = keys.register_wh(said.get("meterStart"), says_kwh=kept.says_kwh)
        session = replace(session, meter_start_wh=meter_start_wh)
    return session


def _uid(said: Payload) -> str | None:
    token = words_2.id_token_of(said.get("idToken"))
    return token[0] or None if token else salvage.uid(said.get("idTag"))

"""A StopTransaction with a number that we never gave: whose it is, or an orphan (digest 2.2)."""

from __future__ import annotations

from datetime import datetime
from typing import TypeGuard

import structlog

from csms import charging, foreign
from csms.ocpp.handling import Call
from csms.ocpp.v16 import keys, words
from csms.rules import clocks
from csms.rules import sessions as rules
from db import changes, sessions, station_events
from db.model.sessions import Session
from db.rows import Conn

log = structlog.get_logger()


async def session_of(
    call: Call, conn: Conn, *, at: datetime, uid: str | None, meter_stop_wh: int | None
) -> tuple[Session, bytes]:
    """
    The session that such a stop ends, and the key by which it is known when it is said again.

    Said again it means the session that it ended, and never another that began meanwhile. A guess
    goes to quarantine too: should the session's own stop come, this one was another's.
    """
    station_id, said = call.station.id, call.get("transactionId")
    key = keys.stop(
        transaction_id=said,
        uid=uid or "",
        said_at=call.get("timestamp"),
        meter_stop=call.get("meterStop"),
    )
    found = await sessions.find_by_stop(conn, station_id, key)
    if found is not None:
        return found, key
    await _tell_if_foreign(call, conn, words.transaction_id_of(said))
    meant = rules.meant_by(
        await sessions.list_without_end(conn, station_id, "v16", at=at),
        at=at,
        uid=uid,
        meter_stop_wh=meter_stop_wh,
        is_number_said=words.transaction_id_of(said) is not None,
    )
    if meant is not None:
        call.problem = call.problem or f"the stop of transaction {said}, taken as {meant.id}'s"
        return meant, key
    return await _orphan(call, conn, at, uid), key


async def _tell_if_foreign(call: Call, conn: Conn, number: str | None) -> None:
    """Who stops another charger's session is mistaken, or lies; that session runs on (T09)."""
    if number is None or not await sessions.list_given(conn, [int(number)]):
        return
    station_id = call.station.id
    event = foreign.named(station_id, call.action, number, call.received_at)
    if await station_events.add_many(conn, [event]):
        call.topics.add(changes.topic("reports", station_id))
    log.warning("stop.of_another_station", station_id=station_id)


async def _orphan(call: Call, conn: Conn, at: datetime, uid: str | None) -> Session:
    """A stop of something unknown is a session for a person to settle."""
    said = call.get("transactionId")
    call.problem = call.problem or f"the stop of transaction {said}, which nobody started"
    number = await sessions.next_number(conn)
    return await charging.open_session(
        conn,
        call.topics,
        session_id=number,
        station_id=call.station.id,
        family="v16",
        # Not the charger's own number: -1 is said of many.
        transaction_id=str(number),
        evse=None,
        connector=None,
        started_at=min([at, *_times(call)]),
        received_at=call.received_at,
        id_token=uid,
        account_id=None,
        authorization_status=None,
        meter_start_wh=None,
        flags=[rules.NO_START, rules.INCOMPLETE],
    )


def _times(call: Call) -> list[datetime]:
    elements = call.get("transactionData")
    said = [element.get("timestamp") for element in elements] if _are_objects(elements) else []
    return [at for at in map(call.moment, said) if at is not None and at > clocks.UNSET_BEFORE]


def _are_objects(elements: object) -> TypeGuard[list[dict[str, object]]]:
    return isinstance(elements, list) and all(isinstance(element, dict) for element in elements)

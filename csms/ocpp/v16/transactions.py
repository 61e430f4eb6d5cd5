"""Authorize, StartTransaction, MeterValues, StopTransaction (digest 2.2)."""

from __future__ import annotations

from datetime import datetime

from csms import cards, charging, own_readings
from csms.items import Item
from csms.ocpp import salvage
from csms.ocpp.handling import Call
from csms.ocpp.measured import measured
from csms.ocpp.salvage import text
from csms.ocpp.v16 import keys, unknown_stops, words
from csms.rules import authorization, clocks
from csms.rules import sessions as rules
from csms.rules.authorization import Decision
from csms.say import Payload
from db import sessions
from db.model.sessions import Session
from db.rows import Conn


def _id_tag_info(decision: Decision, now: datetime) -> Payload:
    info: Payload = {
        "status": words.card_status(decision),
        "expiryDate": clocks.wire(authorization.cache_until(decision, now)),
    }
    if decision.group_uid and len(decision.group_uid) <= 20:
        info["parentIdTag"] = decision.group_uid
    return info


async def authorize(call: Call, conn: Conn) -> Payload:
    """Never ConcurrentTx here: the driver may be about to stop (digest 4.1)."""
    decision, _ = await cards.judge(
        conn,
        master_pass_group=call.config.master_pass_group,
        station_id=call.station.id,
        uid=salvage.uid(call.get("idTag")) or "",
        type=None,
        purpose="authorize",
        at=call.received_at,
    )
    return {"idTagInfo": _id_tag_info(decision, call.received_at)}


async def start_transaction(call: Call, conn: Conn) -> Payload:
    """Always a transactionId, whatever is wrong (digest 1.1); the same one for a repeat."""
    station_id = call.station.id
    uid = salvage.uid(call.get("idTag")) or ""
    started_at, clock_flags = call.when(call.get("timestamp"))
    await sessions.lock_station(conn, station_id)

    key = keys.start(
        connector_id=call.get("connectorId"),
        uid=uid,
        said_at=call.get("timestamp"),
        meter_start=call.get("meterStart"),
    )
    found = await sessions.find_by_start(conn, station_id, key)
    is_clock_unset = started_at == call.received_at
    if found is not None and rules.is_repeat(found, is_clock_unset=is_clock_unset):
        return await _same_again(call, conn, found, uid)

    number = await sessions.next_number(conn)
    evse = words.evse_of(call.get("connectorId"))
    decision, token = await cards.judge(
        conn,
        master_pass_group=call.config.master_pass_group,
        station_id=station_id,
        uid=uid,
        type=None,
        purpose="start",
        at=call.received_at,
        session_id=number,
        ghost_id=await charging.ghost(conn, station_id, evse, started_at),
    )
    flags = list(clock_flags)
    if not decision.accepted:
        flags.append(rules.UNAUTHORIZED)
    if call.station.registration != "Accepted":
        flags.append(rules.UNREGISTERED)
    if evse is None or call.problem is not None:
        flags.append(rules.MALFORMED)
    await charging.open_session(
        conn,
        call.topics,
        session_id=number,
        station_id=station_id,
        family="v16",
        transaction_id=str(number),
        generation=0 if found is None else found.generation + 1,
        start_key=key,
        evse=evse,
        connector=None if evse is None else 1,
        started_at=started_at,
        received_at=call.received_at,
        id_token=token.uid if token else uid or None,
        account_id=token.account_id if token else None,
        authorization_status=words.card_status(decision),
        meter_start_wh=keys.register_wh(call.get("meterStart"), says_kwh=call.station.says_kwh),
        flags=flags,
    )
    if evse is None:
        call.problem = call.problem or "a session begins on no connector"
    return {"transactionId": number, "idTagInfo": _id_tag_info(decision, call.received_at)}


async def _same_again(call: Call, conn: Conn, found: Session, uid: str) -> Payload:
    """The answer that got lost, word for word."""
    decision, _ = await cards.judge(
        conn,
        master_pass_group=call.config.master_pass_group,
        station_id=call.station.id,
        uid=uid,
        type=None,
        purpose="start",
        at=found.start_received_at,
        session_id=found.id,
    )
    info = _id_tag_info(decision, found.start_received_at)
    if found.authorization_status is not None:
        info["status"] = found.authorization_status
    return {"transactionId": int(found.transaction_id), "idTagInfo": info}


def _item(call: Call, evse: int | None, transaction_id: str | None, elements: object) -> Item:
    connector = None if evse is None else 1
    item = Item(call.station.id, "v16", call.received_at, evse, connector, transaction_id)
    item.measured = measured(
        elements,
        words,
        evse=evse,
        connector=connector,
        transaction_id=transaction_id,
        received_at=call.received_at,
        says_kwh=call.station.says_kwh,
        clock_offset_h=call.station.clock_offset_h,
    )
    return item


def meter_values(call: Call) -> tuple[Item, Payload]:
    """Kept whatever they name: by transaction, else by connector and time, else alone."""
    item = _item(
        call,
        words.evse_of(call.get("connectorId")),
        words.transaction_id_of(call.get("transactionId")),
        call.get("meterValue"),
    )
    item.said = call.action, call.message_id, call.body
    return item, {}


async def stop_transaction(call: Call, conn: Conn) -> Payload:
    """Never refused, never blocked: also for a transaction that nobody started (digest 9.3)."""
    station_id = call.station.id
    at, clock_flags = call.when(call.get("timestamp"))
    meter_stop_wh = keys.register_wh(call.get("meterStop"), says_kwh=call.station.says_kwh)
    uid = salvage.uid(call.get("idTag"))
    flags = [*clock_flags, *([rules.MALFORMED] if call.problem else [])]
    await sessions.lock_station(conn, station_id)

    transaction_id = words.transaction_id_of(call.get("transactionId"))
    session, stop_key = None, None
    if transaction_id is not None:
        session = await sessions.find_by_transaction(conn, station_id, "v16", transaction_id)
    if session is None:
        session, stop_key = await unknown_stops.session_of(
            call, conn, at=at, uid=uid, meter_stop_wh=meter_stop_wh
        )

    item = _item(call, session.evse, session.transaction_id, call.get("transactionData"))
    has_new = await own_readings.add(conn, session, item)
    await charging.end_by_charger(
        conn,
        call.topics,
        session,
        at=at,
        received_at=call.received_at,
        reason=text(call.get("reason"), 100) or "Local",
        meter_stop_wh=meter_stop_wh,
        stop_id_token=uid,
        stop_key=stop_key,
        is_guess=stop_key is not None and rules.INCOMPLETE not in session.flags,
        flags=flags,
        has_new_readings=has_new,
    )
    if uid is None:
        return {}
    decision, _ = await cards.judge(
        conn,
        master_pass_group=call.config.master_pass_group,
        station_id=station_id,
        uid=uid,
        type=None,
        purpose="stop",
        at=call.received_at,
        session_id=session.id,
    )
    return {"idTagInfo": _id_tag_info(decision, call.received_at)}

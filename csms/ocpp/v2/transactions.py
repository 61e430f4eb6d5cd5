"""TransactionEvent and MeterValues (digest 2.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

import msgspec

from csms import cards, charging, own_readings
from csms.items import Item
from csms.ocpp.handling import Call, Frequent, Handler, Rare
from csms.ocpp.measured import measured
from csms.ocpp.salvage import text
from csms.ocpp.typed import is_object
from csms.ocpp.v2 import words
from csms.rules import payers
from csms.rules import sessions as rules
from csms.rules.authorization import Decision
from csms.say import Payload
from db import sessions
from db.model.id_tokens import IdToken
from db.model.sessions import Session
from db.rows import Conn

_STOP_TRIGGERS = {"StopAuthorized", "Deauthorized", "RemoteStop"}


def by_content(payload: Payload) -> Handler:
    """An update that only measures needs no connection of its own."""
    if words.transaction_id_of(payload) is None:
        return _UNREADABLE
    is_update = payload.get("eventType") == "Updated" and payload.get("idToken") is None
    return _UPDATE if is_update else _EVENT


def _item(call: Call) -> Item:
    evse, connector = words.evse_of(call.get("evse"))
    if evse is None and call.get("evse") is not None:
        call.problem = call.problem or "an event on an EVSE that no station has"
    transaction_id = words.transaction_id_of(call.payload)
    info = call.get("transactionInfo")
    item = Item(call.station.id, "v2", call.received_at, evse, connector, transaction_id)
    item.charging_state = text(info.get("chargingState"), 50) if is_object(info) else None
    # The EVSE is said in some events and not in others: no part of what makes a reading the same.
    item.measured = measured(
        call.get("meterValue"),
        words,
        evse=None,
        connector=None,
        transaction_id=transaction_id,
        received_at=call.received_at,
        says_kwh=call.station.says_kwh,
        clock_offset_h=call.station.clock_offset_h,
    )
    return item


def _update(call: Call) -> tuple[Item, Payload]:
    item = _item(call)
    item.needs_session = True
    return item, {}


def _unreadable(call: Call) -> tuple[Item, Payload]:
    call.problem = call.problem or "an event of no transaction"
    return Item(call.station.id, "v2", call.received_at), {}


async def _event(call: Call, conn: Conn) -> Payload:
    """
    Started, Ended, and every event with an idToken or of a session not known yet.

    Sets only what is present and never blanks what is known; never an error because of data that
    we dislike (E01, E02, digest 2.2).
    """
    kind, trigger = call.get("eventType"), call.get("triggerReason")
    at, clock_flags = call.when(call.get("timestamp"))
    item = _item(call)
    assert item.transaction_id is not None
    await sessions.lock_station(conn, call.station.id)
    known = await sessions.list_generations(conn, call.station.id, "v2", item.transaction_id)
    start_key = _start_key(call) if kind == "Started" else None
    session = _meant(known, at, call.received_at, start_key)
    number = await sessions.next_number(conn) if session is None else session.id

    presented = words.id_token_of(call.get("idToken"))
    is_stop = kind == "Ended" or trigger in _STOP_TRIGGERS
    decision: Decision | None = None
    token: IdToken | None = None
    if presented is not None:
        decision, token = await cards.judge(
            conn,
            master_pass_group=call.config.master_pass_group,
            station_id=call.station.id,
            uid=presented[0],
            type=presented[1],
            purpose="stop" if is_stop else "start",
            at=call.received_at,
            session_id=number,
            ghost_id=await charging.ghost(conn, call.station.id, item.evse, at),
        )
    uid = token.uid if token else (presented[0] or None) if presented else None
    flags = [*clock_flags, *([rules.MALFORMED] if call.problem else [])]
    if session is not None and _contradicts(session, start_key, item.evse, uid):
        flags += [rules.START_CONFLICT, rules.NEEDS_REVIEW]
        call.problem = call.problem or "a second start, which says another EVSE or card"
    if session is None:
        if call.station.registration != "Accepted":
            flags.append(rules.UNREGISTERED)
        if kind != "Started":
            flags.append(rules.NO_START)
        session = await charging.open_session(
            conn,
            call.topics,
            session_id=number,
            station_id=call.station.id,
            family="v2",
            transaction_id=item.transaction_id,
            generation=known[-1].generation + 1 if known else 0,
            start_key=start_key,
            evse=item.evse,
            connector=item.connector,
            started_at=at,
            received_at=call.received_at,
            id_token=None,
            account_id=None,
            authorization_status=None,
            meter_start_wh=None,
            flags=flags,
        )
    before = session
    if kind == "Started" and rules.NO_START in session.flags:
        session = rules.started(session, at, is_clock_unset=at == call.received_at)
        session = replace(session, start_key=start_key)
    else:
        session = rules.heard(session, at)
    if decision is not None and not is_stop:
        session = payers.authorized(
            session,
            at=at,
            uid=uid,
            account_id=token.account_id if token else None,
            status=decision.status,
        )
    elif trigger == "StopAuthorized" and session.stop_id_token is None:
        session = replace(session, stop_id_token=uid)
    session = await _placed(call, conn, session, item, at)
    session = rules.with_flags(session, *flags)
    if session != before and (session.is_finalized or kind != "Ended"):
        session = replace(session, updated_at=max(session.updated_at, call.received_at))
        await sessions.save(conn, session)
        if not session.is_finalized:
            await charging.follow(conn, session)
    has_new = await own_readings.add(conn, session, item)
    if kind == "Ended":
        info = call.get("transactionInfo")
        await charging.end_by_charger(
            conn,
            call.topics,
            session,
            at=at,
            received_at=call.received_at,
            reason=text(info.get("stoppedReason"), 100) or "Local",
            meter_stop_wh=None,
            stop_id_token=uid,
            has_new_readings=has_new,
        )
    elif session.is_recompute_due or (session.is_finalized and has_new):
        session = replace(session, updated_at=max(session.updated_at, call.received_at))
        await charging.read_again(conn, call.topics, session, now=call.received_at)
    call.topics |= charging.topics_of(session)
    if decision is None:
        return {}
    return {"idTokenInfo": words.id_token_info(decision, call.received_at)}


def _start_key(call: Call) -> bytes:
    """What makes two Started events the same one."""
    keys = ("seqNo", "timestamp", "triggerReason", "evse", "idToken")
    parts = (words.transaction_id_of(call.payload), *(call.get(key) for key in keys))
    said = msgspec.json.encode(parts, order="deterministic")
    return blake2b(said, digest_size=16).digest()


def _meant(
    known: list[Session], at: datetime, received_at: datetime, start_key: bytes | None
) -> Session | None:
    """Of the sessions with its number, the one that an event is of; None for a new one."""
    if start_key is None or not known:
        return rules.generation_at(known, at)
    for session in known:
        if session.start_key == start_key:
            return session
    is_clock_unset = at == received_at
    is_new = rules.is_new_generation(known[-1], started_at=at, is_clock_unset=is_clock_unset)
    return None if is_new else known[-1]


def _contradicts(
    session: Session, start_key: bytes | None, evse: int | None, uid: str | None
) -> bool:
    """Whether a second start says another EVSE or card than the first (reliability D-P42)."""
    if session.start_key is None or start_key in (None, session.start_key):
        return False
    is_elsewhere = evse is not None and session.evse not in (None, evse)
    return is_elsewhere or (uid is not None and session.id_token not in (None, uid))


async def _placed(call: Call, conn: Conn, session: Session, item: Item, at: datetime) -> Session:
    """
    A session learns its EVSE when the cable is in; the one before on it has ended then.

    If it is said late, of a time before the one that runs there, this one has ended.
    """
    if session.evse is not None or item.evse is None:
        return session
    session = replace(session, evse=item.evse, connector=item.connector)
    if session.is_finalized or call.get("eventType") == "Ended":
        return replace(session, is_recompute_due=True)
    running = await sessions.find_open(conn, session.station_id, item.evse)
    match rules.place(running, at):
        case "after":
            assert running is not None
            await charging.end_by_rule(
                conn,
                call.topics,
                running,
                now=call.received_at,
                flag=rules.IMPLICIT_END,
                over_by=at,
            )
        case "before":
            assert running is not None
            session = rules.end_inferred(
                session, at=running.started_at, now=call.received_at, flag=rules.IMPLICIT_END
            )
            return replace(session, is_recompute_due=True)
    if await own_readings.attach(conn, session, call.received_at):
        return replace(session, is_recompute_due=True)
    return session


def meter_values(call: Call) -> tuple[Item, Payload]:
    """Of an EVSE outside a transaction, or clock-aligned in one: by time (digest 3.7)."""
    evse = words.number_of(call.get("evseId"))
    item = Item(call.station.id, "v2", call.received_at, evse)
    item.measured = measured(
        call.get("meterValue"),
        words,
        evse=evse,
        connector=None,
        transaction_id=None,
        received_at=call.received_at,
        says_kwh=call.station.says_kwh,
        clock_offset_h=call.station.clock_offset_h,
    )
    return item, {}


_UPDATE = Frequent(_update, otherwise=_event)
_EVENT = Rare(_event)
_UNREADABLE = Frequent(_unreadable)

"""TransactionEvent and MeterValues (digest 2.2)."""

from __future__ import annotations

from dataclasses import replace

from csms import cards, charging
from csms.ingest import Item
from csms.ocpp.handling import Call, Frequent, Handler, Rare
from csms.ocpp.measured import measured
from csms.ocpp.salvage import text
from csms.ocpp.v2 import words
from csms.rules import clocks
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
    transaction_id = words.transaction_id_of(call.payload)
    info = call.get("transactionInfo")
    item = Item(call.station.id, "v2", call.received_at, evse, connector, transaction_id)
    item.charging_state = text(info.get("chargingState"), 50) if isinstance(info, dict) else None
    # The EVSE is said in some events and not in others: no part of what makes a reading the same.
    item.measured = measured(
        call.get("meterValue"),
        words.sample,
        evse=None,
        connector=None,
        transaction_id=transaction_id,
        received_at=call.received_at,
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
    kind = call.get("eventType")
    at, clock_flags = clocks.when(call.get("timestamp"), call.received_at)
    item = _item(call)
    assert item.transaction_id is not None
    await sessions.lock_station(conn, call.station.id)
    session = await sessions.find_by_transaction(conn, call.station.id, "v2", item.transaction_id)
    is_new = session is None or (
        kind == "Started" and rules.is_new_generation(session, started_at=at)
    )
    number = await sessions.next_number(conn) if is_new or session is None else session.id

    presented = words.id_token_of(call.get("idToken"))
    is_stop = kind == "Ended" or call.get("triggerReason") in _STOP_TRIGGERS
    decision: Decision | None = None
    token: IdToken | None = None
    if presented is not None:
        decision, token = await cards.judge(
            conn,
            station_id=call.station.id,
            uid=presented[0],
            type=presented[1],
            purpose="stop" if is_stop else "start",
            at=call.received_at,
            session_id=number,
        )
    uid = token.uid if token else (presented[0] or None) if presented else None
    flags = [*clock_flags, *([rules.MALFORMED] if call.problem else [])]
    if is_new or session is None:
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
            generation=0 if session is None else session.generation + 1,
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
    if not is_stop and decision is not None:
        session = _authorized(session, uid, token, decision)
    session = await _placed(call, conn, session, item)
    if kind == "Started" and rules.NO_START in session.flags:
        session = replace(
            rules.with_flags(session, without={rules.NO_START}),
            started_at=at,
            is_recompute_due=True,
        )
    session = replace(session, flags=sorted({*session.flags, *flags}))
    await sessions.save(conn, session)
    has_new = await charging.add_readings(conn, session, item)
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
    elif session.is_finalized and (has_new or session.is_recompute_due):
        await charging.read_again(conn, call.topics, session, now=call.received_at)
    call.topics |= charging.topics_of(session)
    if decision is None:
        return {}
    return {"idTokenInfo": words.id_token_info(decision, call.received_at)}


def _authorized(
    session: Session, uid: str | None, token: IdToken | None, decision: Decision
) -> Session:
    """The first card that starts a session pays for it (digest 2.2)."""
    if session.id_token is not None and session.authorization_status == "Accepted":
        return session
    session = replace(
        session,
        id_token=uid,
        account_id=token.account_id if token else None,
        authorization_status=decision.status,
    )
    if decision.accepted:
        return rules.with_flags(session, without={rules.UNAUTHORIZED})
    return rules.with_flags(session, rules.UNAUTHORIZED)


async def _placed(call: Call, conn: Conn, session: Session, item: Item) -> Session:
    """A session learns its EVSE when the cable is in; the one before on it has ended then."""
    if session.evse is not None or item.evse is None:
        return session
    if not session.is_finalized:
        running = await sessions.find_open(conn, session.station_id, item.evse)
        if running is not None and running.id != session.id:
            await charging.end_by_rule(
                conn, call.topics, running, now=call.received_at, flag=rules.IMPLICIT_END
            )
        live = await sessions.find_live(conn, session.station_id, session.id)
        if live is not None:
            live.evse = item.evse
            await sessions.save_lives(conn, [live])
    return replace(session, evse=item.evse, connector=item.connector)


def meter_values(call: Call) -> tuple[Item, Payload]:
    """Of an EVSE outside a transaction, or clock-aligned in one: by time (digest 3.7)."""
    evse = words.number_of(call.get("evseId"))
    item = Item(call.station.id, "v2", call.received_at, evse)
    item.measured = measured(
        call.get("meterValue"),
        words.sample,
        evse=evse,
        connector=None,
        transaction_id=None,
        received_at=call.received_at,
    )
    return item, {}


_UPDATE = Frequent(_update, otherwise=_event)
_EVENT = Rare(_event)
_UNREADABLE = Frequent(_unreadable)

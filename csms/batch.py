"""
What one batch of ingest writes, whatever is in it, in the caller's transaction.

Where a live row has another version than we remember, because a handler, a job or another process
wrote it, it is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import structlog

from csms import foreign
from csms.items import Item, Outcome, Sessions, advance, row
from db import (
    changes,
    messages,
    readings,
    session_live,
    sessions,
    station_events,
    stations,
)
from db.model.readings import Reading
from db.model.sessions import Session, SessionLive
from db.rows import Conn
from db.session_live import Step

log = structlog.get_logger()

_WINDOW = timedelta(seconds=60)  # readings may come so late after the end (digest 3.7)


class Busy(Exception):  # noqa: N818 - it reads as what happened
    """Somebody holds the live rows of these items: the others go first."""

    def __init__(self, items: list[Item]) -> None:
        super().__init__(f"{len(items)} items")
        self.items = items


async def write(conn: Conn, known: Sessions, items: Sequence[Item]) -> Outcome:
    """
    Write a batch. Raises Busy, and then the transaction must be given up.

    Whatever is raised, the caller forgets the sessions of the batch's stations.
    """
    out = Outcome()
    metered = [item for item in items if item.is_metering]
    lives = await _find(conn, known, metered)
    strays = [item for item in metered if id(item) not in lives]
    ended = await _ended(conn, strays) if strays else {}
    if strays:
        await _keep_apart(conn, [item for item in strays if id(item) not in ended])
    for item in metered:
        if item.needs_session and not _is_placed(item, lives.get(id(item)), ended.get(id(item))):
            out.refused.add(id(item))
    written = [item for item in items if id(item) not in out.refused]

    added = await _add_readings(conn, written, lives, ended)
    await _move_on(conn, known, written, lives, added, out)
    late = {
        (session.station_id, session.id)
        for item in written
        if (session := ended.get(id(item))) is not None
        and any((item.station_id, measured.fingerprint) in added for measured in item.measured)
    }
    if late:
        await sessions.mark_recompute(conn, sorted(late))
        for item in written:
            if (session := ended.get(id(item))) is not None:
                out.topics.add(changes.topic("session", session.id, account_id=session.account_id))
    await _write_rest(conn, written, out)
    return out


async def _keep_apart(conn: Conn, homeless: list[Item]) -> None:
    """1.6: its numbers are ours, so who names another station's is mistaken, or lies (D-P33)."""
    named = {item.transaction_id for item in homeless if item.said is not None}
    numbers = [int(number) for number in named if number is not None]
    others = await sessions.list_given(conn, numbers) if numbers else set()
    for item in homeless:
        if item.said is None or item.transaction_id is None:
            continue
        if item.transaction_id in others:
            problem = f"a reading of transaction {item.transaction_id}, which is another charger's"
            item.quarantine = item.quarantine or (*item.said, problem)
            action = item.said[0]
            item.events = (
                foreign.named(item.station_id, action, item.transaction_id, item.received_at),
            )
            log.warning("reading.of_another_station", station_id=item.station_id)


def _is_placed(item: Item, live: SessionLive | None, session: Session | None) -> bool:
    """Opening a session, and deciding on which EVSE it is, is for a handler."""
    place = live or session
    return place is not None and (place.evse is not None or item.evse is None)


async def _find(conn: Conn, known: Sessions, metered: list[Item]) -> dict[int, SessionLive]:
    """The running session of each item, by id(item)."""
    found = {id(item): live for item in metered if (live := known.get(item)) is not None}
    rest = [item for item in metered if id(item) not in found]
    if not rest:
        return found
    lives = await session_live.list_of(conn, sorted({item.station_id for item in rest}))
    # A row that is known already is the same row as of now: one object for each session.
    known.remember(lives)
    by_evse = {(live.station_id, live.evse): live for live in lives if live.evse is not None}
    found = {id(item): live for item in metered if (live := known.get(item)) is not None}
    for item in rest:
        if item.transaction_id is not None or item.evse is None or not item.measured:
            continue
        live = by_evse.get((item.station_id, item.evse))
        if live is not None and item.measured[0].at >= live.started_at:
            found[id(item)] = live
    return found


async def _add_readings(
    conn: Conn,
    written: list[Item],
    lives: dict[int, SessionLive],
    ended: dict[int, Session],
) -> set[tuple[int, bytes]]:
    rows: list[Reading] = []
    for item in written:
        if not item.measured:
            continue
        live, flags = lives.get(id(item)), ""
        if live is not None:
            item.session_id = live.session_id
        elif (session := ended.get(id(item))) is not None:
            item.session_id, flags = session.id, "after_end"
        elif item.transaction_id is not None:
            flags = "unknown_session"
        rows.extend([row(item, measured, item.session_id, flags) for measured in item.measured])
    return await readings.add_many(conn, rows) if rows else set()


async def _move_on(
    conn: Conn,
    known: Sessions,
    written: list[Item],
    lives: dict[int, SessionLive],
    added: set[tuple[int, bytes]],
    out: Outcome,
) -> None:
    """Advance the live rows of a batch; those that somebody else moved are read again, once."""
    advancing = [(item, lives[id(item)]) for item in written if id(item) in lives]
    missed = await _step(conn, advancing, added, out)
    if not missed:
        return
    stale = {id(live): live for _, live in missed}.values()
    known.forget_stations(live.station_id for live in stale)
    held = await session_live.list_of(
        conn, sorted({live.station_id for live in stale}), is_locked=True
    )
    fresh = {(live.station_id, live.session_id): live for live in held}
    again, over = [], []
    for item, live in missed:
        now = fresh.get((live.station_id, live.session_id))
        (again.append((item, now)) if now is not None else over.append((item, live)))
    missed_again = await _step(conn, again, added, out)
    assert not missed_again, "a row that we hold cannot move"
    known.remember(fresh.values())
    if over:
        await _late(conn, over, out)


async def _step(
    conn: Conn,
    advancing: list[tuple[Item, SessionLive]],
    added: set[tuple[int, bytes]],
    out: Outcome,
) -> list[tuple[Item, SessionLive]]:
    """What was not moved, because its row is not as we know it."""
    if not advancing:
        return []
    before: dict[int, tuple[SessionLive, Decimal]] = {}
    odd: set[int] = set()
    for item, live in advancing:
        before.setdefault(live.session_id, (live, live.energy_wh))
        if not advance(live, item, added):
            odd.add(live.session_id)
    steps = [Step(live, live.energy_wh - energy_wh) for live, energy_wh in before.values()]
    steps.sort(key=lambda step: (step.live.station_id, step.live.session_id))
    hour = advancing[0][0].received_at.replace(minute=0, second=0, microsecond=0)
    moved = await session_live.advance(conn, steps, hour)
    marked = []
    for live, _ in before.values():
        if live.session_id in moved:
            live.version += 1
            out.topics.add(changes.topic("session", live.session_id, account_id=live.account_id))
            if live.session_id in odd:
                marked.append((live.station_id, live.session_id))
    if marked:
        await sessions.mark_recompute(conn, sorted(marked))
    if len(moved) == len(before):
        return []
    return [(item, live) for item, live in advancing if live.session_id not in moved]


async def _late(conn: Conn, over: list[tuple[Item, SessionLive]], out: Outcome) -> None:
    """Sessions that ended since we knew them: to be read again. Raises Busy for those held."""
    ended = await _ended(conn, [item for item, _ in over if item.transaction_id is not None])
    busy = [
        item
        for item, _ in over
        if (session := ended.get(id(item))) is None or not session.is_finalized
    ]
    if busy:
        raise Busy(busy)
    await sessions.mark_recompute(
        conn, sorted({(live.station_id, live.session_id) for _, live in over})
    )
    for _, live in over:
        out.topics.add(changes.topic("session", live.session_id, account_id=live.account_id))


async def _ended(conn: Conn, strays: Sequence[Item]) -> dict[int, Session]:
    """Sessions that are not known to run and that items belong to, by id(item)."""
    named = [item for item in strays if item.transaction_id is not None]
    found: dict[int, Session] = {}
    if named:
        known = await sessions.list_by_transactions(
            conn, [(item.station_id, item.family, item.transaction_id or "") for item in named]
        )
        for item in named:
            session = known.get((item.station_id, item.family, item.transaction_id or ""))
            if session is not None:
                found[id(item)] = session
    for item in strays:
        if item.transaction_id is None and item.evse is not None and item.measured:
            around = await sessions.list_around(
                conn, item.station_id, evse=item.evse, at=item.measured[0].at, slack=_WINDOW
            )
            if around:
                found[id(item)] = around[0]
    return found


async def _write_rest(conn: Conn, items: Sequence[Item], out: Outcome) -> None:
    reports = [report for item in items for report in item.statuses]
    if reports:
        await stations.record_statuses(conn, reports)
        out.topics.update(changes.topic("station", report.station_id) for report in reports)
    events = [event for item in items for event in item.events]
    if events:
        told = await station_events.add_many(conn, events)
        out.topics.update(changes.topic("reports", station_id) for station_id in told)
    for item in items:
        if item.quarantine is not None:
            action, message_id, body, problem = item.quarantine
            await messages.add_quarantine(
                conn,
                station_id=item.station_id,
                received_at=item.received_at,
                action=action,
                message_id=message_id,
                body=body,
                problem=problem,
                session_id=item.session_id,
            )

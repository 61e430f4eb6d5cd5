"""
What one batch of ingest writes, in the caller's transaction.

The running figures of a session are remembered between batches, so that the usual batch reads
nothing: it inserts readings, and moves each live row on from the version that it knows. Where the
row has another version, because a handler, a job or another process wrote it, it is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from csms.rules import metering
from csms.rules.series import Figures, Summary
from db import changes, hot_path, messages, readings, session_live, sessions, stations
from db.hot_path import Usual
from db.messages import Message
from db.model.readings import Moment, Reading, Sample, encode_samples
from db.model.sessions import Family, Session, SessionLive
from db.rows import Conn
from db.session_live import Step
from db.stations import StatusReport

_WINDOW = timedelta(seconds=60)  # readings may come so late after the end (digest 3.7)
_MOST_STATIONS = 50_000


@dataclass(slots=True)
class Measured:
    """One moment, normalised; its session is found when it is written."""

    at: datetime
    said_at: str | None
    fingerprint: bytes
    samples: list[Sample]
    figures: Figures
    summary: Summary
    flags: str  # joined by spaces


Settled = Callable[[Exception | None], None]


@dataclass(slots=True)
class Item:
    """What one message brings; `transaction_id` None means by EVSE and time."""

    station_id: int
    family: Family
    received_at: datetime
    evse: int | None = None
    connector: int | None = None
    transaction_id: str | None = None
    measured: list[Measured] = field(default_factory=list)
    charging_state: str | None = None
    status: StatusReport | None = None
    needs_session: bool = False  # else what has no session is kept without one
    quarantine: tuple[str, str, bytes, str] | None = None  # action, message id, body, problem
    notification: tuple[str, bytes] | None = None
    settled: Settled | None = None  # who waits for the commit, until told
    give_up_at: float = 0.0  # by the loop's clock
    session_id: int | None = None  # found when written

    @property
    def is_metering(self) -> bool:
        return self.needs_session or bool(self.measured)


class Busy(Exception):  # noqa: N818 - it reads as what happened
    """Somebody holds the live rows of these items: the others go first."""

    def __init__(self, items: list[Item]) -> None:
        super().__init__(f"{len(items)} items")
        self.items = items


@dataclass(slots=True)
class Outcome:
    refused: set[int] = field(default_factory=set)  # id(item): needs a session that is not there
    topics: set[str] = field(default_factory=set)


class Sessions:
    """The running sessions that this process has met, by station, as it last wrote them."""

    def __init__(self) -> None:
        self._lives: dict[int, dict[tuple[Family, str], SessionLive]] = {}

    def get(self, item: Item) -> SessionLive | None:
        if item.transaction_id is None:
            return None
        lives = self._lives.get(item.station_id)
        return None if lives is None else lives.get((item.family, item.transaction_id))

    def remember(self, lives: Iterable[SessionLive]) -> None:
        if len(self._lives) > _MOST_STATIONS:
            self._lives.clear()
        for live in lives:
            station = self._lives.setdefault(live.station_id, {})
            station[live.family, live.transaction_id] = live

    def forget_stations(self, station_ids: Iterable[int]) -> None:
        for station_id in station_ids:
            self._lives.pop(station_id, None)


def row(item: Item, measured: Measured, session_id: int | None, flags: str = "") -> Reading:
    summary = measured.summary
    return Reading(
        item.station_id,
        measured.at,
        measured.fingerprint,
        item.received_at,
        measured.said_at,
        session_id,
        item.evse,
        item.connector,
        item.transaction_id,
        summary.context,
        summary.energy_wh,
        summary.power_w,
        summary.soc_pct,
        encode_samples(measured.samples),
        f"{measured.flags} {flags}".strip() if flags else measured.flags,
    )


def advance(live: SessionLive, item: Item, added: set[tuple[int, bytes]]) -> bool:
    """Move the live figures on by what is new; False when the series must be read again."""
    is_regular = True
    measured_in_order = (
        item.measured
        if len(item.measured) < 2
        else sorted(item.measured, key=lambda measured: measured.at)
    )
    for measured in measured_in_order:
        if (item.station_id, measured.fingerprint) in added:
            moment = Moment(measured.at, measured.samples)
            is_regular &= metering.advance(live, moment, measured.figures)
    if item.charging_state is not None:
        live.charging_state = item.charging_state
    live.updated_at = max(live.updated_at, item.received_at)
    return is_regular


def is_usual(known: Sessions, item: Item) -> bool:
    """A well-dated measurement of a running session that we know, and nothing else."""
    live = known.get(item)
    return (
        live is not None
        and item.is_metering
        and item.quarantine is None
        and item.status is None
        and (live.evse is not None or item.evse is None)
        and not any(measured.flags for measured in item.measured)
    )


async def write_usual(
    conn: Conn, known: Sessions, items: Sequence[Item], logged: Sequence[Message]
) -> Outcome:
    """The same as `write` for usual items, in one statement that is its own transaction."""
    out = Outcome()
    rows: list[Reading] = []
    seen: set[tuple[int, bytes]] = set()
    sums: dict[int, list[Any]] = {}  # live, its energy before, readings, is odd
    for item in items:
        live = known.get(item)
        assert live is not None, "a usual item has one"
        sum_ = sums.setdefault(live.session_id, [live, live.energy_wh, 0, False])
        item.session_id = live.session_id
        new = [m for m in item.measured if (item.station_id, m.fingerprint) not in seen]
        keys = {(item.station_id, measured.fingerprint) for measured in new}
        seen |= keys
        rows.extend([row(item, measured, live.session_id) for measured in new])
        sum_[2] += len(keys)
        sum_[3] |= not advance(live, item, keys)
    steps = [
        Usual(Step(live, live.energy_wh - before), count, is_odd)
        for live, before, count, is_odd in sums.values()
    ]
    hour = items[0].received_at.replace(minute=0, second=0, microsecond=0)
    moved = await hot_path.write(conn, rows, steps, logged, hour)
    for step, _, _ in steps:
        live = step.live
        out.topics.add(changes.topic("session", live.session_id, account_id=live.account_id))
        if live.session_id in moved:
            live.version += 1
        else:
            known.forget_stations([live.station_id])
    return out


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
    todo = [(item, lives[id(item)]) for item in written if id(item) in lives]
    missed = await _step(conn, todo, added, out)
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
    todo: list[tuple[Item, SessionLive]],
    added: set[tuple[int, bytes]],
    out: Outcome,
) -> list[tuple[Item, SessionLive]]:
    """What was not moved, because its row is not as we know it."""
    if not todo:
        return []
    before: dict[int, tuple[SessionLive, Decimal]] = {}
    odd: set[int] = set()
    for item, live in todo:
        before.setdefault(live.session_id, (live, live.energy_wh))
        if not advance(live, item, added):
            odd.add(live.session_id)
    steps = [Step(live, live.energy_wh - energy_wh) for live, energy_wh in before.values()]
    steps.sort(key=lambda step: (step.live.station_id, step.live.session_id))
    hour = todo[0][0].received_at.replace(minute=0, second=0, microsecond=0)
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
    return [(item, live) for item, live in todo if live.session_id not in moved]


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
    reports = [item.status for item in items if item.status is not None]
    if reports:
        await stations.record_statuses(conn, reports)
        out.topics.update(changes.topic("station", report.station_id) for report in reports)
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
        if item.notification is not None:
            action, body = item.notification
            await messages.add_notification(
                conn,
                station_id=item.station_id,
                received_at=item.received_at,
                action=action,
                body=body,
            )

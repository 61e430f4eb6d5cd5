"""
The durable hot path: what all links brought while the last commit ran goes into the next one.

No timer: a batch is whatever is there. One transaction a batch, one statement a table, rows in the
order of station_id, so that two processes cannot deadlock. Every waiter is woken by its commit. A
batch that fails is tried again item by item, so that one bad row hurts only itself; while the
database is away, items wait for as long as somebody waits for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg
import structlog

from csms.errors import NoSession
from csms.rules import metering
from csms.rules.series import Figures, Summary
from db import changes, messages, readings, sessions, stations
from db.errors import StoreAway, is_away
from db.messages import Message
from db.model.readings import Moment, Reading, Sample, encode_samples
from db.model.sessions import Family, Session, SessionLive
from db.rows import Conn
from db.stations import StatusReport

log = structlog.get_logger()

_MOST_ITEMS = 1_000
_MOST_LOGGED = 10_000
_LOG_LINGER_S = 0.25
_RETRY_S = 0.25
_WINDOW = timedelta(seconds=60)  # readings may come so late after the end (digest 3.7)
_EARLY = timedelta(minutes=5)


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
    done: asyncio.Future[None] | None = None
    session_id: int | None = None  # found when written

    @property
    def is_metering(self) -> bool:
        return self.needs_session or bool(self.measured)


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


class Ingest:
    """`run` is its one task, and holds its one connection."""

    def __init__(self, url: str, changed: Callable[..., None]) -> None:
        self._url = url
        self._changed = changed
        self._items: deque[Item] = deque()
        self._log: deque[Message] = deque(maxlen=_MOST_LOGGED)
        self._wake = asyncio.Event()
        self.lost_log_rows = 0

    async def add(self, item: Item) -> None:
        """
        Return when the item is committed.

        Raises NoSession, and whatever the database says of this one item.
        """
        item.done = asyncio.get_running_loop().create_future()
        self._items.append(item)
        self._wake.set()
        await item.done

    def log(self, message: Message) -> None:
        """Nobody waits for the message log; when the database is slow its oldest rows go."""
        if len(self._log) == _MOST_LOGGED:
            self.lost_log_rows += 1
        self._log.append(message)
        if len(self._log) == 1:
            self._wake.set()

    async def run(self) -> None:
        while True:
            try:
                conn = await asyncpg.connect(
                    self._url,
                    timeout=5,
                    server_settings={"lock_timeout": "5s", "statement_timeout": "20s"},
                )
            except Exception as error:
                if not is_away(error):
                    log.error("ingest.failed_to_connect", error=repr(error))
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                await self._write_from(conn)
            except StoreAway as error:
                log.warning("ingest.interrupted", error=str(error), waiting=len(self._items))
            finally:
                conn.terminate()
            await asyncio.sleep(_RETRY_S)

    async def drain(self) -> None:
        """Until everything that was handed over is written; the caller bounds it."""
        while self._items or self._log:
            self._wake.set()
            await asyncio.sleep(0.01)

    async def _write_from(self, conn: asyncpg.Connection[asyncpg.Record]) -> None:
        while True:
            await self._wake.wait()
            if not self._items:
                await asyncio.sleep(_LOG_LINGER_S)
            self._wake.clear()
            items = [self._items.popleft() for _ in range(min(len(self._items), _MOST_ITEMS))]
            # Nobody waits for what was given up: its charger will say it again.
            items = [item for item in items if item.done is not None and not item.done.done()]
            logged = list(self._log)
            self._log.clear()
            if self._items:
                self._wake.set()
            try:
                await self._commit(conn, items, logged)
            except Exception as error:
                if is_away(error) or conn.is_closed():
                    self._items.extendleft(reversed(items))
                    self._log.extendleft(reversed(logged[-_MOST_LOGGED:]))
                    self._wake.set()
                    raise StoreAway(str(error) or type(error).__name__) from error
                await self._one_by_one(conn, items, logged, error)

    async def _one_by_one(
        self,
        conn: asyncpg.Connection[asyncpg.Record],
        items: list[Item],
        logged: list[Message],
        why: Exception,
    ) -> None:
        log.warning("ingest.batch_failed", items=len(items), logged=len(logged), error=repr(why))
        for at, item in enumerate(items):
            try:
                await self._commit(conn, [item], [])
            except Exception as error:
                if is_away(error) or conn.is_closed():
                    self._items.extendleft(reversed(items[at:]))
                    self._wake.set()
                    raise StoreAway(str(error) or type(error).__name__) from error
                _settle(item, error)
        for message in logged:
            try:
                await messages.add_many(conn, [message])
            except Exception as error:
                if conn.is_closed():
                    raise StoreAway(str(error)) from error
                log.warning("message.not_logged", action=message.action, error=repr(error))

    async def _commit(
        self,
        conn: asyncpg.Connection[asyncpg.Record],
        items: list[Item],
        logged: list[Message],
    ) -> None:
        items.sort(key=lambda item: item.station_id)
        async with conn.transaction():
            refused, topics = await _write(conn, items)
            if logged:
                await messages.add_many(conn, logged)
        for item in items:
            _settle(item, NoSession(item.transaction_id) if id(item) in refused else None)
        if topics:
            self._changed(*topics)


def _settle(item: Item, error: Exception | None) -> None:
    if item.done is None or item.done.done():
        return
    if error is None:
        item.done.set_result(None)
    else:
        item.done.set_exception(error)


async def _write(conn: Conn, items: Sequence[Item]) -> tuple[set[int], set[str]]:
    """One batch. The ids of items that need a session which does not exist; and what changed."""
    metered = [item for item in items if item.is_metering]
    lives = _Lives(
        await sessions.list_live(conn, sorted({item.station_id for item in metered}))
        if metered
        else []
    )
    strays = [item for item in metered if lives.of(item) is None]
    ended = await _ended(conn, strays) if strays else {}
    refused = {id(item) for item in strays if item.needs_session and id(item) not in ended}
    # Which EVSE a session is on is for a handler to decide, which can end the one before.
    refused |= {id(item) for item in metered if lives.is_placed_by(item)}
    written = [item for item in items if id(item) not in refused]

    rows: list[Reading] = []
    for item in written:
        if not item.measured:
            continue
        live = lives.of(item)
        item.session_id = live.session_id if live else None
        flags = ""
        if live is None:
            session = ended.get(id(item))
            item.session_id = session.id if session else None
            flags = "after_end" if session else "unknown_session" if item.transaction_id else ""
        rows.extend(row(item, measured, item.session_id, flags) for measured in item.measured)
    added = await readings.add_many(conn, rows) if rows else set()

    topics: set[str] = set()
    energy: list[tuple[int, datetime, Decimal]] = []
    recompute: set[tuple[int, int]] = set()
    for item in written:
        live = lives.of(item) if item.is_metering else None
        if live is not None:
            before = live.energy_wh
            if not advance(live, item, added):
                recompute.add((live.station_id, live.session_id))
            energy.append((live.station_id, item.received_at, live.energy_wh - before))
            topics.add(changes.topic("session", live.session_id, account_id=live.account_id))
            lives.touched.add(live.session_id)
        elif id(item) in ended and any(
            (item.station_id, m.fingerprint) in added for m in item.measured
        ):
            session = ended[id(item)]
            recompute.add((session.station_id, session.id))
            topics.add(changes.topic("session", session.id, account_id=session.account_id))
        if item.status is not None:
            topics.add(changes.topic("station", item.station_id))
    touched = lives.list_touched()
    if touched:
        await sessions.save_lives(conn, touched)
    if recompute:
        await sessions.mark_recompute(conn, sorted(recompute))
    if energy:
        await readings.add_energy(conn, energy)
    await _write_rest(conn, written)
    return refused, topics


async def _write_rest(conn: Conn, items: Sequence[Item]) -> None:
    reports = [item.status for item in items if item.status is not None]
    if reports:
        await stations.record_statuses(conn, reports)
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


def advance(live: SessionLive, item: Item, added: set[tuple[int, bytes]]) -> bool:
    """Move the live figures on by what is new; False when the series must be read again."""
    is_regular = True
    for measured in sorted(item.measured, key=lambda measured: measured.at):
        if (item.station_id, measured.fingerprint) in added:
            is_regular &= metering.advance(
                live, Moment(measured.at, measured.samples), measured.figures
            )
    if item.charging_state is not None:
        live.charging_state = item.charging_state
    live.updated_at = max(live.updated_at, item.received_at)
    return is_regular


class _Lives:
    """The running sessions of a batch's stations, by what a message calls them."""

    def __init__(self, lives: list[SessionLive]) -> None:
        self._by_transaction = {(live.station_id, live.transaction_id): live for live in lives}
        self._by_evse = {(live.station_id, live.evse): live for live in lives}
        self.touched: set[int] = set()

    def of(self, item: Item) -> SessionLive | None:
        if item.transaction_id is not None:
            return self._by_transaction.get((item.station_id, item.transaction_id))
        if item.evse is None:
            return None
        live = self._by_evse.get((item.station_id, item.evse))
        if live is None or not item.measured or item.measured[0].at < live.started_at - _EARLY:
            return None
        return live

    def is_placed_by(self, item: Item) -> bool:
        live = self.of(item)
        return bool(item.needs_session and live and live.evse is None and item.evse is not None)

    def list_touched(self) -> list[SessionLive]:
        lives = self._by_transaction.values()
        return sorted(
            (live for live in lives if live.session_id in self.touched),
            key=lambda live: (live.station_id, live.session_id),
        )


async def _ended(conn: Conn, strays: Sequence[Item]) -> dict[int, Session]:
    """Ended sessions that late items belong to, by id(item)."""
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

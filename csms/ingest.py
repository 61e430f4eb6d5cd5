"""
The durable hot path: what all links brought while the last commit ran goes into the next one.

No timer: a batch is whatever is there. One transaction a batch; every waiter is woken by its
commit. A full batch is made ready while the one before is written, so that the database waits for
none of that work. A batch that fails is tried again item by item, so that one bad row hurts only
itself; items whose session somebody else holds wait by themselves; while the database is away,
items wait for as long as somebody waits for them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from math import inf
from typing import NamedTuple

import asyncpg
import structlog

from csms import batch, usual
from csms.batch import Busy
from csms.errors import NoSession
from csms.items import Item, Sessions, Settled
from csms.message_log import MessageLog
from csms.waiting import settle
from db import hot_path, messages
from db.errors import StoreAway, is_away
from db.messages import Message

log = structlog.get_logger()

_MOST_ITEMS = 100  # so that the next is read and made ready while one is written
_LOG_LINGER_S = 0.25
_RETRY_S = 0.25
_BUSY_S = 0.2
_LOOK_S = 0.25


class _Batch(NamedTuple):
    items: list[Item]
    logged: list[Message]
    ready: usual.Ready | None  # what is usual of it, with what is logged


class Ingest:
    """`run` is its one task, and has its one connection."""

    def __init__(self, url: str, changed: Callable[..., None]) -> None:
        self._url = url
        self._changed = changed
        self._items: deque[Item] = deque()
        self._known = Sessions()
        self._log = MessageLog()
        self._wake = asyncio.Event()
        self._next: _Batch | None = None
        self._is_writing = False
        self._under_way: list[Item] = []  # what is being written
        self._set_aside = 0

    def put(self, item: Item, settled: Settled, give_up_at: float) -> None:
        """
        Write it, and call `settled` with None after the commit, else with what went wrong.

        That is NoSession, TimeoutError after `give_up_at` (by the loop's clock), or whatever the
        database says of this one item.
        """
        item.settled, item.give_up_at = settled, give_up_at
        self._items.append(item)
        self._wake.set()
        if self._is_writing and self._next is None and len(self._items) >= _MOST_ITEMS:
            self._gather_ahead()

    async def add(self, item: Item, give_up_at: float = inf) -> None:
        """Return when the item is committed. Raises what `put` tells."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settled(error: Exception | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        self.put(item, settled, give_up_at)
        try:
            await done
        finally:
            item.settled = None  # nobody waits for it now

    def forget(self, station_id: int) -> None:
        """A handler wrote a station's sessions: what we remember of them is not so any more."""
        self._known.forget_stations([station_id])

    @property
    def log_rows_lost(self) -> int:
        return self._log.lost

    def log(self, message: Message) -> None:
        if not self._log:
            # It rides with the next batch; where there is none, it has one of its own soon.
            asyncio.get_running_loop().call_later(_LOG_LINGER_S, self._wake.set)
        self._log.add(message)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._give_up())
            tasks.create_task(self._write())

    async def _give_up(self) -> None:
        """One look a moment at all who wait: a timer for each message costs more."""
        while True:
            await asyncio.sleep(_LOOK_S)
            now = asyncio.get_running_loop().time()
            ready = self._next.items if self._next is not None else []
            waiting = itertools.chain(self._items, ready, self._under_way)
            settle([item for item in waiting if item.give_up_at <= now], TimeoutError())

    async def _write(self) -> None:
        while True:
            try:
                conn = await hot_path.connect(self._url)
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
        while self._items or self._log or self._is_writing or self._set_aside:
            self._wake.set()
            await asyncio.sleep(0.01)

    def _gather(self) -> _Batch:
        items = [self._items.popleft() for _ in range(min(len(self._items), _MOST_ITEMS))]
        # Nobody waits for what was given up: its charger will say it again.
        items = [item for item in items if item.settled is not None]
        logged = self._log.take()
        if self._items:
            self._wake.set()
        pairs = [
            (item, live) for item in items if (live := usual.live_of(self._known, item)) is not None
        ]
        ready = None
        if pairs:
            try:
                ready = usual.prepare(pairs, logged)
            except Exception:
                log.exception("ingest.not_usual")
                self._known.forget_stations(item.station_id for item in items)
        return _Batch(items, logged, ready)

    def _gather_ahead(self) -> None:
        # A session in both batches would be moved on from a version that it may not come to.
        ids = (self._items[place].station_id for place in range(_MOST_ITEMS))
        if {item.station_id for item in self._under_way}.isdisjoint(ids):
            self._next = self._gather()

    async def _write_from(self, conn: asyncpg.Connection[asyncpg.Record]) -> None:
        while True:
            if self._next is None:
                await self._wake.wait()
                self._wake.clear()
                self._next = self._gather()
            (items, logged, ready), self._next = self._next, None
            if not items and not logged:
                continue
            self._is_writing = True
            self._under_way = items
            try:
                if ready is not None:
                    await self._commit_usual(conn, ready)
                    items = [item for item in items if item.settled is not None]
                    logged = []
                if items or logged:
                    await self._commit(conn, items, logged)
            except Exception as error:
                if is_away(error) or conn.is_closed():
                    self._put_back(items, logged)
                    raise StoreAway(str(error) or type(error).__name__) from error
                await self._one_by_one(conn, items, logged, error)
            finally:
                self._is_writing = False
                self._under_way = []

    def _put_back(self, items: list[Item], logged: list[Message]) -> None:
        """Before what came since; with what was made ready, which the database may not fit now."""
        if self._next is not None:
            (later, later_logged, _), self._next = self._next, None
            self._put_back(later, later_logged)
        self._known.forget_stations(item.station_id for item in items)
        self._items.extendleft(reversed(items))
        self._log.add_again(logged)
        self._wake.set()

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
                    self._put_back(items[at:], logged)
                    raise StoreAway(str(error) or type(error).__name__) from error
                settle([item], error)
        for message in logged:
            try:
                await messages.add_many(conn, [message])
            except Exception as error:
                if conn.is_closed():
                    self._put_back([], [])
                    raise StoreAway(str(error)) from error
                log.warning("message.not_logged", action=message.action, error=repr(error))

    async def _commit_usual(
        self, conn: asyncpg.Connection[asyncpg.Record], ready: usual.Ready
    ) -> None:
        try:
            outcome = await usual.write(conn, self._known, ready)
        except BaseException:
            self._known.forget_stations(item.station_id for item in ready.items)
            raise
        settle(ready.items, None)
        self._changed(*outcome.topics)

    async def _commit(
        self,
        conn: asyncpg.Connection[asyncpg.Record],
        items: list[Item],
        logged: list[Message],
    ) -> None:
        # In one order, so that two processes with the same readings cannot deadlock.
        items.sort(key=lambda item: item.station_id)
        try:
            async with conn.transaction():
                outcome = await batch.write(conn, self._known, items)
                if logged:
                    await messages.add_many(conn, logged)
        except Busy as busy:
            self._known.forget_stations(item.station_id for item in items)
            self._put_aside(busy.items)
            held = {id(item) for item in busy.items}
            rest = [item for item in items if id(item) not in held]
            if rest or logged:
                await self._commit(conn, rest, logged)
            return
        except BaseException:
            # Whether it was committed is not known: what we remember may be wrong.
            self._known.forget_stations(item.station_id for item in items)
            raise
        for item in items:
            if id(item) in outcome.refused:
                settle([item], NoSession(item.transaction_id))
        settle(items, None)
        if outcome.topics:
            self._changed(*outcome.topics)

    def _put_aside(self, items: list[Item]) -> None:
        """A session that a handler or a job holds: its readings come again a little later."""
        self._set_aside += len(items)

        def again() -> None:
            self._set_aside -= len(items)
            self._items.extend(items)
            self._wake.set()

        asyncio.get_running_loop().call_later(_BUSY_S, again)

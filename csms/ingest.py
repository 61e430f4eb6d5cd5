"""
The durable hot path: what all links brought while the last commit ran goes into the next one.

No timer: a batch is whatever is there. One transaction a batch; every waiter is woken by its
commit. A batch that fails is tried again item by item, so that one bad row hurts only itself; items
whose session somebody else holds wait by themselves; while the database is away, items wait for as
long as somebody waits for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from math import inf

import asyncpg
import structlog

from csms import batch, usual
from csms.batch import Busy
from csms.errors import NoSession
from csms.items import Item, Sessions, Settled
from csms.message_log import MessageLog
from db import messages
from db.errors import StoreAway, is_away
from db.messages import Message
from db.model.sessions import SessionLive

log = structlog.get_logger()

_MOST_ITEMS = 100  # so that the next is read while one is written
_LOG_LINGER_S = 0.25
_RETRY_S = 0.25
_BUSY_S = 0.2
_WATCH_S = 0.25


class Ingest:
    """`run` is its one task, and has its one connection."""

    def __init__(self, url: str, changed: Callable[..., None]) -> None:
        self._url = url
        self._changed = changed
        self._items: deque[Item] = deque()
        self._known = Sessions()
        self._log = MessageLog()
        self._waiting: list[Item] = []  # and some who no longer do
        self._wake = asyncio.Event()
        self._is_writing = False
        self._set_aside = 0

    def put(self, item: Item, settled: Settled, give_up_at: float) -> None:
        """
        Write it, and call `settled` with None after the commit, else with what went wrong.

        That is NoSession, TimeoutError after `give_up_at` (by the loop's clock), or whatever the
        database says of this one item.
        """
        item.settled, item.give_up_at = settled, give_up_at
        self._items.append(item)
        self._waiting.append(item)
        self._wake.set()

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

    def _give_up(self) -> None:
        """One look a moment at who waits longest: a timer for each message costs more."""
        now = asyncio.get_running_loop().time()
        self._waiting = [item for item in self._waiting if item.settled is not None]
        _settle([item for item in self._waiting if item.give_up_at <= now], TimeoutError())

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
            tasks.create_task(self._watch())
            tasks.create_task(self._write())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_S)
            self._give_up()

    async def _write(self) -> None:
        while True:
            try:
                conn = await asyncpg.connect(
                    self._url,
                    timeout=5,
                    server_settings={
                        "lock_timeout": "2s",
                        "statement_timeout": "20s",
                        "idle_in_transaction_session_timeout": "20s",
                        # The same few statements for ever, and planning costs more than they do.
                        "plan_cache_mode": "force_generic_plan",
                        "jit": "off",
                    },
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
        while self._items or self._log or self._is_writing or self._set_aside:
            self._wake.set()
            await asyncio.sleep(0.01)

    async def _write_from(self, conn: asyncpg.Connection[asyncpg.Record]) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            items = [self._items.popleft() for _ in range(min(len(self._items), _MOST_ITEMS))]
            # Nobody waits for what was given up: its charger will say it again.
            items = [item for item in items if item.settled is not None]
            logged = self._log.take()
            if self._items:
                self._wake.set()
            if not items and not logged:
                continue
            self._is_writing = True
            known = [
                (item, live)
                for item in items
                if (live := usual.live_of(self._known, item)) is not None
            ]
            try:
                if known:
                    await self._commit_usual(conn, known, logged)
                    items = [item for item in items if item.settled is not None]
                    logged = []
                if items or logged:
                    await self._commit(conn, items, logged)
            except Exception as error:
                if is_away(error) or conn.is_closed():
                    self._items.extendleft(reversed(items))
                    self._log.add_again(logged)
                    self._wake.set()
                    raise StoreAway(str(error) or type(error).__name__) from error
                await self._one_by_one(conn, items, logged, error)
            finally:
                self._is_writing = False

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
                _settle([item], error)
        for message in logged:
            try:
                await messages.add_many(conn, [message])
            except Exception as error:
                if conn.is_closed():
                    raise StoreAway(str(error)) from error
                log.warning("message.not_logged", action=message.action, error=repr(error))

    async def _commit_usual(
        self,
        conn: asyncpg.Connection[asyncpg.Record],
        pairs: list[tuple[Item, SessionLive]],
        logged: list[Message],
    ) -> None:
        pairs.sort(key=lambda pair: pair[0].station_id)
        try:
            outcome = await usual.write(conn, self._known, pairs, logged)
        except BaseException:
            self._known.forget_stations(item.station_id for item, _ in pairs)
            raise
        _settle([item for item, _ in pairs], None)
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
                _settle([item], NoSession(item.transaction_id))
        _settle(items, None)
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


def _settle(items: Iterable[Item], error: Exception | None) -> None:
    """Tell who waits, but after the next batch is on its way: the database need not wait too."""
    told = []
    for item in items:
        if item.settled is not None:
            told.append(item.settled)
            item.settled = None
    if told:
        asyncio.get_running_loop().call_soon(_tell, told, error)


def _tell(told: list[Settled], error: Exception | None) -> None:
    for settled in told:
        try:
            settled(error)
        except Exception:
            log.exception("ingest.not_told")

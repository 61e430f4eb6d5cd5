"""
Tell what changed, not what it is.

A change is a topic such as `session:7`, `station:3`, `command:3:9` or `link:3`, with the account
that may see it (`session:7@12`). Each process has one Notifier, which sends what was gathered at
most every 100 ms over a connection of its own: a NOTIFY in a data transaction would serialise every
commit. A Listener hears them, survives a restart of the database, and then says `reload`: anything
may have changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg
import structlog

from db.errors import is_away

CHANNEL = "polaris_changes"
RELOAD = "reload"
_PAUSE_S = 0.1
_PAYLOAD_BYTES = 7_900
_MOST_TOPICS = 10_000
_RETRY_S = 0.5

log = structlog.get_logger()


def topic(kind: str, *ids: int, account_id: int | None = None) -> str:
    # One id is the usual, many thousand times a second.
    name = f"{kind}:{ids[0]}" if len(ids) == 1 else ":".join([kind, *map(str, ids)])
    return name if account_id is None else f"{name}@{account_id}"


class Notifier:
    """Gathers topics after each commit and sends them together. `run` is its one task."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._topics: set[str] = set()
        self._something = asyncio.Event()

    def changed(self, *topics: str) -> None:
        self._topics.update(topics)
        if len(self._topics) > _MOST_TOPICS:
            self._topics = {RELOAD}
        self._something.set()

    async def run(self) -> None:
        while True:
            try:
                conn = await asyncpg.connect(self._url, timeout=5)
            except Exception as error:
                _complain(error)
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                await self._send_from(conn)
            except Exception as error:
                _complain(error)
            finally:
                conn.terminate()
            await asyncio.sleep(_RETRY_S)

    async def flush(self) -> None:
        """Send what is left, once, at the end of the process."""
        if self._topics:
            conn = await asyncpg.connect(self._url, timeout=2)
            try:
                await self._send(conn)
            finally:
                await conn.close(timeout=2)

    async def _send_from(self, conn: asyncpg.Connection[asyncpg.Record]) -> None:
        while True:
            await self._something.wait()
            await self._send(conn)
            await asyncio.sleep(_PAUSE_S)

    async def _send(self, conn: asyncpg.Connection[asyncpg.Record]) -> None:
        self._something.clear()
        topics, self._topics = self._topics, set()
        try:
            for payload in payloads(topics):
                await conn.execute("select pg_notify($1, $2)", CHANNEL, payload, timeout=5)
        except BaseException:
            self._topics |= topics
            self._something.set()
            raise


def payloads(topics: set[str]) -> list[str]:
    """Topics joined by spaces, in as few payloads as PostgreSQL's limit allows."""
    out, size, part = [], 0, list[str]()
    for name in sorted(topics):
        if size + len(name) + 1 > _PAYLOAD_BYTES:
            out.append(" ".join(part))
            size, part = 0, []
        part.append(name)
        size += len(name) + 1
    if part:
        out.append(" ".join(part))
    return out


class Listener:
    """Calls `heard` with the set of topics of each notification. `run` is its one task."""

    def __init__(self, url: str, heard: Callable[[set[str]], None]) -> None:
        self._url = url
        self._heard = heard
        self.is_listening = asyncio.Event()

    async def run(self) -> None:
        while True:
            lost = asyncio.Event()
            conn: asyncpg.Connection[asyncpg.Record] | None = None
            try:
                conn = await asyncpg.connect(self._url, timeout=5)
                conn.add_termination_listener(lambda _, lost=lost: lost.set())
                await conn.add_listener(CHANNEL, self._notified)
                self._heard({RELOAD})
                self.is_listening.set()
                await self._wait_until_lost(conn, lost)
            except Exception as error:
                _complain(error)
            finally:
                self.is_listening.clear()
                if conn is not None:
                    conn.terminate()
            await asyncio.sleep(_RETRY_S)

    async def _wait_until_lost(
        self, conn: asyncpg.Connection[asyncpg.Record], lost: asyncio.Event
    ) -> None:
        while not lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(15):
                    await lost.wait()
                    return
            # A database host that vanished sends no FIN: ask it.
            await conn.execute("select 1", timeout=5)

    def _notified(self, _conn: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard(set(str(payload).split(" ")))


def _complain(error: Exception) -> None:
    if not is_away(error):
        log.error("changes.failed", error=repr(error))
    else:
        log.warning("changes.interrupted", error=str(error) or type(error).__name__)

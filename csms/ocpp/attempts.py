"""A row for each try to connect: the first question of an installer is why it does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from websockets.http11 import Request

from csms.ocpp import handshake
from csms.ocpp.door import Door
from csms.ocpp.handshake import Refused
from csms.ocpp.tls import Tls
from db import connection_attempts
from db.rows import Conn, Pool

log = structlog.get_logger()

#: Instead of an HTTP status, of who got no further than TLS.
NO_HTTP = 0
_MOST_AT_ONCE = 100
_MANY_AN_HOUR = 60
_LOOK_S = 0.5


class Attempts:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._tasks: set[asyncio.Task[None]] = set()

    async def record(self, door: Door, status: HTTPStatus, reason: str) -> None:
        async with self._pool.acquire(timeout=5) as conn:
            await _record(
                conn,
                request=door.request,
                station_id=door.station.id if door.station else None,
                remote_address=door.remote,
                status=int(status),
                reason=reason,
            )

    async def record_let_in(self, door: Door) -> None:
        """What is odd about it is said with it: it is the same charger that comes again."""
        station = door.station
        assert station is not None
        before, since = connection_attempts.Before(None, 0), datetime.now(UTC) - timedelta(hours=1)
        # What is for people only keeps nobody out: a database that is slow is not waited for.
        with suppress(Exception):
            async with asyncio.timeout(_LOOK_S), self._pool.acquire() as conn:
                before = await connection_attempts.before(
                    conn, station.id, station.identity, since=since
                )
        reason = "let in"
        if before.held_from is not None and before.held_from != door.remote:
            reason += (
                f", instead of its connection from {before.held_from}:"
                " is it connected from two places?"
            )
        if before.let_in >= _MANY_AN_HOUR:
            reason += f", {before.let_in + 1} times within an hour: its connection does not hold"
        await self.record(door, HTTPStatus.SWITCHING_PROTOCOLS, reason)

    async def record_unreadable(self, door: Door, refused: Refused) -> None:
        with _said_if_lost(refused.reason):
            await self.record(door, refused.status, refused.reason)

    def tls_failed(self, tls: Tls, why: str) -> None:
        """Nobody waits for the row; of a flood only some leave one."""
        if len(self._tasks) < _MOST_AT_ONCE:
            address = tls.get_extra_info("peername")
            remote = address[0] if isinstance(address, tuple) else None
            task = asyncio.create_task(self._record_tls(remote, why))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _record_tls(self, remote_address: str | None, why: str) -> None:
        with _said_if_lost(why):
            async with self._pool.acquire(timeout=5) as conn:
                await _record(conn, remote_address=remote_address, status=NO_HTTP, reason=why)


@contextmanager
def _said_if_lost(why: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        log.warning("attempt.not_recorded", why=why, error=str(error))


async def _record(
    conn: Conn,
    *,
    remote_address: str | None,
    status: int,
    reason: str,
    station_id: int | None = None,
    request: Request | None = None,
) -> None:
    identity = offered = agent = None
    if request is not None:
        with suppress(Refused):
            identity = handshake.identity_of(request.path)
        offered = handshake.plain(handshake.offered_in(request.headers)) or None
        agent = handshake.plain(", ".join(request.headers.get_all("User-Agent"))) or None
    await connection_attempts.record(
        conn,
        at=datetime.now(UTC),
        identity=identity,
        station_id=station_id,
        remote_address=remote_address,
        path=handshake.plain(request.path) if request else "",
        offered=offered,
        user_agent=agent,
        http_status=status,
        reason=handshake.plain(reason),
    )
    if status != HTTPStatus.SWITCHING_PROTOCOLS:
        log.info("connection.refused", identity=identity, status=status, why=reason)

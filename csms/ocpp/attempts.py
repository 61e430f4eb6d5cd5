"""A row for each try to connect: the first question of an installer is why it does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus

import structlog

from csms.ocpp import handshake
from csms.ocpp.door import Door
from csms.ocpp.handshake import Refused
from csms.ocpp.tls import Tls
from db import connection_attempts, links
from db.connection_attempts import Tried
from db.rows import Pool

log = structlog.get_logger()

#: Instead of an HTTP status, of who got no further than TLS.
NO_HTTP = 0
_MOST_AT_ONCE = 100
_MANY_AN_HOUR = 60


class Attempts:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._tasks: set[asyncio.Task[None]] = set()

    async def record(self, door: Door, status: HTTPStatus, reason: str) -> None:
        tried = tried_at(door, status, reason)
        async with self._pool.acquire(timeout=5) as conn:
            await connection_attempts.record(conn, tried)
        _log_refusal(tried)

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
            tried = Tried(
                datetime.now(UTC),
                NO_HTTP,
                handshake.plain(why),
                remote_address=remote_address,
            )
            async with self._pool.acquire(timeout=5) as conn:
                await connection_attempts.record(conn, tried)
            _log_refusal(tried)


@contextmanager
def _said_if_lost(why: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        log.warning("attempt.not_recorded", why=why, error=str(error))


def let_in(door: Door) -> Tried:
    """What is odd about it is said with it: it is the same charger that comes again."""
    comer = door.comer
    assert comer is not None
    reason = "let in"
    is_often = comer.is_held and comer.takeovers >= links.MOST_TAKEOVERS
    if is_often or (comer.held_from is not None and comer.held_from != door.remote):
        reason += f", instead of its connection from {comer.held_from or 'somewhere'}"
        if is_often:
            within = f"{links.TAKEOVERS_IN.seconds // 60} minutes"
            reason += f", {comer.takeovers + 1} times within {within}"
            log.warning("station.taken_over_often", station=comer.station.identity, why=reason)
        reason += ": is it connected from two places?"
    if comer.let_in >= _MANY_AN_HOUR:
        reason += f", {comer.let_in + 1} times within an hour: its connection does not hold"
    return tried_at(door, HTTPStatus.SWITCHING_PROTOCOLS, reason)


def tried_at(door: Door, status: HTTPStatus, reason: str) -> Tried:
    request = door.request
    identity = offered = agent = None
    if request is not None:
        with suppress(Refused):
            identity = handshake.identity_of(request.path)
        offered = handshake.plain(handshake.offered_in(request.headers)) or None
        agent = handshake.plain(", ".join(request.headers.get_all("User-Agent"))) or None
    return Tried(
        datetime.now(UTC),
        int(status),
        handshake.plain(reason),
        identity=identity,
        station_id=door.comer.station.id if door.comer else None,
        remote_address=door.remote,
        path=handshake.plain(request.path) if request else "",
        offered=offered,
        user_agent=agent,
    )


def _log_refusal(tried: Tried) -> None:
    if tried.http_status != HTTPStatus.SWITCHING_PROTOCOLS:
        log.info(
            "connection.refused",
            identity=tried.identity,
            status=tried.http_status,
            why=tried.reason,
        )

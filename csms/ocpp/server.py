"""
The handshake: who is it, which version, may it in.

Everything is refused before the upgrade, and every attempt leaves a row with a plain reason: "why
does my charger not connect?" is the first question of an installer.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Close, CloseCode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from csms.certificates import Certificates
from csms.config import Config
from csms.listeners import BACKLOG, Listeners
from csms.ocpp import attempts, handshake
from csms.ocpp.admission import Admission
from csms.ocpp.attempts import Attempts
from csms.ocpp.deaf import Deaf
from csms.ocpp.door import Door
from csms.ocpp.handshake import Refused
from csms.ocpp.link import FAULT, Link
from csms.ocpp.links import REPLACED, Links
from csms.ocpp.tls import Tls
from csms.say import Version
from db import changes, links, stations
from db.changes import Notifier
from db.errors import NotFound, is_away
from db.model.stations import Link as HeldLink
from db.model.stations import Profile, Station
from db.rows import Pool

log = structlog.get_logger()

_LOST = Close(CloseCode.ABNORMAL_CLOSURE, "the connection was lost")
_CLOSE_NO_VERSION = 1002, "no common OCPP version"
# The request has its own bound; this is for our answer, and for a peer that does not take it.
_OPEN_S = 20
# Small windows: a whole deflate context costs three times the memory of a connection.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=11, client_max_window_bits=12, compress_settings={"memLevel": 4}
)


class OcppServer:
    def __init__(
        self,
        config: Config,
        pool: Pool,
        here: Links,
        notifier: Notifier,
        make_link: Callable[[Door, Station, Version, int], Link],
        why_not_ready: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._config = config
        self._pool = pool
        self._here = here
        self._notifier = notifier
        self._make_link = make_link
        self._why_not_ready = why_not_ready
        self._attempts = Attempts(pool)
        self._admission = Admission(config, pool)
        self._deaf = Deaf(config.heartbeat_interval_s)
        self.is_stopping = False

    async def listen(self, listeners: Listeners) -> list[Server]:
        """Serve on each; every way in has a profile of its own, and no other (A00.FR.001)."""
        return [
            await self._listen(sock, profile, listeners.certificates)
            for profile, sock in listeners.sockets.items()
        ]

    async def _listen(
        self, sock: socket.socket, profile: Profile, certificates: Certificates | None
    ) -> Server:
        config = self._config
        make: Any = partial(self._make_door, profile, certificates)
        return await serve(
            self._talk,
            sock=sock,
            create_connection=make,
            process_request=self._admit,
            select_subprotocol=_select,
            compression=None,
            extensions=[_DEFLATE],
            max_size=config.max_message_bytes,
            ping_interval=config.ping_interval_s,
            ping_timeout=config.ping_timeout_s,
            close_timeout=config.send_timeout_s,
            open_timeout=_OPEN_S,
            backlog=BACKLOG,
            server_header=None,
        )

    def _make_door(
        self,
        profile: Profile,
        certificates: Certificates | None,
        protocol: ServerProtocol,
        *args: Any,
        **kwargs: Any,
    ) -> Door | Tls:
        door = Door(
            protocol, *args, profile=profile, unreadable=self._attempts.record_unreadable, **kwargs
        )
        if profile == 1:
            door.crowd = self._admission.crowd
            return door
        assert certificates is not None
        context = certificates.now.mutual if profile == 3 else certificates.now.server
        assert context is not None
        tls = Tls(door, context, self._attempts.tls_failed, self._admission.crowd)
        tls.protocol = protocol  # where the library looks for it
        return tls

    def close(self) -> None:
        self._admission.close()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response:
        assert isinstance(connection, Door)
        path = handshake.path_of(request.path)
        if path == "/health/live":
            return connection.respond(HTTPStatus.OK, "live\n")
        if path == "/health/ready":
            why = await self._why_not_ready()
            status = HTTPStatus.OK if why is None else HTTPStatus.SERVICE_UNAVAILABLE
            return connection.respond(status, f"{why or 'ready'}\n")
        if self.is_stopping:
            return _try_again(connection)
        try:
            async with asyncio.timeout(8):
                return await self._judge(connection, request)
        except Exception as error:
            if not (is_away(error) or isinstance(error, TimeoutError)):
                log.exception("handshake.failed", path=request.path)
            return _try_again(connection)

    async def _judge(self, door: Door, request: Request) -> Response:
        """What the library and we say to a request, and its row either way."""
        try:
            if not self._may_compress(request):
                door.protocol.available_extensions = None
            response = _upgrade(door, request)
            with self._admission.crowd.coming_in():
                await self._admission.identify(door, request)
        except Refused as refused:
            if refused.is_recorded:
                await self._attempts.record(door, refused.status, refused.reason)
            response = door.respond(refused.status, refused.reason + "\n")
            response.headers.update(refused.headers)
            return response
        if door.version is None:
            why_not = handshake.why_no_version(handshake.offered_in(request.headers))
            await self._attempts.record(door, HTTPStatus.SWITCHING_PROTOCOLS, why_not)
        return response

    def _may_compress(self, request: Request) -> bool:
        """2.x requires it of us (part 4, 3.3); 1.6 knows nothing of it, and it costs memory."""
        deflate = self._config.deflate
        offered = handshake.offered_in(request.headers)
        version = handshake.choose_version([name.strip() for name in offered.split(",")])
        return deflate == "all" or (deflate == "2.x" and version is not None and version != "1.6")

    async def _talk(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Door)
        comer, version = connection.comer, connection.version
        assert comer is not None
        if version is None:
            await connection.close(*_CLOSE_NO_VERSION)
            return
        station = comer.station
        # Before anything is awaited: its pings begin then.
        connection.silence_s = self._deaf.silence_s(station.identity)
        with self._here.coming(station.id):
            link = await self._let_in(connection, version, station)
        if link is None:
            return
        log.info("station.connected", station=station.identity, version=version)
        try:
            await link.run()
        except Exception:
            log.exception("link.failed", station=station.identity)
            await link.close(*FAULT)
        finally:
            self._here.leave(link)
            self._deaf.ended(station.identity, connection)
            await self._release(link)
            self._notifier.changed(changes.topic("station", station.id))
            # Ours, or the echo of theirs; without any the socket was lost.
            closed = connection.protocol.close_sent or _LOST
            log.info(
                "station.disconnected",
                station=station.identity,
                code=int(closed.code),
                why=closed.reason,
            )

    async def _let_in(self, door: Door, version: Version, station: Station) -> Link | None:
        """None when it was closed instead."""
        try:
            held = await self._take(door, version)
        except NotFound:
            # A newer socket of the station took it while this one waited.
            await door.close(*REPLACED)
            return None
        except Exception as error:
            if not is_away(error):
                log.exception("connection.failed", station=station.identity)
            await door.close(1013, "try again later")
            return None
        link = self._make_link(door, station, version, held.epoch)
        self._notifier.changed(
            changes.topic("link", station.id), changes.topic("station", station.id)
        )
        if not self._here.enter(link):
            await link.close(*REPLACED)
            return None
        return link

    async def _take(self, door: Door, version: Version) -> HeldLink:
        tried = attempts.let_in(door)
        async with self._pool.acquire(timeout=5) as conn:
            return await links.take(conn, tried, node=self._config.node, ocpp_version=version)

    async def _release(self, link: Link) -> None:
        try:
            async with self._pool.acquire(timeout=5) as conn:
                await stations.set_seen(conn, [link.station.id], datetime.now(UTC))
                await links.release(conn, station_id=link.station.id, epoch=link.epoch)
        except Exception as error:
            # Its row stays until a newer connection, or the watch, takes it away.
            log.warning("link.not_released", station=link.station.identity, error=str(error))


def _select(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    version = handshake.choose_version(offered)
    return None if version is None else Subprotocol(f"ocpp{version}")


def _try_again(connection: ServerConnection) -> Response:
    response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "try again soon\n")
    response.headers["Retry-After"] = "5"
    return response


def _upgrade(door: Door, request: Request) -> Response:
    """The answer that lets it in. Raises Refused for what the library does not take."""
    response = door.protocol.accept(request)
    if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
        return response
    raise Refused(
        HTTPStatus(response.status_code),
        f"no WebSocket handshake (is a proxy in between?): {door.protocol.handshake_exc}",
        {name: response.headers[name] for name in ("Allow", "Upgrade") if name in response.headers},
    )

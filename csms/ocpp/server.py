"""
The handshake: who is it, which version, may it in.

Everything is refused before the upgrade, and every attempt leaves a row with a plain reason: "why
does my charger not connect?" is the first question of an installer.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from csms.config import Config
from csms.ocpp.link import Link
from csms.ocpp.links import Links
from csms.say import SUBPROTOCOLS, Version
from db import changes, links, messages, station_keys, stations
from db.changes import Notifier
from db.errors import is_away
from db.model.stations import Station
from db.rows import Pool

log = structlog.get_logger()

_PREFIXES = ("/steve/websocket/CentralSystemService/", "/ocpp/", "/")
_IDENTITY_CHARACTERS = 48
_CLOSE_NO_VERSION = 1002, "no common OCPP version"
_TEXT_CHARACTERS = 255
# Small windows: a whole deflate context costs three times the memory of a connection.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
)


class Refused(Exception):  # noqa: N818 - it reads as what happened
    def __init__(self, status: HTTPStatus, reason: str, headers: dict[str, str] | None = None):
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}


class _Guest(NamedTuple):
    """Who was let in, between the two halves of the handshake."""

    station: Station
    remote_address: str | None


def identity_of(path: str) -> str:
    """The last part of the path, decoded once. Raises Refused."""
    bare = urlsplit(path).path
    prefix = next(prefix for prefix in _PREFIXES if bare.startswith(prefix))
    part = bare.removeprefix(prefix).removesuffix("/")
    if not part or "/" in part:
        raise Refused(HTTPStatus.NOT_FOUND, "the path names no charger: use /ocpp/IDENTITY")
    try:
        identity = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "the identity is not UTF-8") from None
    if len(identity) > _IDENTITY_CHARACTERS:
        raise Refused(HTTPStatus.BAD_REQUEST, "the identity is longer than 48 characters")
    if not identity.isprintable() or re.search(r"[/:%]", identity):
        raise Refused(HTTPStatus.BAD_REQUEST, "the identity has characters that none may have")
    return identity


def credential_of(header: str | None) -> tuple[bytes, bytes] | None:
    """(user, key) of HTTP Basic, as bytes: 1.6 keys need not be text. None when there is none."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, key = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (user, key) if colon else None


def choose_version(offered: Sequence[str]) -> Version | None:
    """The first of the client's list that we speak (OCPP-J 1.6, 3.1.2; 2.0.1 part 4, 3.1.2)."""
    return next((SUBPROTOCOLS[name] for name in offered if name in SUBPROTOCOLS), None)


def _check_origin(headers: Headers) -> None:
    """Chargers send no Origin, browsers do: only our own pages' (reliability T29)."""
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("Host"):
        raise Refused(HTTPStatus.FORBIDDEN, "a browser's page of another origin may not connect")


class OcppServer:
    def __init__(
        self,
        config: Config,
        pool: Pool,
        here: Links,
        notifier: Notifier,
        make_link: Callable[[ServerConnection, Station, Version, int], Link],
        why_not_ready: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._config = config
        self._pool = pool
        self._here = here
        self._notifier = notifier
        self._make_link = make_link
        self._why_not_ready = why_not_ready
        self._guests: dict[ServerConnection, _Guest] = {}

    async def listen(self, sock: socket.socket) -> Server:
        config = self._config
        return await serve(
            self._talk,
            sock=sock,
            process_request=self._admit,
            select_subprotocol=_select,
            compression=None,
            extensions=[_DEFLATE],
            max_size=config.max_message_bytes,
            max_queue=8,
            ping_interval=config.ping_interval_s,
            ping_timeout=config.ping_timeout_s,
            close_timeout=config.send_timeout_s,
            open_timeout=10,
            server_header=None,
        )

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if path == "/health/live":
            return connection.respond(HTTPStatus.OK, "live\n")
        if path == "/health/ready":
            why = await self._why_not_ready()
            status = HTTPStatus.OK if why is None else HTTPStatus.SERVICE_UNAVAILABLE
            return connection.respond(status, f"{why or 'ready'}\n")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return None  # the library answers 426
        try:
            async with asyncio.timeout(8):
                await self._identify(connection, request)
        except Refused as refused:
            response = connection.respond(refused.status, refused.reason + "\n")
            for name, value in refused.headers.items():
                response.headers[name] = value
            return response
        except Exception as error:
            if not (is_away(error) or isinstance(error, TimeoutError)):
                log.exception("handshake.failed", path=request.path)
            response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "try again soon\n")
            response.headers["Retry-After"] = "5"
            return response
        return None

    async def _identify(self, connection: ServerConnection, request: Request) -> None:
        """Raises Refused; what comes of it is recorded either way."""
        address = connection.remote_address
        remote = address[0] if isinstance(address, tuple) else None
        offered = ", ".join(request.headers.get_all("Sec-WebSocket-Protocol"))
        station: Station | None = None
        identity: str | None = None
        status, reason = HTTPStatus.SWITCHING_PROTOCOLS, "let in"
        async with self._pool.acquire(timeout=5) as conn:
            try:
                _check_origin(request.headers)
                identity = identity_of(request.path)
                station = await stations.find(conn, identity)
                if station is None and self._config.unknown_stations == "pending":
                    station = await stations.add(conn, identity=identity, registration="Pending")
                if station is None:
                    raise Refused(HTTPStatus.NOT_FOUND, f"no charger {identity} is known here")
                _check_credential(station, request.headers.get("Authorization"))
                self._guests[connection] = _Guest(station, remote)
                if not _version_for(station, connection, offered):
                    reason = _no_version(offered)
            except Refused as refused:
                status, reason = refused.status, refused.reason
                raise
            finally:
                await messages.record_attempt(
                    conn,
                    at=datetime.now(UTC),
                    identity=identity,
                    station_id=station.id if station else None,
                    remote_address=remote,
                    path=_plain(request.path),
                    offered=_plain(offered) or None,
                    user_agent=_plain(request.headers.get("User-Agent", "")) or None,
                    http_status=int(status),
                    reason=reason,
                )
                if status != HTTPStatus.SWITCHING_PROTOCOLS:
                    log.info(
                        "connection.refused", identity=identity, status=int(status), why=reason
                    )

    async def _talk(self, connection: ServerConnection) -> None:
        guest = self._guests.pop(connection)
        station = guest.station
        assert connection.request is not None
        offered = ", ".join(connection.request.headers.get_all("Sec-WebSocket-Protocol"))
        version = _version_for(station, connection, offered)
        if version is None:
            await connection.close(*_CLOSE_NO_VERSION)
            return
        try:
            async with self._pool.acquire(timeout=5) as conn, conn.transaction():
                held = await links.take(
                    conn,
                    station_id=station.id,
                    node=self._config.node,
                    ocpp_version=version,
                    remote_address=guest.remote_address,
                )
                await stations.set_version(conn, station.id, version)
        except Exception as error:
            if not is_away(error):
                log.exception("connection.failed", station=station.identity)
            await connection.close(1013, "try again later")
            return
        link = self._make_link(connection, station, version, held.epoch)
        topics = changes.topic("link", station.id), changes.topic("station", station.id)
        self._notifier.changed(*topics)
        if not self._here.enter(link):
            await link.close(1008, "replaced")
            return
        log.info("station.connected", station=station.identity, version=version)
        try:
            await link.run()
        finally:
            self._here.leave(link)
            await self._release(link)
            self._notifier.changed(topics[1])
            log.info(
                "station.disconnected",
                station=station.identity,
                code=connection.close_code,
                why=connection.close_reason,
            )

    async def _release(self, link: Link) -> None:
        try:
            async with self._pool.acquire(timeout=5) as conn:
                await stations.set_seen(conn, [link.station.id], datetime.now(UTC))
                await links.release(conn, station_id=link.station.id, epoch=link.epoch)
        except Exception as error:
            # Its row stays until a newer connection, or a job, takes it away.
            log.warning("link.not_released", station=link.station.identity, error=str(error))


def _select(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    version = choose_version(offered)
    return None if version is None else Subprotocol(f"ocpp{version}")


def _version_for(station: Station, connection: ServerConnection, offered: str) -> Version | None:
    chosen = choose_version([name.strip() for name in offered.split(",")])
    if chosen is None and not offered and station.assume_1_6:
        return "1.6"
    return chosen


def _no_version(offered: str) -> str:
    if not offered:
        return (
            "closed: the charger offered no OCPP version (no Sec-WebSocket-Protocol);"
            " if it speaks 1.6, switch on assume_1_6 for it"
        )
    return f"closed: the charger offered {_plain(offered)}; we speak {', '.join(SUBPROTOCOLS)}"


def _check_credential(station: Station, header: str | None) -> None:
    """The user is the identity of the path, and nobody else's key will do (A00.FR.204, .207)."""
    if station.key_salt is None or station.key_hash is None:
        return
    ask = {"WWW-Authenticate": 'Basic realm="ocpp"'}
    given = credential_of(header)
    if given is None:
        raise Refused(HTTPStatus.UNAUTHORIZED, "the charger gave no readable password", ask)
    user, key = given
    is_key = station_keys.matches(station.key_salt, station.key_hash, key)
    if user != station.identity.encode():
        raise Refused(HTTPStatus.UNAUTHORIZED, "the user name is not the identity in the path", ask)
    if not is_key:
        raise Refused(HTTPStatus.UNAUTHORIZED, "the password is wrong", ask)


def _plain(text: str) -> str:
    """What a stranger sent, as PostgreSQL and a page can take it."""
    return text[:_TEXT_CHARACTERS].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")

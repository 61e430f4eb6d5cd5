"""Who asks to come in, by which way and with what proof; what refuses it is a sentence."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus

from websockets.http11 import Request

from csms.config import Config
from csms.ocpp import handshake
from csms.ocpp.addresses import far_end, is_in, parsed, subscriber
from csms.ocpp.credentials import Credentials
from csms.ocpp.crowd import Crowd
from csms.ocpp.door import Door
from csms.ocpp.guesses import Guesses
from csms.ocpp.handshake import Refused
from db import links, stations
from db.errors import Conflict
from db.links import Comer
from db.model.stations import Station
from db.rows import Pool


class Admission:
    def __init__(self, config: Config, pool: Pool) -> None:
        self._config = config
        self._pool = pool
        self._credentials = Credentials()
        self._guesses = Guesses()
        self.crowd = Crowd(
            most=config.max_connections,
            most_coming=config.max_handshakes,
            most_of_one=config.max_per_address,
            gateways=config.gateways + config.trusted_proxies,
        )

    async def identify(self, door: Door, request: Request) -> None:
        """Sets the door's comer and version. Raises Refused."""
        door.far_end = far_end(
            door.remote or "",
            request.headers.get_all("X-Forwarded-For"),
            self._config.trusted_proxies,
        )
        self.crowd.check(door.transport)
        handshake.check_origin(request.headers)
        door.comer = await self._find(handshake.identity_of(request.path))
        station = door.comer.station
        handshake.check_profile(station, door.profile)
        if door.profile == 3:
            handshake.check_certificate(station, door.certificate_name)
        elif station.key_hash is not None:
            await self._check_key(station, door, request)
        door.version = handshake.version_for(station, handshake.offered_in(request.headers))

    def close(self) -> None:
        self._credentials.close()

    async def _find(self, identity: str) -> Comer:
        now = datetime.now(UTC)
        # No connection is held while a password is checked.
        async with self._pool.acquire(timeout=5) as conn:
            comer = await links.find_comer(conn, identity, now=now)
            if comer is None and self._config.unknown_stations == "pending":
                with suppress(Conflict):  # it came twice at once
                    await stations.add(conn, identity=identity, registration="Pending")
                comer = await links.find_comer(conn, identity, now=now)
        if comer is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"no charger {identity} is known here")
        return comer

    async def _check_key(self, station: Station, door: Door, request: Request) -> None:
        """The user is the identity of the path, nobody else's key will do (A00.FR.204, .207)."""
        whose = station.id, subscriber(door.remote or "")
        self._guesses.check(whose)
        user, key = handshake.given_credential(request.headers)
        is_key = await self._credentials.matches(station, key)
        is_user = user == station.identity.encode()
        # Of a proxy that does not say for whom it asks it would be everybody's.
        ip = parsed(door.remote or "")
        if ip is None or not is_in(ip, self._config.trusted_proxies):
            self._guesses.note(whose, is_right=is_key and is_user)
        handshake.check_credential(is_user=is_user, is_key=is_key)

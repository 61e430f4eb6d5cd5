"""
A socket whose request has a bound, and an answer whatever it is.

The library closes without an answer what is not HTTP; an installer wants to know why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import structlog
from websockets.exceptions import (
    HeaderLineTooLong,
    InvalidMessage,
    RequestLineTooLong,
    TooManyHeaders,
)
from websockets.protocol import Event

from csms.ocpp.crowd import Crowd
from csms.ocpp.handshake import Refused
from csms.ocpp.socket import Socket
from csms.say import Version
from db.links import Comer
from db.model.stations import Profile

log = structlog.get_logger()

REQUEST_S = 10.0
_TLS_RECORD = b"\x16"


class Door(Socket):
    def __init__(
        self,
        *args: Any,
        profile: Profile,
        unreadable: Callable[[Door, Refused], Awaitable[None]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.profile = profile
        self.crowd: Crowd | None = None  # where there is no TLS outside of it
        self.far_end: str | None = None  # past proxies that we trust
        self.comer: Comer | None = None
        self.version: Version | None = None
        self._unreadable = unreadable
        self._refused: Refused | None = None
        self._first = b""
        self._has_ended = False
        self._late: asyncio.TimerHandle | None = None

    @property
    def remote(self) -> str | None:
        address = self.remote_address
        return self.far_end or (address[0] if isinstance(address, tuple) else None)

    @property
    def certificate_name(self) -> str | None:
        """The common name of the certificate that the charger showed and our CA vouches for."""
        tls = self.transport.get_extra_info("ssl_object")
        shown = tls.getpeercert() if tls is not None else None
        subject = shown.get("subject", ()) if shown else ()
        names = [value for part in subject for key, value in part if key == "commonName"]
        return names[-1] if names else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.crowd is not None:
            self.crowd.enter(transport)
        self._late = self.loop.call_later(REQUEST_S, self._give_up)

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        await super().handshake(*args, **kwargs)
        if self.request is None and self._first:
            await self._unreadable(self, self._refused or self._why_unreadable())

    def data_received(self, data: bytes) -> None:
        if not self._first:
            self._first = data[:1]
            if not self._first.isalpha():
                data += b"\r\n"  # no method begins so: with a line's end that is seen at once
        super().data_received(data)

    def eof_received(self) -> None:
        self._has_ended = True
        super().eof_received()

    def send_data(self) -> None:
        wrong = self.protocol.handshake_exc
        if self.request is None and isinstance(wrong, InvalidMessage) and not self._has_ended:
            self._refuse(self._why_unreadable())
        super().send_data()

    def process_event(self, event: Event) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        super().process_event(event)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.crowd is not None:
            self.crowd.leave(self.transport)
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _abort(self) -> None:
        if self.comer is not None:
            log.warning("station.stopped_reading", station=self.comer.station.identity)
        super()._abort()

    def _give_up(self) -> None:
        if self.protocol.handshake_exc is None:
            self._refuse(
                Refused(HTTPStatus.REQUEST_TIMEOUT, f"the request took over {REQUEST_S:.0f} s")
            )
        self.transport.close()

    def _refuse(self, refused: Refused) -> None:
        if self._refused is None:
            self._refused = refused
            response = self.respond(refused.status, refused.reason + "\n")
            self.transport.write(response.serialize())

    def _why_unreadable(self) -> Refused:
        wrong = self.protocol.handshake_exc
        if isinstance(wrong, RequestLineTooLong):
            return Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "the path is too long")
        if isinstance(wrong, HeaderLineTooLong | TooManyHeaders):
            return Refused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too many or too long"
            )
        if self._first == _TLS_RECORD:
            return Refused(
                HTTPStatus.BAD_REQUEST, "TLS (wss://) on a port that has none: use ws://"
            )
        if not self._first.isalpha():
            return Refused(HTTPStatus.BAD_REQUEST, "this is not HTTP")
        if self._has_ended or wrong is None:
            return Refused(HTTPStatus.BAD_REQUEST, "the connection ended before its request did")
        return Refused(HTTPStatus.BAD_REQUEST, f"the request is not readable: {wrong.__cause__}")

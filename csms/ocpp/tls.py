"""
TLS between a socket and a protocol: a transport to the one, a protocol to the other.

asyncio has one of its own. It drops the alert that would tell a charger why its handshake failed,
tells nobody here that it did, and holds 256 KiB for each connection.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from csms.ocpp.crowd import Crowd

HANDSHAKE_S = 10.0
_PIECE_BYTES = 65_536


class Tls(asyncio.Transport, asyncio.Protocol):
    def __init__(
        self,
        inner: asyncio.Protocol,
        context: ssl.SSLContext,
        failed: Callable[[Tls, str], None],
        crowd: Crowd,
    ) -> None:
        """`failed` is told in words why there was no handshake; `inner` then never hears of it."""
        super().__init__()
        self.protocol: object = None  # for who made both
        self._inner = inner
        self._failed = failed
        self._crowd = crowd
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._outer: asyncio.Transport
        self._late: asyncio.TimerHandle | None = None
        self._is_up = False
        self._is_over = False
        self._first = b""

    # What the socket tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._outer = cast("asyncio.Transport", transport)
        self._crowd.enter(transport)
        self._late = asyncio.get_running_loop().call_later(
            HANDSHAKE_S, self._fail, f"the TLS handshake took over {HANDSHAKE_S:.0f} s"
        )

    def data_received(self, data: bytes) -> None:
        self._first = self._first or data[:1]
        self._incoming.write(data)
        if not self._is_up:
            self._shake()
        if self._is_up:
            self._read()

    def eof_received(self) -> None:
        self._incoming.write_eof()
        if self._is_up:
            self._inner.eof_received()
        else:
            self._fail("the connection ended before its TLS handshake did")

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.leave(self._outer)
        if self._is_up:
            self._inner.connection_lost(exc)
        else:
            self._fail("the connection was lost before its TLS handshake was done")

    def pause_writing(self) -> None:
        if self._is_up:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._is_up:
            self._inner.resume_writing()

    # What the protocol asks

    def write(self, data: Any) -> None:
        rest = memoryview(data)
        try:
            while rest and not self._is_over:
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError:
            self._is_over = True  # it is being closed
        self._flush()

    def close(self) -> None:
        if not self._is_over and self._is_up:
            self._is_over = True
            with suppress(ssl.SSLError):  # their part of it is not waited for
                self._tls.unwrap()
            self._flush()
        self._outer.close()

    def abort(self) -> None:
        self._outer.abort()

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._outer.is_closing()

    def pause_reading(self) -> None:
        self._outer.pause_reading()

    def resume_reading(self) -> None:
        self._outer.resume_reading()

    def is_reading(self) -> bool:
        return self._outer.is_reading()

    def get_write_buffer_size(self) -> int:
        return self._outer.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._outer.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls
        return self._outer.get_extra_info(name, default)

    # Between the two

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()  # the alert, which says why
            self._fail(_why(error, self._first))
        else:
            self._is_up = True
            self._end_wait()
            self._flush()
            self._inner.connection_made(self)

    def _read(self) -> None:
        try:
            while piece := self._tls.read(_PIECE_BYTES):
                self._inner.data_received(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._is_over = True
            self._flush()
            self._outer.abort()
            return
        else:
            self._outer.close()  # they have said the end of it
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and not self._outer.is_closing():
            self._outer.write(self._outgoing.read())

    def _fail(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._end_wait()
            if self._first:  # who says nothing is a probe
                self._failed(self, why)
            self._outer.close()

    def _end_wait(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


_WORDS = {
    "HTTP_REQUEST": "ws:// on a port of TLS: use wss://",
    "UNSUPPORTED_PROTOCOL": "the charger offers no TLS of 1.2 or newer",
    "VERSION_TOO_LOW": "the charger offers no TLS of 1.2 or newer",
    "NO_SHARED_CIPHER": "the charger and we have no cipher suite in common",
    "TLSV1_ALERT_UNKNOWN_CA": "the charger does not trust the authority of our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the charger takes our certificate for bad",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the charger takes our certificate for expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the charger refuses our certificate",
    "WRONG_VERSION_NUMBER": "this is not TLS",
}


def _why(error: ssl.SSLError, first: bytes) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the charger's certificate is not accepted: {error.verify_message}"
    if error.reason in _WORDS:
        return _WORDS[error.reason]
    if first != b"\x16":
        return "this is not TLS"
    said = (error.reason or "unknown").replace("_", " ").lower()
    return f"there was no TLS handshake: {said}"

"""A charger's end of a WebSocket, with nothing that a measurement would count."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Callable
from typing import Any, cast

from simulators.bench.errors import BenchError

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
# As a generated key is: what a person chose is checked slowly, and once.
PASSWORD = "b37ac4e55d0f41d89c6e2f70a1b8d3c4"  # noqa: S105 - of chargers that live for seconds
_CALL_S = 30.0


def head(size: int, opcode: int = TEXT) -> bytes:
    """Of a client's frame: masked, as the standard asks, with a key that changes nothing."""
    if size < 126:
        sizes = struct.pack("!BB", opcode, 0x80 | size)
    elif size < 65_536:
        sizes = struct.pack("!BBH", opcode, 0x80 | 126, size)
    else:
        sizes = struct.pack("!BBQ", opcode, 0x80 | 127, size)
    return sizes + b"\0\0\0\0"


def frame(payload: bytes) -> bytes:
    return head(len(payload)) + payload


def split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """(first byte, payload, what follows) of a server's frame; None when it is not all there."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size >= 126:
        start = 4 if size == 126 else 10
        if len(data) < start:
            return None
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        return None
    return data[0], data[start : start + size], data[start + size :]


class Link(asyncio.Protocol):
    """One socket: handshake, then frames, which `heard` is given."""

    def __init__(
        self, identity: str, port: int, subprotocol: str, failed: Callable[[str], None]
    ) -> None:
        self.identity = identity
        self.transport: asyncio.Transport
        self.is_leaving = False
        self._port = port
        self._subprotocol = subprotocol
        self._failed = failed
        self._rest = b""
        self._is_open = False
        self._wanted = b""  # the message id whose answer is waited for
        self._waiter: asyncio.Future[bytes] | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        await self._answer("the handshake")

    async def call(self, message_id: str, action: str, payload: dict[str, Any]) -> Any:
        """What is answered to a CALL; one at a time."""
        text = json.dumps([2, message_id, action, payload], separators=(",", ":"))
        return await self.ask(message_id, text.encode())

    async def ask(self, message_id: str, *texts: bytes) -> Any:
        """Send frames, and wait for the answer to this message."""
        self._wanted = b',"%b",' % message_id.encode()
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.writelines([frame(text) for text in texts])
        answer = json.loads(await self._answer(message_id))
        if answer[0] != 3:
            raise BenchError(f"{self.identity} was refused: {answer}")
        return answer[2]

    async def _answer(self, to: str) -> bytes:
        assert self._waiter
        try:
            async with asyncio.timeout(_CALL_S):
                return await self._waiter
        except TimeoutError:
            raise BenchError(f"{self.identity} had no answer to {to}.") from None

    def close(self) -> None:
        self.is_leaving = True
        self.transport.write(head(2, CLOSE) + struct.pack("!H", 1000))
        self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has its own kind
        basic = base64.b64encode(f"{self.identity}:{PASSWORD}".encode()).decode()
        lines = (
            f"GET /ocpp/{self.identity} HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            f"Sec-WebSocket-Protocol: {self._subprotocol}",
            f"Authorization: Basic {basic}",
        )
        self.transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._is_open:
            answer, end, self._rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                self._rest = answer
                return
            if not answer.startswith(b"HTTP/1.1 101"):
                self.fail(f"was not let in: {answer.splitlines()[0].decode(errors='replace')}")
                return
            self._is_open = True
            self._wake(answer)
        while (found := split(self._rest)) is not None:
            opcode, payload, self._rest = found
            if opcode == TEXT:
                self.heard(payload)
            elif opcode == PING:
                self.transport.write(head(len(payload), PONG) + payload)
            elif opcode == CLOSE and not self.is_leaving:
                self.fail(f"was closed by the server: {payload[2:].decode(errors='replace')}")

    def heard(self, payload: bytes) -> None:
        if payload.startswith(self._wanted, 2):
            self._wake(payload)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_leaving:
            self.fail("lost its connection")

    def fail(self, what: str) -> None:
        self.is_leaving = True
        self._failed(f"Charger {self.identity} {what}.")
        if self._waiter and not self._waiter.done():
            self._waiter.cancel()

    def _wake(self, payload: bytes) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(payload)

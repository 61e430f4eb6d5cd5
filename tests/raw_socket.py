"""A WebSocket client that may do everything wrong: any bytes, any frame, and what came back."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, cast

from tests.wire import basic

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
HEARTBEAT = b'[2,"beat","Heartbeat",{}]'
# What makes a plain request of a handshake.
PLAIN: dict[str, str | None] = {
    "Upgrade": None,
    "Connection": None,
    "Sec-WebSocket-Key": None,
    "Sec-WebSocket-Version": None,
    "Sec-WebSocket-Protocol": None,
}
# Nothing here takes long; a hang is an answer too.
PATIENCE_S = 20


class Response(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: str


class Frame(NamedTuple):
    opcode: int
    payload: bytes


def request(
    target: str = "/ocpp/CP-1",
    headers: dict[str, str | None] | None = None,
    *,
    method: str = "GET",
    protocol: str = "HTTP/1.1",
    more: str = "",
) -> bytes:
    """A right handshake of CP-1; `headers` replaces headers, or with None leaves them out."""
    fields: dict[str, str | None] = {
        "Host": "central",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "ocpp1.6",
        **basic("CP-1"),
        **(headers or {}),
    }
    lines = [f"{name}: {value}\r\n" for name, value in fields.items() if value is not None]
    return f"{method} {target} {protocol}\r\n{''.join(lines)}{more}\r\n".encode()


def asking(**headers: str | None) -> bytes:
    """A handshake of CP-1 in which these headers differ; the names with _ for -."""
    return request(headers={name.replace("_", "-"): value for name, value in headers.items()})


def login(text: bytes, scheme: str = "Basic") -> dict[str, str | None]:
    return {"Authorization": f"{scheme} {base64.b64encode(text).decode()}"}


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True
) -> bytes:
    """A frame; masked with zeros, which change nothing."""
    return header(opcode, len(payload), fin=fin, rsv=rsv, mask=mask) + payload


def header(opcode: int, length: int, *, fin: bool = True, rsv: int = 0, mask: bool = True) -> bytes:
    first, masked = fin << 7 | rsv << 4 | opcode, mask << 7
    if length < 126:
        start = struct.pack("!BB", first, masked | length)
    elif length < 1 << 16:
        start = struct.pack("!BBH", first, masked | 126, length)
    else:
        start = struct.pack("!BBQ", first, masked | 127, length)
    return start + (bytes(4) if mask else b"")


class RawSocket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *pieces: bytes) -> None:
        """Into the buffer: who does not read us does not stop the test."""
        self.writer.write(b"".join(pieces))

    def stop_reading(self) -> None:
        """As a process that hangs: the kernel takes what fits, nobody else does."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    async def response(self) -> Response:
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = {name.lower(): value for name, value in (x.split(": ", 1) for x in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Response(int(first.split(" ")[1]), headers, body.decode())

    async def upgrade(self, asked: bytes) -> Response:
        self.send(asked)
        response = await self.response()
        assert response.status == 101, response
        return response

    async def frame(self) -> Frame:
        is_compressed, frame = await self._frame()
        assert not is_compressed
        return frame

    async def compressed_frame(self) -> Frame:
        """A frame whose payload is packed."""
        is_compressed, frame = await self._frame()
        assert is_compressed, frame
        return frame

    async def _frame(self) -> tuple[bool, Frame]:
        async with asyncio.timeout(PATIENCE_S):
            first, second = await self.reader.readexactly(2)
            assert first >= 128, "the server sends no fragments"
            assert second < 128, "the server masks nothing"
            length = second
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8))
            payload = await self.reader.readexactly(length)
            return bool(first & 64), Frame(first & 15, payload)

    async def text(self) -> Any:
        opcode, payload = await self.frame()
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    async def heartbeat(self) -> None:
        """The socket is open: its next Heartbeat is answered."""
        self.send(frame(TEXT, HEARTBEAT))
        answer = await self.text()
        assert answer[:2] == [3, "beat"], answer
        assert "currentTime" in answer[2]

    async def closed(self) -> tuple[int, str]:
        """The code and reason of the server's close, which we echo as a client should."""
        opcode, payload = await self.frame()
        assert opcode == CLOSE, (opcode, payload)
        self.send(frame(CLOSE, payload))
        return int.from_bytes(payload[:2]), payload[2:].decode()

    async def ended(self) -> bytes:
        """What still came until the server's end."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


@asynccontextmanager
async def dialled(
    port: int, receive_buffer: int | None = None, *, here: str = "127.0.0.1"
) -> AsyncIterator[RawSocket]:
    """A TCP connection on which nothing has been said, from an address of this machine."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((here, 0))
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        yield RawSocket(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def joined(port: int, asked: bytes | None = None) -> AsyncIterator[RawSocket]:
    """A link that is made: a Heartbeat has been answered."""
    async with dialled(port) as raw:
        await raw.upgrade(asked or request())
        await raw.heartbeat()
        yield raw

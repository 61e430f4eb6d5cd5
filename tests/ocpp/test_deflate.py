"""Reliability D-W24 to D-W26: compression, in small windows, of who may have it."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path

import psutil
import pytest

from csms.config import Deflate
from tests.catalogue.marks import row
from tests.ocpp.conftest import LIMIT_BYTES, Central, Log
from tests.raw_socket import TEXT, RawSocket, asking, dialled, frame, joined
from tests.wire import add_station, csms

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFER = "permessage-deflate; client_max_window_bits"
BOMB_BYTES = 50 << 20


def offering(extensions: str, version: str = "2.0.1") -> bytes:
    return asking(Sec_WebSocket_Extensions=extensions, Sec_WebSocket_Protocol=f"ocpp{version}")


def deflated(data: bytes, window_bits: int = 12) -> bytes:
    squeeze = zlib.compressobj(wbits=-window_bits)
    packed = squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    return packed.removesuffix(b"\x00\x00\xff\xff")


async def answer(raw: RawSocket, window_bits: int = 11) -> object:
    """The server's next frame, which only a window of so many bits can inflate."""
    opcode, payload = await raw.compressed_frame()
    assert opcode == TEXT
    inflate = zlib.decompressobj(wbits=-window_bits)
    return json.loads(inflate.decompress(payload + b"\x00\x00\xff\xff"))


@row("D-W26")
@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (OFFER, "server_max_window_bits=11; client_max_window_bits=12"),
        ("permessage-deflate", "server_max_window_bits=11"),
        (
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
            "server_max_window_bits=10; client_max_window_bits=9",
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11",
        ),
        (f"x-unknown; a=1, {OFFER}", "server_max_window_bits=11; client_max_window_bits=12"),
        # zlib cannot, so the first that can be is taken: here none.
        ("permessage-deflate; server_max_window_bits=8", None),
        ("permessage-deflate; client_max_window_bits=99", None),
        ("permessage-deflate; nonsense", None),
        ("x-webkit-deflate-frame", None),
    ],
    ids="W26 {}".format,
)
async def test_an_offer_is_agreed_on_or_declined_and_the_link_works(
    central: Central, log: Log, offered: str, agreed: str | None
) -> None:
    async with dialled(central.port) as raw:
        response = await raw.upgrade(offering(offered))
        said = response.headers.get("sec-websocket-extensions")
        if agreed is None:
            assert said is None
            await raw.heartbeat()
        else:
            assert said == f"permessage-deflate; {agreed}"
            long = json.dumps([2, "a", "Nonsense", {"x": "y" * 3_000}]).encode()
            raw.send(frame(TEXT, deflated(long, 9), rsv=4))
            heard = await answer(raw)
            assert isinstance(heard, list)
            assert heard[:3] == [4, "a", "NotImplemented"]
    log.check_is_quiet()


@pytest.mark.parametrize(
    ("setting", "version", "is_agreed"),
    [
        ("2.x", "1.6", False),
        ("2.x", "2.0.1", True),
        ("2.x", "2.1", True),
        ("all", "1.6", True),
        ("off", "2.0.1", False),
    ],
)
async def test_who_may_compress_is_a_setting(
    database_url: str, tmp_path: Path, setting: Deflate, version: str, is_agreed: bool
) -> None:
    await add_station(database_url, "CP-1")
    async with (
        csms(database_url, tmp_path, deflate=setting) as server,
        dialled(server.port) as raw,
    ):
        response = await raw.upgrade(offering(OFFER, version))

    assert ("sec-websocket-extensions" in response.headers) == is_agreed


@row("D-W24")
async def test_w24_a_bomb_is_refused_before_it_is_unpacked(central: Central, log: Log) -> None:
    bomb = deflated(bytes(BOMB_BYTES))
    assert len(bomb) < 60_000
    async with dialled(central.port) as raw:
        await raw.upgrade(offering(OFFER))
        before = psutil.Process().memory_info().rss
        raw.send(frame(TEXT, bomb, rsv=4))

        assert (await raw.closed())[0] == 1009
        assert psutil.Process().memory_info().rss - before < 1 << 23
    async with joined(central.port):
        pass
    log.check_is_quiet()


@row("D-W24")
async def test_w24_the_limit_is_of_what_is_unpacked(central: Central, log: Log) -> None:
    start = b'[2,"a","Nonsense",{"x":"'
    fits = start + b"y" * (LIMIT_BYTES - len(start) - 3) + b'"}]'
    async with dialled(central.port) as raw:
        await raw.upgrade(offering(OFFER))
        raw.send(frame(TEXT, deflated(fits), rsv=4))
        heard = await answer(raw)
        assert isinstance(heard, list)
        assert heard[1] == "a"
        raw.send(frame(TEXT, deflated(fits + b" "), rsv=4))
        opcode, payload = await raw.frame()
        assert (opcode, int.from_bytes(payload[:2])) == (8, 1009)
    log.check_is_quiet()


@pytest.mark.parametrize(
    "garbage", [b"\xff" * 100, random.Random(7).randbytes(500), b"\x07"], ids="W25 {!r:.12}".format
)
@row("D-W25")
async def test_w25_a_stream_that_is_none_is_closed(
    central: Central, log: Log, garbage: bytes
) -> None:
    async with dialled(central.port) as raw:
        await raw.upgrade(offering(OFFER))
        raw.send(frame(TEXT, garbage, rsv=4))

        assert (await raw.closed())[0] in (1002, 1007)
    async with joined(central.port):
        pass
    log.check_is_quiet()

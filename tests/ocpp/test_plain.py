"""The short way of a plain frame: the same as the library's, and never in the middle of another."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from csms.ocpp import plain
from tests.ocpp.conftest import Central, Log
from tests.raw_socket import CONT, PING, PONG, TEXT, RawSocket, frame, joined

BODY = st.text(max_size=plain.LONGEST // 2).map(str.encode)


@given(BODY)
def test_it_reads_what_a_client_of_the_library_writes(body: bytes) -> None:
    wire = Frame(Opcode.TEXT, body).serialize(mask=True)

    heard = plain.message_of(wire)

    assert heard == (body if len(body) >= 126 else None)


@given(BODY)
def test_it_writes_what_a_server_of_the_library_does(body: bytes) -> None:
    assert plain.frame_of(body) == Frame(Opcode.TEXT, body).serialize(mask=False)


@pytest.mark.parametrize(
    "other",
    [
        frame(TEXT, b" " * 200, fin=False),
        frame(TEXT, b" " * 200, rsv=4),
        frame(TEXT, b" " * 200, mask=False),
        frame(CONT, b" " * 200),
        frame(TEXT, b" " * 200)[:-1],
        frame(TEXT, b" " * 200) * 2,
        frame(TEXT, b" " * (plain.LONGEST + 1)),
        b"",
    ],
)
def test_what_is_a_little_different_is_left_to_the_library(other: bytes) -> None:
    assert plain.message_of(other) is None


def beat(name: str) -> bytes:
    return f'[2,"{name}","Heartbeat",{{}}]'.encode().ljust(200)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("seed", range(8))
async def test_every_mixture_in_every_slicing_is_heard_in_order(
    central: Central, seed: int
) -> None:
    chance = random.Random(seed)
    pieces: list[bytes] = []
    for number in range(120):
        message = beat(str(number))
        kind = chance.randrange(5)
        if kind == 0:
            cut = chance.randrange(1, 199)
            pieces += [frame(TEXT, message[:cut], fin=False), frame(CONT, message[cut:])]
        elif kind == 1:
            pieces += [frame(PING, b"x" * chance.randrange(120)), frame(TEXT, message)]
        elif kind == 2:
            pieces.append(frame(TEXT, message.rstrip()))
        else:
            pieces.append(frame(TEXT, message))
    async with joined(central.port) as raw:
        for segment in _segments(pieces, chance):
            raw.send(segment)
            await asyncio.sleep(0.001)

        heard: list[Any] = [(await _text(raw))[1] for _ in range(120)]

    assert heard == [str(number) for number in range(120)]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_frame_inside_a_frame_is_not_heard(central: Central, log: Log) -> None:
    inner = frame(TEXT, beat("inner"))
    outer = frame(TEXT, inner)
    async with joined(central.port) as raw:
        raw.send(frame(TEXT, beat("before")))  # a plain one: the short way is open
        assert (await raw.text())[1] == "before"
        raw.send(outer[: -len(inner)])
        await asyncio.sleep(0.05)
        raw.send(inner)

        assert (await raw.closed())[0] == 1007  # 0x81 is not UTF-8


def _segments(pieces: list[bytes], chance: random.Random) -> list[bytes]:
    """Some pieces alone, some together, some cut."""
    stream = b"".join(pieces)
    borders = {0, len(stream)}
    at = 0
    for piece in pieces:
        if chance.random() < 0.6:
            borders.add(at)
        if chance.random() < 0.3:
            borders.add(at + chance.randrange(len(piece)))
        at += len(piece)
    ordered = sorted(borders)
    return [stream[a:b] for a, b in pairwise(ordered)]


async def _text(raw: RawSocket) -> Any:
    while (got := await raw.frame()).opcode == PONG:
        pass
    assert got.opcode == TEXT, got
    return json.loads(got.payload)

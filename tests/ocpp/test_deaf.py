"""Chargers that answer no pings (MH#626): after two connections their messages are their life."""

from __future__ import annotations

import asyncio

import pytest

from csms.ocpp import deaf
from csms.ocpp.socket import PING_TIMEOUT
from tests.ocpp.conftest import until
from tests.ocpp.test_silent_clients import QUICK_PINGS, Serving, own_log, serving
from tests.raw_socket import CLOSE, HEARTBEAT, PING, PONG, TEXT, Frame, RawSocket, frame, joined

__all__ = ["own_log", "serving"]


async def heard(raw: RawSocket) -> Frame:
    """What is no ping; those are not answered."""
    while (each := await raw.frame()).opcode == PING:
        pass
    return each


async def beats(raw: RawSocket, times: int) -> None:
    for _ in range(times):
        raw.send(frame(TEXT, HEARTBEAT))
        assert (await heard(raw)).opcode == TEXT
        await asyncio.sleep(0.2)


async def cut(raw: RawSocket) -> str:
    """Why the server ended it."""
    closed = await heard(raw)
    assert closed.opcode == CLOSE
    assert int.from_bytes(closed.payload[:2]) == 1011
    await raw.ended()
    return closed.payload[2:].decode()


async def test_who_answers_no_pings_stays_as_long_as_it_speaks(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deaf, "_MARGIN_S", 0)
    async with serving(**QUICK_PINGS, heartbeat_interval_s=1) as central:
        for _ in range(2):
            async with joined(central.port) as raw:
                assert await cut(raw) == PING_TIMEOUT

            async def is_gone() -> bool:
                return await central.link() is None

            await until(is_gone)

        async with joined(central.port) as raw:
            await beats(raw, 10)  # twice as long as a ping may take
            assert (await cut(raw)).startswith("nothing heard for ")

        # Who answers one after all is judged by them again, at once.
        async with joined(central.port) as raw:
            while (ping := await raw.frame()).opcode != PING:
                pass
            raw.send(frame(PONG, ping.payload))
            assert await cut(raw) == PING_TIMEOUT

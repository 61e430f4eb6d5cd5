"""Reliability D-W23, C11, C12: who hangs or never reads is let go, and may come back."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from csms.ocpp.door import Door
from db import commands
from db.model.commands import Raw
from db.rows import Pool
from tests.catalogue.marks import row
from tests.ocpp.conftest import Central, Log, until
from tests.raw_socket import CLOSE, PING, TEXT, RawSocket, dialled, frame, header, joined, request
from tests.wire import add_station, basic, csms

# Nothing but the bound on sending can find who reads no more.
NO_PINGS = {"ping_interval_s": 60, "ping_timeout_s": 60, "send_timeout_s": 0.5}
QUICK_PINGS = {"ping_interval_s": 0.5, "ping_timeout_s": 0.5, "send_timeout_s": 0.5}
MOST_KEPT_BYTES = 1 << 20

CLIENT = """
import sys
from websockets.sync.client import connect
url, key = sys.argv[1:]
with connect(url, subprotocols=["ocpp1.6"], additional_headers={"Authorization": key}) as socket:
    print("connected", flush=True)
    socket.recv()
"""

Serving = Callable[..., AbstractAsyncContextManager[Central]]


@pytest.fixture
def serving(database_url: str, tmp_path: Path, pool: Pool) -> Serving:
    """CP-1 and a csms of the test's own, with the settings it asks for."""

    @asynccontextmanager
    async def serve(**settings: float) -> AsyncIterator[Central]:
        await add_station(database_url, "CP-1")
        await pool.execute("update station set booted_at = now()")
        async with csms(database_url, tmp_path, **settings) as server:
            yield Central(server.port, pool)

    return serve


@pytest.fixture
def own_log(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    with capture_logs() as lines:
        yield Log(lines, caplog)


@asynccontextmanager
async def stopped_process(central: Central) -> AsyncIterator[asyncio.subprocess.Process]:
    """CP-1 as a process that is stopped once its link is there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CLIENT,
        f"ws://127.0.0.1:{central.port}/ocpp/CP-1",
        basic("CP-1")["Authorization"],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"connected\n"
        await until(central.link)
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def until_gone(central: Central) -> None:
    async def is_gone() -> bool:
        return await central.link() is None

    await until(is_gone)


@row("D-W23")
async def test_a_frame_that_comes_byte_by_byte_is_cut_off_by_the_pings(
    serving: Serving, own_log: Log
) -> None:
    async with serving(**QUICK_PINGS) as central, joined(central.port) as raw:
        raw.send(header(TEXT, 4_000))

        async def trickle() -> None:
            while True:
                raw.send(b" ")
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        while (heard := await raw.frame()).opcode == PING:
            pass
        await raw.ended()
        trickling.cancel()
        closed = await own_log.line("station.disconnected")

        assert heard.opcode == CLOSE
        assert heard.payload[2:] == b"keepalive ping timeout"
        assert closed["code"] == int.from_bytes(heard.payload[:2]) == 1011
        async with joined(central.port):
            pass


async def test_c11_a_stopped_process_is_gone_after_its_ping_and_may_come_back(
    serving: Serving,
) -> None:
    async with serving(**QUICK_PINGS) as central, stopped_process(central) as process:
        await until_gone(central)

        async with joined(central.port):
            assert process.returncode is None


async def test_c11_who_hangs_is_replaced_at_once_and_its_late_end_changes_nothing(
    serving: Serving, own_log: Log
) -> None:
    async with (
        serving(**NO_PINGS) as central,
        stopped_process(central),
        joined(central.port) as raw,
    ):
        held = await central.link()

        await own_log.line("station.disconnected")

        assert await central.link() == held
        await raw.heartbeat()


async def test_c11_a_call_to_who_hangs_fails_when_the_link_does(serving: Serving) -> None:
    async with (
        serving(ping_interval_s=2, ping_timeout_s=0.5, send_timeout_s=0.5) as central,
        joined(central.port) as raw,
        central.pool.acquire() as conn,
    ):
        raw.stop_reading()  # so that no ping is answered
        clear = Raw("ClearCache", msgspec.Raw(b"{}"))
        station_id = await conn.fetchval("select id from station")
        asked = await commands.ask(
            conn, station_id, clear, asked_by="a test", valid_for=timedelta(minutes=1)
        )

        async def is_settled() -> bool:
            return (await commands.get(conn, station_id, asked.id)).settled_at is not None

        await until(is_settled)
        row = await commands.get(conn, station_id, asked.id)

    assert row.state == "expired"
    assert row.reason == "the connection was lost before ClearCache was answered"


def flood(raw: RawSocket) -> None:
    """Ten megabytes of CALLs whose answers are as long as they."""
    raw.send(frame(TEXT, b'[2,"%s","Nonsense",{}]' % (b"x" * 36)) * 150_000)


def ping_flood(raw: RawSocket) -> None:
    raw.send(frame(PING, bytes(125)) * 80_000)


@pytest.mark.parametrize("say_much", [flood, ping_flood], ids=["C12 calls", "C12 pings"])
async def test_who_never_reads_is_let_go_and_costs_little_memory(
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
    own_log: Log,
    say_much: Callable[[RawSocket], None],
) -> None:
    doors: list[Door] = []
    make = Door.connection_made

    def spy(self: Door, transport: Any) -> None:
        doors.append(self)
        make(self, transport)

    monkeypatch.setattr(Door, "connection_made", spy)
    kept: list[int] = []
    async with serving(**NO_PINGS) as central, dialled(central.port, receive_buffer=4_096) as raw:
        await raw.upgrade(request())
        await raw.heartbeat()
        raw.stop_reading()

        say_much(raw)

        async def is_gone() -> bool:
            kept.append(doors[0].transport.get_write_buffer_size())
            return await central.link() is None

        await until(is_gone)
        assert max(kept) < MOST_KEPT_BYTES
        await own_log.line("station.stopped_reading")
        await own_log.line("station.disconnected")
        own_log.check_is_quiet()
        async with joined(central.port):
            pass

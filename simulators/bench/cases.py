"""What is done to a server: one measurement, and one with a hostile charger among the good."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from simulators.bench.dialects import OCPP_16, Dialect, identity_of
from simulators.bench.errors import BenchError
from simulators.bench.hostile import Hostile
from simulators.bench.load import Load, Window
from simulators.bench.servers import Server
from simulators.bench.settings import Settings
from simulators.bench.usage import Watched

_LOG_S = 1.0  # our log of messages is written a moment after the answer


@dataclass(frozen=True)
class Run:
    """One measurement that was honest: every answer stands for readings in the database."""

    window: Window
    message_bytes: int
    logged: float  # share of the messages that our log has; 0 for a server without a log


@dataclass(frozen=True)
class Pair:
    """The good chargers alone, and then beside the hostile one."""

    alone: Window
    beside: Window
    bad_frames: int


async def measure(server: Server, dialect: Dialect, settings: Settings, backend_pid: int) -> Run:
    watched = Watched(server.pid, backend_pid)
    load = Load(dialect, server.port)
    try:
        await load.open(settings.links)
        load.go()
        await load.wait(settings.warm_up_s)
        window = await load.window(settings.seconds, watched)
        answered = await load.finish()
    finally:
        load.close()
    await _verify(server, answered)
    logged = 0.0
    if server.kind == "ours":
        await asyncio.sleep(_LOG_S)
        started = settings.links if dialect.action == "TransactionEvent" else 0
        logged = (await server.logged(dialect.action) - started) / answered
    return Run(window, load.message_bytes, logged)


async def disturb(
    server: Server,
    settings: Settings,
    backend_pid: int,
    say: Callable[[str], None],
) -> list[Pair]:
    """Pairs of measurements in one run of a server, in turns."""
    watched = Watched(server.pid, backend_pid)
    load = Load(OCPP_16, server.port)
    pairs = []
    try:
        await load.open(settings.links)
        load.go()
        await load.wait(settings.warm_up_s)
        for number in range(settings.rounds):
            alone = await load.window(settings.seconds / 2, watched)
            hostile = Hostile(
                identity_of(settings.links + 1), server.port, load.failed, seed=number
            )
            attack = asyncio.create_task(hostile.run())
            try:
                await load.wait(settings.warm_up_s / 2)
                before = hostile.sent
                beside = await load.window(settings.seconds / 2, watched)
                pairs.append(Pair(alone, beside, hostile.sent - before))
            finally:
                attack.cancel()
                with suppress(asyncio.CancelledError):
                    await attack
                hostile.close()
            say(f"with a hostile charger: {describe(beside)}")
            await load.wait(settings.warm_up_s / 2)
        answered = await load.finish()
    finally:
        load.close()
    await _verify(server, answered)
    return pairs


async def _verify(server: Server, answered: int) -> None:
    if server.kind == "ours" and (odd := await server.quarantined()):
        raise BenchError(f"ours: {odd} messages were quarantined: the load does not fit a schema.")
    kept = await server.kept()
    if kept != answered:
        raise BenchError(
            f"{server.kind}: {answered} messages were answered, the readings of {kept} are there."
        )


def describe(window: Window) -> str:
    return f"{window.per_s:,.0f} messages/s, p50 {window.p50_ms:.1f} ms, p99 {window.p99_ms:.1f} ms"

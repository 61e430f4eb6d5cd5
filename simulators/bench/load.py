"""Chargers in closed loop: each sends its next message when the last one is answered."""

import asyncio
import gc
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from simulators.bench.dialects import Dialect, identity_of
from simulators.bench.errors import BenchError
from simulators.bench.messages import Next
from simulators.bench.usage import Usage, Watched
from simulators.bench.wire import TEXT, Link, head

_AT_ONCE = 50
_ANSWERS_S = 30.0


@dataclass(frozen=True)
class Window:
    """What happened in one measured time."""

    answered: int
    p50_ms: float
    p99_ms: float
    used: Usage
    server_mb: float

    @property
    def per_s(self) -> float:
        return self.answered / self.used.at


class Load:
    def __init__(self, dialect: Dialect, port: int) -> None:
        self.dialect = dialect
        self.port = port
        self.is_running = False
        self.answered = 0
        self.took = array("d")
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._chargers: list[_Charger] = []

    async def open(self, links: int) -> None:
        """Connect so many chargers, each to the middle of a session."""
        self._chargers = [_Charger(self, number) for number in range(1, links + 1)]
        door = asyncio.Semaphore(_AT_ONCE)

        async def enter(charger: _Charger) -> None:
            async with door:
                await charger.open()
                charger.next_frame = await self.dialect.begin(charger, charger.number)

        await self._unless_failed(asyncio.gather(*map(enter, self._chargers)))

    @property
    def message_bytes(self) -> int:
        return len(self._chargers[0].next_frame(0)) - len(head(126))

    def go(self) -> None:
        self.is_running = True
        gc.collect()
        gc.freeze()
        gc.disable()
        for charger in self._chargers:
            charger.say_next(perf_counter())

    async def wait(self, seconds: float) -> None:
        await self._unless_failed(asyncio.sleep(seconds))

    async def window(self, seconds: float, watched: Watched) -> Window:
        self.took = array("d")
        before, answered = watched.usage(), self.answered
        await self.wait(seconds)
        await self._until(lambda: len(self.took) > 0)  # which takes longer on a machine that hangs
        used, answered = watched.usage().since(before), self.answered - answered
        took = sorted(self.took)
        return Window(
            answered,
            took[len(took) // 2] * 1000,
            took[min(len(took) - 1, len(took) * 99 // 100)] * 1000,
            used,
            watched.server_mb(),
        )

    async def finish(self) -> int:
        """How many messages were answered, once all are that were sent."""
        self.is_running = False
        await self._until(lambda: not any(charger.is_waiting for charger in self._chargers))
        return self.answered

    def close(self) -> None:
        gc.enable()
        gc.unfreeze()
        for charger in self._chargers:
            charger.leave()

    def failed(self, why: str) -> None:
        self.is_running = False
        if not self._failed.done():
            self._failed.set_exception(BenchError(why))

    async def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = perf_counter() + _ANSWERS_S
        while not is_so():
            await self.wait(0.02)
            if perf_counter() > deadline:
                raise BenchError("Some messages were never answered.")

    async def _unless_failed(self, work: Awaitable[Any]) -> None:
        task: asyncio.Future[Any] = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._failed}, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class _Charger(Link):
    """One link of the load; the loop is all in `data_received` and `say_next`."""

    next_frame: Next

    def __init__(self, load: Load, number: int) -> None:
        super().__init__(identity_of(number), load.port, load.dialect.subprotocol, load.failed)
        self.number = number
        self.is_waiting = False
        self._load = load
        self._sent_at = 0.0
        self._said = 0

    def say_next(self, now: float) -> None:
        self._said += 1
        self._sent_at = now
        self.is_waiting = True
        self.transport.write(self.next_frame(self._said))

    def data_received(self, data: bytes) -> None:
        # One short frame at once, as nearly every answer comes.
        if self.is_waiting and not self._rest and data[0] == TEXT and len(data) == data[1] + 2:
            self._answered(data, 2)
        else:
            super().data_received(data)

    def heard(self, payload: bytes) -> None:
        if self.is_waiting:
            self._answered(payload, 0)
        else:
            super().heard(payload)

    def _answered(self, data: bytes, at: int) -> None:
        if not data.startswith(b"[3,", at):
            self.fail(f"was refused: {data[at:].decode(errors='replace')[:300]}")
            return
        now = perf_counter()
        load = self._load
        load.answered += 1
        load.took.append(now - self._sent_at)
        self.is_waiting = False
        if load.is_running:
            self.say_next(now)

    def leave(self) -> None:
        if hasattr(self, "transport") and not self.transport.is_closing():
            self.close()

"""Lets the time of a station pass by itself, faster than outside if wished."""

import asyncio
from datetime import UTC, datetime

from simulators.firmware import Firmware

TICK_S = 0.1
BACKLOG = 100


class Pace:
    """
    Moves a station's clock `speed` times as fast as the real one.

    The station's clock never passes the real one: a central system would take its times for
    those of a broken clock. Where it has caught up, time goes on at its ordinary speed.
    """

    def __init__(
        self,
        speed: float,
        firmware: Firmware,
    ) -> None:
        self._speed = speed
        self._firmware = firmware
        self._task: asyncio.Task[None] | None = None
        self._caught_up = speed <= 1

    def start(self) -> None:
        """Time passes from now on, also while the station still looks for its network."""
        if self._task is not None:
            return
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._firmware.network.watch)

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            if not self._is_behind_with_talking():
                self._firmware.pass_time(self._allowed((now - last) * self._speed))
            last = now

    def _is_behind_with_talking(self) -> bool:
        """At a high speed more would happen than can be told: then time waits for the wire."""
        firmware = self._firmware
        return firmware.reporter.online and len(firmware.outbox) > BACKLOG

    def _allowed(self, wanted_s: float) -> float:
        behind_s = (datetime.now(UTC) - self._firmware.clock.now()).total_seconds()
        if wanted_s <= behind_s or self._speed <= 1:
            return wanted_s
        if not self._caught_up:
            self._caught_up = True
            self._firmware.say(
                "the simulated time has caught up with the real one and goes on with it"
            )
        return min(max(behind_s, 0.0), wanted_s)

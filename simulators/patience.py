"""Waits with a station: for simulated time, for answers, for what others do."""

import asyncio
from collections.abc import Callable

from simulators.errors import TookTooLong
from simulators.evse import Evse
from simulators.firmware import Firmware
from simulators.session import ChargingState

GLANCE_S = 0.005
LIVE_GLANCE_S = 0.02


class Patience:
    """Stepped, it moves the station's clock itself; else it watches the clock move."""

    def __init__(self, firmware: Firmware, *, stepped: bool) -> None:
        self._firmware = firmware
        self._stepped = stepped

    async def pass_while(self, left_s: Callable[[], float]) -> None:
        """Pass time until nothing is left, answering and being answered all the while."""
        firmware, turns = self._firmware, 0
        while (left := left_s()) > 0:
            if not self._stepped:
                firmware.network.raise_failure()
                await asyncio.sleep(LIVE_GLANCE_S)
                continue
            firmware.pass_time(min(left, 1.0, max(0.001, firmware.clock.next_alarm_s())))
            turns += 1
            if firmware.is_busy:
                await firmware.settle()
            elif turns % 200 == 0:
                await asyncio.sleep(0)  # let the socket be heard
        await firmware.settle()

    async def wait(self, seconds: float) -> None:
        clock = self._firmware.clock
        end = clock.after(seconds)
        await self.pass_while(lambda: (end - clock.now()).total_seconds())

    async def charge(
        self, evse: Evse, *, energy_wh: float | None, seconds: float | None, until_full: bool
    ) -> int:
        clock, session, begun_wh = self._firmware.clock, evse.session, evse.meter.exact_wh
        end = None if seconds is None else clock.after(seconds)

        def left_s() -> float:
            if evse.session is not session:
                return 0
            most_s = 1.0 if end is None else (end - clock.now()).total_seconds()
            if energy_wh is None and not until_full:
                return most_s
            if evse.charging_state is not ChargingState.CHARGING:
                return 0
            if energy_wh is None or evse.drawn_w <= 0:
                return most_s
            missing_wh = begun_wh + energy_wh - evse.meter.exact_wh
            return 0 if missing_wh < 1e-6 else min(most_s, missing_wh * 3600 / evse.drawn_w)

        await self.pass_while(left_s)
        return int(evse.meter.exact_wh - begun_wh + 1e-4)

    async def flush(self, within_s: float) -> None:
        outbox = self._firmware.outbox
        await self._firmware.settle()
        try:
            async with asyncio.timeout(within_s):
                while outbox.kept:
                    if self._stepped and self._firmware.reporter.online:
                        # A retry may be due later in simulated time.
                        self._firmware.pass_time(1)
                    await asyncio.sleep(GLANCE_S)
                    await self._firmware.settle()
        except TimeoutError:
            text = f"{outbox.kept} transaction messages are not answered after {within_s:g} s"
            raise TookTooLong(text) from None

    async def until(self, happened: Callable[[], object], *, within_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not happened():
                    self._firmware.network.raise_failure()
                    await asyncio.sleep(GLANCE_S)
        except TimeoutError:
            raise TookTooLong(f"{what} did not happen within {within_s:g} s") from None
        await self._firmware.settle()

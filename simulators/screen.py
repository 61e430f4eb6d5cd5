"""Where a station that is driven by hand says what happens: lines, and pictures on a terminal."""

import asyncio
import sys

from rich.live import Live

from simulators.clock import Clock
from simulators.picture import lines, picture
from simulators.station import Station
from simulators.terminal import console

_PER_S = 4


class Screen:
    """Writes lines with the station's own time."""

    def __init__(self, identity: str, clock: Clock, *, draws: bool = False) -> None:
        """`draws`: standard output is a terminal, and pictures are wanted."""
        self._identity = identity
        self._clock = clock
        self._console = console() if draws else None

    def say(self, text: str) -> None:
        line = f"{self._clock.now():%H:%M:%S} {self._identity}  {text}\n"
        # While a picture is on it, rich must know of the line, and writes it above.
        sys.stdout.write(line)
        sys.stdout.flush()

    def show(self, station: Station) -> None:
        if self._console is not None:
            self._console.print(picture(station))
            return
        for line in lines(station):
            self.say(line)

    async def watch(self, station: Station, seconds: float) -> None:
        """So many real seconds. Without a terminal: once before and once after."""
        if self._console is None:
            self.show(station)
            await asyncio.sleep(seconds)
            self.show(station)
            return
        end_s = asyncio.get_running_loop().time() + seconds
        with Live(
            get_renderable=lambda: picture(station),
            console=self._console,
            refresh_per_second=_PER_S,
        ):
            while (left_s := end_s - asyncio.get_running_loop().time()) > 0:
                station.firmware.network.raise_failure()
                await asyncio.sleep(min(1 / _PER_S, left_s))

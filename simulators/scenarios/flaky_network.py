"""Links that drop every few seconds while vehicles charge."""

import asyncio
import random

from simulators.scenarios.stage import Row, Scenario, Stage
from simulators.station import Station
from simulators.vehicle import Vehicle

CUTS = 20  # about so many in the whole time


async def play(stage: Stage) -> list[Row]:
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(_live(stage, number)) for number in range(len(stage.identities))]
    return [life.result() for life in lives]


async def _live(stage: Stage, number: int) -> Row:
    rng = stage.rng(f"flaky {number}")
    station = stage.station(number, speed=1, settings={"sample_s": "2"})
    async with station:
        await station.plug_in(1, Vehicle(soc_pct=30))
        await station.swipe(1, stage.cards[number])
        cuts = await _interrupted(station, rng, stage.duration_s)
        stage.say(f"{station.identity}: the link dropped {cuts} times")
        # The half of them ends while nobody hears it.
        if number % 2:
            await station.lose_network()
        await station.unplug(1)
        if not station.online:
            await station.find_network()
        await station.flush()
    return Row.of(station, sessions=1)


async def _interrupted(station: Station, rng: random.Random, duration_s: float) -> int:
    loop = asyncio.get_running_loop()
    end, beat_s, cuts = loop.time() + duration_s, duration_s / CUTS, 0
    while loop.time() < end:
        await asyncio.sleep(rng.uniform(0.4, 0.8) * beat_s)
        await station.lose_network()
        await asyncio.sleep(rng.uniform(0.2, 0.6) * beat_s)
        await station.find_network()
        cuts += 1
    return cuts


SCENARIO = Scenario(
    name="flaky_network",
    stations=4,
    duration_s=120,
    does="4 stations charge for two minutes while their links are cut every few seconds, without "
    "a word. What they measure meanwhile they send when they are back; two of them end their "
    "session without a link.",
    look_at="The chargers lose and find their connection, but each has one session, and its "
    "energy at the end is the one in the table below, to the Wh.",
    play=play,
)

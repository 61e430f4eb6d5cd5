"""Everybody arrives at work at the same time."""

import asyncio

from simulators.scenarios.stage import Row, Scenario, Stage
from simulators.vehicle import Vehicle


async def play(stage: Stage) -> list[Row]:
    async with asyncio.TaskGroup() as group:
        days = [
            group.create_task(_morning(stage, number)) for number in range(len(stage.identities))
        ]
    return [day.result() for day in days]


async def _morning(stage: Stage, number: int) -> Row:
    rng = stage.rng(f"rush {number}")
    arrives_s = rng.uniform(0, 0.4) * stage.duration_s
    leaves_s = rng.uniform(0.85, 1) * stage.duration_s
    vehicle = Vehicle(battery_wh=rng.choice((40, 58, 77)) * 1000, soc_pct=rng.randrange(10, 60))
    station = stage.station(number, speed=1, settings={"sample_s": "5"})
    async with station:
        await asyncio.sleep(arrives_s)
        await station.plug_in(1, vehicle)
        if await station.swipe(1, stage.cards[number]):
            stage.say(f"{station.identity}: a vehicle at {vehicle.soc_pct} % begins to charge")
        await asyncio.sleep(leaves_s - arrives_s)
        await station.unplug(1)
        await station.flush()
    return Row.of(station, sessions=1)


SCENARIO = Scenario(
    name="morning_rush",
    stations=20,
    duration_s=300,
    does="20 stations of three versions connect at once. Within two minutes a vehicle arrives at "
    "each of them, presents a card and charges; after five minutes all have left.",
    look_at="The list of sessions fills from top to bottom and each line ticks every 5 s; the "
    "chargers go from Available to Charging and back. No figure may stand still.",
    play=play,
)

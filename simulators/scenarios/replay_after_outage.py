"""Hours without a network, told all at once."""

import asyncio
from datetime import UTC, datetime, timedelta

from simulators.clock import Clock
from simulators.scenarios.stage import Row, Scenario, Stage
from simulators.vehicle import Vehicle

AGO = timedelta(hours=6)
OFFLINE_SESSIONS = 4
LAST_S = 2400
MARGIN_S = 60
"""So far its clock stays behind ours."""


async def play(stage: Stage) -> list[Row]:
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(_live(stage, number)) for number in range(len(stage.identities))]
    return [life.result() for life in lives]


async def _live(stage: Stage, number: int) -> Row:
    """Stepped: six hours of the station's own clock, which ends at our present, take a moment."""
    rng, card = stage.rng(f"outage {number}"), stage.cards[number]
    clock = Clock(datetime.now(UTC) - AGO)
    station = stage.station(number, clock=clock)
    async with station:
        await station.plug_in(1, Vehicle())
        await station.swipe(1, card)
        if station.session(1) is None:
            return Row.of(station, sessions=OFFLINE_SESSIONS + 2)
        await station.charge(1, seconds=1200)
        await station.lose_network()
        await station.charge(1, seconds=1800)
        await station.unplug(1)
        for _ in range(OFFLINE_SESSIONS):
            await station.wait(rng.uniform(300, 900))
            await station.plug_in(1, Vehicle(soc_pct=rng.randrange(10, 60)))
            await station.swipe(1, card)
            await station.charge(1, seconds=rng.uniform(1200, 2400))
            await station.unplug(1)
        left_s = (datetime.now(UTC) - clock.now()).total_seconds() - MARGIN_S
        await station.wait(left_s - LAST_S)
        await station.plug_in(1, Vehicle(soc_pct=20))
        await station.swipe(1, card)
        await station.charge(1, seconds=LAST_S)
        stage.say(f"{station.identity}: back after hours, {station.waiting} messages wait")
        await station.find_network()
        await station.flush(stage.duration_s)
        await station.swipe(1, card)
        await station.unplug(1)
    return Row.of(station, sessions=OFFLINE_SESSIONS + 2)


SCENARIO = Scenario(
    name="replay_after_outage",
    stations=4,
    duration_s=120,
    does="4 stations lose their network for hours: one session is cut in the middle, four come "
    "and go unheard, a sixth runs when the network returns. Then everything is told at once, with "
    "the times at which it happened.",
    look_at="24 sessions of the last six hours, each with its true times, energy and curve; the "
    "first one was open in between and is closed; the chargers are free at the end.",
    play=play,
)

"""One station of a fleet and what happens at it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulators.dialect import Facts
from simulators.errors import Refused, SimulatorError
from simulators.evse import Evse
from simulators.fleet.cast import Role
from simulators.fleet.visits import SAMPLE_S, Visit, remote_visits, visits
from simulators.station import Station

GLANCE_S = 0.2
AGAIN_S = 30
LEAVE_S = 4.0


@dataclass(frozen=True)
class World:
    """What all residents share. `say` and `warn` are told the identity, and what happened."""

    url: str
    seed: int
    speed: float
    say: Callable[[str, str], None]
    warn: Callable[[str, str], None]


class Resident:
    def __init__(self, role: Role, world: World) -> None:
        self.role = role
        self.errors = 0
        """Refused connections, cards and messages, and failures of the simulator."""
        self._world = world
        self.station = Station(
            role.identity,
            version=role.version,
            url=world.url,
            password=role.password,
            power_w=[plug.max_power_w for plug in role.connectors],
            facts=Facts(role.vendor, role.model, firmware=role.firmware),
            seed=world.seed,
            speed=1,
            settings={"sample_s": str(SAMPLE_S)},
            say=lambda text: world.say(role.identity, text),
        )

    @property
    def is_connected(self) -> bool:
        return self.station.online and self.station.registration == "Accepted"

    @property
    def running(self) -> int:
        return sum(evse.session is not None for evse in self.station.evses)

    @property
    def energy_wh(self) -> int:
        return sum(session.energy_wh for session in self.station.sessions)

    @property
    def mistakes(self) -> int:
        """What a person should look at."""
        return self.errors + self.station.traffic.refused

    async def live(self, after_s: float) -> None:
        """Connect in so many seconds and live until cancelled. One that fails stands still."""
        await asyncio.sleep(after_s)
        try:
            await self._live()
        except* Exception as group:
            for error in group.exceptions:
                self._note(f"stands still: {error!r}")

    async def _live(self) -> None:
        if self.role.life == "offline":
            return
        self.station.clock.catch_up()
        await self._connect()
        async with asyncio.TaskGroup() as group:
            for evse in self.station.evses:
                if self.role.life == "faulted":
                    await self.station.fault(evse.id)
                group.create_task(self._attend(evse))

    async def _connect(self) -> None:
        while True:
            try:
                await self.station.power_on()
            except Refused as error:
                self._note(f"{error}; trying again in {AGAIN_S} s")
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def leave(self) -> None:
        """Everybody unplugs; what can be told is told."""
        station = self.station
        try:
            async with asyncio.timeout(LEAVE_S):
                if station.online:
                    for evse in station.evses:
                        if evse.vehicle is not None:
                            await station.unplug(evse.id)
                    if station.registration == "Accepted":
                        await station.flush(LEAVE_S)
        except (SimulatorError, TimeoutError):
            pass  # the sum tells what was not delivered
        finally:
            await station.power_off()

    async def _attend(self, evse: Evse) -> None:
        """One connector: a vehicle after another, and those that a remote start calls for."""
        seed, speed = self._world.seed, self._world.speed
        own = visits(self.role, evse.id, seed=seed, speed=speed)
        called = remote_visits(self.role, evse.id, seed=seed, speed=speed)
        visit = next(own, None)
        while True:
            pause_s = None if visit is None else visit.pause_s
            if await self._until(lambda: self._is_called(evse), within_s=pause_s):
                who = next(called)
                await asyncio.sleep(who.pause_s)
                await self._serve(evse, who)
            elif visit is not None:
                await self._until(lambda: evse.operative and evse.fault is None)
                await self._serve(evse, visit)
                visit = next(own, None)

    def _is_called(self, evse: Evse) -> bool:
        return self.role.arrive_on_remote_start and evse.grant is not None

    async def _serve(self, evse: Evse, visit: Visit) -> None:
        station = self.station
        await station.plug_in(evse.id, visit.vehicle)
        await asyncio.sleep(visit.card_after_s)
        if evse.session is None and visit.card is not None:
            accepted = await station.swipe(evse.id, visit.card)
            if not accepted and evse.session is None:
                self._note(f"EVSE {evse.id}: {visit.card} may not charge")
        await self._charge(evse, visit)
        session = evse.session
        if visit.stops_with_card and session is not None and session.id_token == visit.card:
            await station.swipe(evse.id, visit.card)
            await asyncio.sleep(visit.card_after_s)
        await station.unplug(evse.id)

    async def _charge(self, evse: Evse, visit: Visit) -> None:
        """Until the vehicle has what it wants, or somebody ended its session; then it lingers."""
        while True:
            await self._until(lambda: evse.session is None or _is_full(evse))
            is_over = evse.session is None
            linger_s = visit.leaves_s if is_over else visit.stays_s
            if not await self._until(
                partial(_has_changed, evse, is_over=is_over), within_s=linger_s
            ):
                return

    async def _until(self, happened: Callable[[], bool], *, within_s: float | None = None) -> bool:
        """Whether it happened in time; None: wait for ever."""
        try:
            async with asyncio.timeout(within_s):
                while not happened():
                    self.station.firmware.network.raise_failure()
                    await asyncio.sleep(GLANCE_S)
        except TimeoutError:
            return False
        return True

    def _note(self, text: str) -> None:
        self.errors += 1
        self._world.warn(self.role.identity, text)


def _has_changed(evse: Evse, *, is_over: bool) -> bool:
    return (evse.session is None) is not is_over


def _is_full(evse: Evse) -> bool:
    return evse.vehicle is None or evse.vehicle.is_full

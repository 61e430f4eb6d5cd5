"""
The physical box: cables, cards, contactors, meters. It knows no version and no network.

All its methods are plain functions: a thing happens, and what must be said of it is put into
the outbox. The network comes and goes around it.
"""

import random
from collections.abc import Callable, Sequence

from simulators.clock import Clock
from simulators.dialect import Dialect, Verdict
from simulators.errors import NoSuchEvse, NotPossible
from simulators.evse import Evse, Grant
from simulators.meter import Meter
from simulators.outbox import Outbox
from simulators.reporter import Reporter
from simulators.session import END_TRIGGER, ChargingState, Reason, Session, Token, Trigger
from simulators.settings import Settings
from simulators.vehicle import Vehicle

SLICE_S = 1.0
FAULTS = (
    "ConnectorLockFailure", "EVCommunicationError", "GroundFailure", "HighTemperature",
    "InternalError", "OtherError", "OverCurrentFailure", "OverVoltage", "PowerMeterFailure",
    "PowerSwitchFailure", "ReaderFailure", "UnderVoltage",
)  # fmt: skip


class Box:
    def __init__(
        self,
        identity: str,
        *,
        powers_w: Sequence[float],
        register_wh: int | None,
        rng: random.Random,
        clock: Clock,
        settings: Settings,
        outbox: Outbox,
        dialect: Dialect,
        reporter: Reporter,
        say: Callable[[str], None],
        ended: Callable[[Session], None],
    ) -> None:
        self.identity = identity
        self.clock = clock
        self.settings = settings
        self.outbox = outbox
        self.dialect = dialect
        self.reporter = reporter
        self.say = say
        self.sessions: list[Session] = []
        self._ended = ended
        start = -1.0 if register_wh is None else float(register_wh)
        self.evses = [
            Evse(id=number, meter=Meter(rng, start), power_w=power_w)
            for number, power_w in enumerate(powers_w, 1)
        ]

    def evse(self, evse_id: int) -> Evse:
        if not 1 <= evse_id <= len(self.evses):
            raise NoSuchEvse(evse_id, len(self.evses))
        return self.evses[evse_id - 1]

    def session_of(self, evse_id: int) -> Session:
        session = self.evse(evse_id).session
        if session is None:
            raise NotPossible(f"EVSE {evse_id} has no session")
        return session

    # What people do

    def plug_in(self, evse_id: int, vehicle: Vehicle) -> None:
        evse = self.evse(evse_id)
        if evse.vehicle is not None:
            raise NotPossible(f"EVSE {evse_id} has a vehicle already")
        evse.vehicle, evse.used = vehicle.paused(), False
        evse.told_state = ChargingState.CONNECTED
        self.say(f"EVSE {evse_id}: cable in, battery at {vehicle.soc_pct:.0f} %")
        if evse.grant is not None and self.free(evse):
            self._begin(evse, evse.grant, Trigger.CABLE)
        self.reporter.observe(evse)

    def unplug(self, evse_id: int) -> Vehicle:
        evse = self.evse(evse_id)
        if evse.vehicle is None:
            raise NotPossible(f"EVSE {evse_id} has no vehicle")
        vehicle = evse.vehicle
        if evse.session is not None:
            self.end(evse, Reason.UNPLUGGED)
        evse.vehicle, evse.used, evse.held_by_vehicle = None, False, False
        evse.told_state = ChargingState.IDLE
        self.say(f"EVSE {evse_id}: cable out")
        self.reporter.observe(evse)
        return vehicle

    def grant(self, evse: Evse, grant: Grant, trigger: Trigger) -> None:
        """A card was accepted: begin, or wait for the cable."""
        if evse.vehicle is not None:
            self._begin(evse, grant, trigger)
        else:
            evse.grant = grant
            wait_s = self.settings.number("plug_in_s")
            self.clock.set_alarm(f"plug in {evse.id}", wait_s, lambda: self._give_up(evse))
            self.say(f"EVSE {evse.id}: {grant.token.uid} accepted, waits {wait_s} s for the cable")
        self.reporter.observe(evse)

    def hold(self, evse_id: int, *, by_vehicle: bool, held: bool) -> None:
        """Suspend or resume a session, by the vehicle or by the station."""
        evse = self.evse(evse_id)
        self.session_of(evse_id)
        if by_vehicle:
            evse.held_by_vehicle = held
        else:
            evse.held_by_station = held
        self.reporter.observe(evse)

    def break_down(self, evse_id: int, code: str, *, ends_session: bool) -> None:
        evse = self.evse(evse_id)
        if code not in FAULTS:
            raise NotPossible(f"no such error code: {code}; there are {', '.join(FAULTS)}")
        evse.fault = code
        self.say(f"EVSE {evse_id}: fault {code}")
        self.reporter.observe(evse)
        if ends_session and evse.session is not None:
            self.end(evse, Reason.FAULT)

    def repair(self, evse_id: int) -> None:
        evse = self.evse(evse_id)
        if evse.fault is None:
            raise NotPossible(f"EVSE {evse_id} has no fault")
        evse.fault = None
        self.say(f"EVSE {evse_id}: fault cleared")
        self.reporter.observe(evse)

    # What follows

    def free(self, evse: Evse) -> bool:
        """May a session begin here, if a card is accepted?"""
        return evse.session is None and evse.fault is None and evse.operative

    def end(
        self,
        evse: Evse,
        reason: Reason,
        *,
        trigger: Trigger | None = None,
        token: Token | None = None,
    ) -> None:
        session = evse.session
        if session is None:
            return
        reading = self.reporter.read(evse, "Transaction.End")
        session.ended_at = reading.at
        session.register_wh = session.end_register_wh = reading.register_wh
        session.reason = self.dialect.stop_word(reason, evse.fault)
        evse.session, evse.used = None, evse.vehicle is not None
        evse.held_by_station = evse.held_by_vehicle = False
        evse.told_state = evse.charging_state
        self.clock.cancel_alarm(f"sample {evse.id}")
        self.outbox.put(
            self.dialect.ended(
                evse,
                session,
                reading,
                trigger or END_TRIGGER[reason],
                token=token,
                offline=not self.reporter.online,
            )
        )
        self.say(f"EVSE {evse.id}: session over, {session.energy_wh} Wh, {session.reason}")
        if evse.operative_later is not None:
            evse.operative, evse.operative_later = evse.operative_later, None
        self.reporter.observe(evse)
        self._ended(session)

    def pass_time(self, seconds: float) -> None:
        """Let simulated time pass: energy flows, alarms ring at their moment."""
        left = seconds
        while left > 1e-9:
            step = min(left, SLICE_S, max(0.001, self.clock.next_alarm_s()))
            self.clock.step(step)
            left -= step
            for evse in self.evses:
                evse.live(step)
            self.clock.ring()
            for evse in self.evses:
                if evse.session is not None and evse.charging_state is not evse.told_state:
                    self.reporter.observe(evse)

    def power(self, *, on: bool) -> None:
        """Mains off and on again; what `reboot` makes of the sessions is its own affair."""
        for evse in self.evses:
            evse.powered = on
            if not on:
                evse.told_status = None
                evse.grant = None
                self.clock.cancel_alarm(f"sample {evse.id}")
                self.clock.cancel_alarm(f"plug in {evse.id}")

    def resume(self, evse: Evse) -> None:
        """A session goes on after a reboot."""
        if evse.session is not None:
            evse.told_state = evse.charging_state
            self.reporter.sample(evse, Trigger.RESUMED, "Interruption.End")
            self._sample_later(evse)

    def forget_session(self, evse: Evse) -> None:
        """A reboot without memory: nothing more is said of the session."""
        if evse.session is not None:
            evse.session.ended_at = self.clock.now()
            evse.session.end_register_wh = evse.session.register_wh
            evse.session, evse.used = None, True

    def _begin(self, evse: Evse, grant: Grant, trigger: Trigger) -> None:
        now = self.clock.now()
        evse.grant, evse.used = None, False
        self.clock.cancel_alarm(f"plug in {evse.id}")
        reading = self.reporter.read(evse, "Transaction.Begin")
        session = Session(
            station=self.identity,
            evse=evse.id,
            connector=evse.connector,
            token=grant.token,
            started_at=now,
            start_register_wh=reading.register_wh,
            register_wh=reading.register_wh,
            transaction_id=self.dialect.new_transaction_id(),
            began_offline=not self.reporter.online,
            remote_start_id=grant.remote_start_id,
            group=grant.group,
        )
        self.sessions.append(session)
        evse.session, evse.told_state = session, ChargingState.CONNECTED
        if grant.remote_start_id is not None:
            trigger = Trigger.REMOTE_START
        self.outbox.put(
            self.dialect.started(
                evse,
                session,
                reading,
                trigger,
                offline=not self.reporter.online,
                judged=lambda verdict: self._judged(evse, session, verdict),
            )
        )
        self.say(f"EVSE {evse.id}: session of {grant.token.uid} from {reading.register_wh} Wh")
        self._sample_later(evse)

    def _judged(self, evse: Evse, session: Session, verdict: Verdict) -> None:
        """The central system's opinion of the card, which may come after the start."""
        if verdict.accepted:
            session.group = verdict.group or session.group
            return
        self.say(f"EVSE {evse.id}: the central system says {verdict.status} to {session.id_token}")
        if evse.session is session and self.settings.flag("stop_on_invalid"):
            self.end(evse, Reason.DEAUTHORIZED)

    def _sample_later(self, evse: Evse) -> None:
        if interval_s := self.settings.number("sample_s"):

            def due() -> None:
                self.reporter.sample(evse, Trigger.PERIODIC, "Sample.Periodic")
                self._sample_later(evse)

            self.clock.set_alarm(f"sample {evse.id}", interval_s, due)

    def _give_up(self, evse: Evse) -> None:
        if evse.grant is not None:
            self.say(f"EVSE {evse.id}: no cable came, {evse.grant.token.uid} is forgotten")
            evse.grant = None
            self.reporter.observe(evse)

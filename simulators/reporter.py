"""What the box tells of itself: statuses, readings, the state of charging."""

from collections.abc import Callable
from dataclasses import replace

from simulators.clock import Clock
from simulators.dialect import Dialect
from simulators.evse import Evse
from simulators.meter import REGISTER, Reading
from simulators.outbox import Message, Outbox
from simulators.session import Trigger
from simulators.settings import Settings


class Reporter:
    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        outbox: Outbox,
        dialect: Dialect,
        say: Callable[[str], None],
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.outbox = outbox
        self.dialect = dialect
        self.say = say
        self.online = False
        self.accepted = False

    def observe(self, evse: Evse) -> None:
        """Tell what changed: the status of the connector, the state of charging."""
        state = evse.charging_state
        if evse.session is not None and state is not evse.told_state:
            evse.told_state = state
            self.say(f"EVSE {evse.id}: {state}")
            self.sample(evse, Trigger.STATE, "Sample.Periodic")
        word = self.dialect.status_word(evse)
        if word != evse.told_status and self.online and self.accepted:
            self.tell_status(evse)

    def sample(
        self, evse: Evse, trigger: Trigger, context: str, *, asked_for: bool = False
    ) -> None:
        """Say what the meter reads in this session."""
        if evse.session is None:
            return
        reading = self.read(evse, context)
        offline = not self.online
        message = self.dialect.updated(evse, evse.session, reading, trigger, offline=offline)
        if message is not None:
            message.asked_for = asked_for
            self.outbox.put(message)

    def tell_status(self, evse: Evse, *, asked_for: bool = False) -> None:
        word = self.dialect.status_word(evse)
        at = self.clock.now()
        evse.told_status = word

        def lost() -> None:
            evse.told_status = None

        self.outbox.put(
            Message(
                about=f"status of EVSE {evse.id}",
                build=lambda: self.dialect.status(evse, word, at),
                asked_for=asked_for,
                lost=lost,
            )
        )

    def tell_reading(self, evse: Evse) -> None:
        """Say what the meter reads now, in a session or out of it, because somebody asked."""
        if evse.session is not None:
            self.sample(evse, Trigger.ASKED, "Trigger", asked_for=True)
            return
        request = self.dialect.meter_values(evse, self.read(evse, "Trigger"), None)
        self.outbox.put(
            Message(about=f"reading of EVSE {evse.id}", build=lambda: request, asked_for=True)
        )

    def tell_box_status(self, *, operative: bool, asked_for: bool = False) -> None:
        status = self.dialect.box_status(operative=operative, at=self.clock.now())
        if status is not None:
            self.outbox.put(
                Message(about="status of the box", build=lambda: status, asked_for=asked_for)
            )

    def read(self, evse: Evse, context: str) -> Reading:
        """The samples that the settings name; at the ends of a session the register alone."""
        reading = evse.read(self.clock.now(), context)
        wanted = self.settings.members("measurands")
        if context.startswith("Transaction.") or not wanted:
            wanted = [REGISTER]
        values = {name: reading.values[name] for name in wanted if name in reading.values}
        return replace(reading, values=values or {REGISTER: reading.values[REGISTER]})

"""What the box does by itself: boots, beats, asks about cards, restarts, finishes its errands."""

import asyncio
import random
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from simulators.box import Box
from simulators.cards import Cards
from simulators.clock import Clock
from simulators.dialect import Dialect, Facts, Version
from simulators.errors import CallFailed
from simulators.journal import Journal
from simulators.network import Backoff, Network
from simulators.ocpp2 import Ocpp2
from simulators.ocpp16 import Ocpp16
from simulators.outbox import Message, Outbox
from simulators.remote import Remote, Sessions
from simulators.reporter import Reporter
from simulators.session import Reason, Session
from simulators.settings import Settings
from simulators.wire import Faults

BOOT_S = 20
BOOT_RETRY_S = 30


class Firmware:
    """The version-independent mind of a station; `Station` is its handle for people and tests."""

    def __init__(
        self,
        identity: str,
        *,
        version: Version,
        url: str,
        password: str | None,
        tls: ssl.SSLContext | None,
        facts: Facts,
        powers_w: Sequence[float],
        register_wh: int | None,
        rng: random.Random,
        clock: Clock,
        settings: Mapping[str, str],
        journal: Journal | None,
        faults: Faults,
        answer_timeout_s: float,
        backoff: Backoff,
        stepped: bool,
        say: Callable[[str], None],
    ) -> None:
        self.identity = identity
        dialect: Dialect = Ocpp16() if version == "1.6" else Ocpp2(version)
        self.dialect = dialect
        self.clock = clock
        self.say = say
        self.registration: str | None = None
        self.reset_when_idle = False
        self._journal = journal
        self._stepped = stepped
        self._errands: set[asyncio.Task[None]] = set()
        self._off = False
        given = {
            "measurands": ",".join(dialect.measurands),
            "connectors": str(len(powers_w)),
            "vendor": facts.vendor,
            "model": facts.model,
            "password": password or "",
        }
        self.facts = facts
        self.settings = Settings(
            given | dict(settings), self._setting_changed, measurands=dialect.supported
        )
        self.outbox = Outbox(
            clock=clock, settings=self.settings, may_send=lambda: self.reporter.accepted, say=say
        )
        self.reporter = Reporter(
            clock=clock, settings=self.settings, outbox=self.outbox, dialect=dialect, say=say
        )
        self.box = Box(
            identity,
            powers_w=powers_w,
            register_wh=register_wh,
            rng=rng,
            clock=clock,
            settings=self.settings,
            outbox=self.outbox,
            dialect=dialect,
            reporter=self.reporter,
            say=say,
            ended=self._session_ended,
        )
        self.network = Network(
            identity,
            url=url,
            tls=tls,
            dialect=dialect,
            handlers=dialect.handlers(Remote(self)),
            settings=self.settings,
            outbox=self.outbox,
            faults=faults,
            journal=journal,
            now=clock.now,
            answer_timeout_s=answer_timeout_s,
            backoff=backoff,
            rng=rng,
            say=say,
            found=self._network_found,
            lost=self._network_lost,
        )
        self.cards = Cards(self.box, self.network)

    @property
    def is_busy(self) -> bool:
        return bool(self._errands) or not self.outbox.is_quiet

    async def connect(self, url: str | None = None) -> None:
        """Find the network; boot, if that never succeeded. Stepped by a test: one attempt."""
        await self.network.find(url, keep_trying=not self._stepped)
        if self.registration is None:
            await self.boot("PowerUp")

    async def stop(self) -> None:
        for task in list(self._errands):
            task.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self.network.stop()

    def pass_time(self, seconds: float) -> None:
        if self._off:
            self.clock.step(seconds)
        else:
            self.box.pass_time(seconds)

    async def restart(
        self,
        *,
        sessions: Sessions,
        reason: Reason,
        cause: str,
        polite: bool = False,
        url: str | None = None,
    ) -> None:
        """Reboot; politely: first say that the sessions end, then close the socket properly."""
        self.say(f"restarts ({cause})")
        if polite and sessions == "end":
            self._end_all(reason)
            await self.outbox.quiet()
        await self.network.lose(polite=polite)
        if sessions == "end":
            self._end_all(reason)
        self.reporter.accepted = False
        self._off = True
        self.box.power(on=False)
        if sessions == "forget":
            self.outbox.forget()
            for evse in self.box.evses:
                self.box.forget_session(evse)
        await self._boot_time()
        self._off = False
        self.box.power(on=True)
        await self.network.find(url, keep_trying=not self._stepped)
        await self.boot(cause)
        for evse in self.box.evses:
            self.box.resume(evse)

    async def boot(self, cause: str) -> None:
        """Send a BootNotification; again after the interval until it is accepted."""
        try:
            answer = await self.network.ask(self.dialect.boot(self.facts, cause))
        except CallFailed as error:
            self.say(f"boot failed: {error}; again in {BOOT_RETRY_S} s")
            self._boot_later(BOOT_RETRY_S, cause)
            return
        registration = self.dialect.read_boot(answer)
        self.registration = registration.status
        self.reporter.accepted = registration.status == "Accepted"
        interval_s = registration.interval_s
        if not self.reporter.accepted:
            self.say(f"registration {registration.status}; again in {interval_s} s")
            self._boot_later(interval_s or BOOT_RETRY_S, cause)
            return
        self.say(f"accepted by the central system, heartbeat every {interval_s} s")
        self.clock.cancel_alarm("boot")
        if interval_s:
            self.settings.put("heartbeat_s", str(interval_s))
        self._beat_later()
        self.tell_box_status()
        for evse in self.box.evses:
            self.reporter.tell_status(evse)
        self.outbox.poke()

    def tell_box_status(self, *, asked_for: bool = False) -> None:
        operative = any(evse.operative for evse in self.box.evses)
        self.reporter.tell_box_status(operative=operative, asked_for=asked_for)

    def heartbeat(self, *, asked_for: bool = False) -> None:
        if self.reporter.online and (self.reporter.accepted or asked_for):
            beat = self.dialect.heartbeat()
            self.outbox.put(Message("heartbeat", lambda: beat, asked_for=asked_for))

    async def settle(self) -> None:
        """
        Wait until all that can be said now has been said and answered, and errands are done.

        Where time passes by itself there is always more to say: it waits for what there is now.
        """
        while True:
            self.network.raise_failure()
            await self.outbox.quiet()
            errands = [t for t in self._errands if t is not asyncio.current_task()]
            if errands:
                await asyncio.wait(errands)
            if not self._stepped or (not errands and self.outbox.is_quiet):
                self.network.raise_failure()
                return

    def errand(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something soon, apart from whoever asks for it."""
        task = asyncio.create_task(work())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        task.add_done_callback(self.network.watch)

    # What happens around the box

    def _network_found(self) -> None:
        self.reporter.online = True
        if self.reporter.accepted:
            for evse in self.box.evses:
                self.reporter.observe(evse)

    def _network_lost(self) -> None:
        self.reporter.online = False

    def _setting_changed(self, name: str) -> None:
        if name == "heartbeat_s":
            self._beat_later()

    def _session_ended(self, session: Session) -> None:
        if self._journal is not None:
            self._journal.write(station=self.identity, session=session.facts())
        if self.reset_when_idle and not any(evse.session for evse in self.box.evses):
            self.reset_when_idle = False
            Remote(self).reset_when_idle()

    def _beat_later(self) -> None:
        def due() -> None:
            self.heartbeat()
            self._beat_later()

        if interval_s := self.settings.number("heartbeat_s"):
            self.clock.set_alarm("heartbeat", interval_s, due)

    def _boot_later(self, seconds: float, cause: str) -> None:
        async def again() -> None:
            if self.reporter.online:
                await self.boot(cause)
            else:
                self._boot_later(BOOT_RETRY_S, cause)

        self.clock.set_alarm("boot", seconds, lambda: self.errand(again))

    def _end_all(self, reason: Reason) -> None:
        for evse in self.box.evses:
            self.box.end(evse, reason)

    async def _boot_time(self) -> None:
        if self._stepped:
            self.clock.step(BOOT_S)
            return
        end = self.clock.after(BOOT_S)
        while True:
            await asyncio.sleep(0.05)
            if self.clock.now() >= end:
                return

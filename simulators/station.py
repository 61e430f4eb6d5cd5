"""A simulated charging station, as tests and people handle it."""

import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from simulators.clock import Clock
from simulators.dialect import Facts, Version
from simulators.errors import NotPossible
from simulators.firmware import Firmware
from simulators.journal import Journal
from simulators.live import Pace
from simulators.network import Backoff
from simulators.patience import Patience
from simulators.remote import Sessions
from simulators.seen import Seen
from simulators.session import Reason, Token
from simulators.vehicle import Vehicle
from simulators.wire import Faults, Repeat


class Station(Seen):
    """See the package's docstring for a tour."""

    def __init__(
        self,
        identity: str,
        *,
        version: Version,
        url: str,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        connectors: int = 1,
        power_w: float | Sequence[float] = 11_000,
        facts: Facts | None = None,
        seed: int = 0,
        register_wh: int | None = None,
        clock: Clock | None = None,
        speed: float | None = None,
        settings: Mapping[str, str] | None = None,
        journal: Journal | Path | str | None = None,
        say: Callable[[str], None] | None = None,
        repeat_every_message: Repeat | None = None,
        drop_answers: Mapping[str, int] | None = None,
        answer_timeout_s: float = 30,
        backoff: Backoff | None = None,
    ) -> None:
        """
        Args:
            url: the central system's base address; the identity is appended.
            tls: whom to trust by wss://, and what certificate to show.
            connectors: EVSEs, numbered from 1, each with one connector.
            power_w: of each EVSE; or one figure for each, which then are as many as these.
            facts: vendor, model, serial number and firmware.
            seed: with the identity it decides the start registers and every other chance.
            register_wh: start registers, instead of those from the seed.
            clock: of this station alone.
            speed: None: time passes only in `charge` and `wait`, at once. A number: time passes
                by itself, so many times as fast as outside, and catches up with it at most.
            settings: over the defaults, by the names in `simulators.settings`.
            journal: a file of this station, or one shared by many, which the caller closes.
            repeat_every_message: each CALL is sent twice, as after a lost answer.
            drop_answers: by action, how many answers never reach the box.
            answer_timeout_s: in real seconds.
        """
        facts = facts or Facts()
        powers_w = power_w if isinstance(power_w, Sequence) else [power_w] * connectors
        self.identity = identity
        self.version = version
        self.clock = clock or Clock(datetime.now(UTC) if speed and speed <= 1 else None)
        self._own_journal = Journal(journal) if isinstance(journal, Path | str) else None
        self.firmware = Firmware(
            identity,
            version=version,
            url=url,
            password=password,
            tls=tls,
            facts=replace(facts, serial=facts.serial or f"SIM-{identity}"[:25]),
            powers_w=powers_w,
            register_wh=register_wh,
            rng=random.Random(f"{seed}/{identity}"),
            clock=self.clock,
            settings=settings or {},
            journal=journal if isinstance(journal, Journal) else self._own_journal,
            faults=Faults(repeat_every_message, dict(drop_answers or {})),
            answer_timeout_s=answer_timeout_s,
            backoff=backoff or Backoff(),
            stepped=speed is None,
            say=say or (lambda _: None),
        )
        self._box = self.firmware.box
        self._network = self.firmware.network
        self._pace = Pace(speed, self.firmware) if speed else None
        self._patience = Patience(self.firmware, stepped=speed is None)

    # Life

    async def __aenter__(self) -> Self:
        try:
            await self.power_on()
        except BaseException:
            await self.power_off()
            raise
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if (
                error is None
                and self.online
                and self.firmware.reporter.accepted
                and self._pace is None
            ):
                await self.flush()
        finally:
            await self.power_off()
        if error is None:
            self._network.raise_failure()

    async def power_on(self) -> None:
        """Connect, boot, tell the statuses. Refused: `Refused`. Nobody there: `CannotConnect`."""
        if self._pace is not None:
            self._pace.start()
        await self.firmware.connect()
        await self.settle()

    async def power_off(self) -> None:
        """Close everything; what is not delivered is lost with this object."""
        if self._pace is not None:
            await self._pace.stop()
        await self.firmware.stop()
        if self._own_journal is not None:
            self._own_journal.close()

    async def plug_in(self, evse_id: int = 1, vehicle: Vehicle | None = None) -> None:
        self._box.plug_in(evse_id, vehicle or Vehicle())
        await self.settle()

    async def unplug(self, evse_id: int = 1) -> Vehicle:
        """Pull the cable; a running session ends. The vehicle drives away with what it has."""
        vehicle = self._box.unplug(evse_id)
        await self.settle()
        return vehicle

    async def swipe(self, evse_id: int, uid: str, *, kind: str | None = None) -> bool:
        """Hold a card to the reader: begins a session, or ends one's own. Was it accepted?"""
        dialect = self.firmware.dialect
        if not 1 <= len(uid) <= dialect.longest_uid:
            text = f"a card number has 1 to {dialect.longest_uid} characters in {self.version}"
            raise NotPossible(text)
        token = Token(uid, kind or dialect.token_kind(uid))
        accepted = await self.firmware.cards.swipe(self.evse(evse_id), token)
        await self.settle()
        return accepted

    async def charge(
        self,
        evse_id: int = 1,
        *,
        energy_wh: float | None = None,
        seconds: float | None = None,
        until_full: bool = False,
    ) -> int:
        """
        Let time pass until this session has taken so much more, or so many seconds are over.

        With an energy or `until_full` it ends early when nothing flows any more: the vehicle is
        full, the charge is suspended, the session is over.

        Returns:
            the Wh that were delivered meanwhile.
        """
        if energy_wh is None and seconds is None and not until_full:
            raise NotPossible("charge needs an energy, a time, or until_full")
        self._box.session_of(evse_id)
        return await self._patience.charge(
            self.evse(evse_id), energy_wh=energy_wh, seconds=seconds, until_full=until_full
        )

    async def wait(self, seconds: float) -> None:
        """Let simulated time pass for the whole box."""
        await self._patience.wait(seconds)

    async def suspend(self, evse_id: int = 1, *, by_vehicle: bool = False) -> None:
        self._box.hold(evse_id, by_vehicle=by_vehicle, held=True)
        await self.settle()

    async def resume(self, evse_id: int = 1) -> None:
        """End a suspension, whoever made it."""
        self._box.hold(evse_id, by_vehicle=True, held=False)
        self._box.hold(evse_id, by_vehicle=False, held=False)
        await self.settle()

    async def fault(
        self, evse_id: int = 1, code: str = "GroundFailure", *, ends_session: bool = True
    ) -> None:
        """Break the EVSE, with an error code of 1.6; its session ends, or only stands still."""
        self._box.break_down(evse_id, code, ends_session=ends_session)
        await self.settle()

    async def clear_fault(self, evse_id: int = 1) -> None:
        self._box.repair(evse_id)
        await self.settle()

    async def stop(self, evse_id: int = 1, reason: Reason = Reason.EMERGENCY) -> None:
        """End a session at the box, for a reason that has no other method."""
        self._box.session_of(evse_id)
        self._box.end(self.evse(evse_id), reason)
        await self.settle()

    # Network and power

    async def lose_network(self) -> None:
        """Cut the cable: no close frame, and no reconnecting until `find_network`."""
        await self._network.lose()

    async def find_network(self, url: str | None = None) -> None:
        """Connect again, without a boot, and replay what waits."""
        await self.firmware.connect(url)
        await self.settle()

    async def hop(self, url: str, *, leave_old_open: bool = False) -> None:
        """
        Go over to another server process in mid-session.

        Args:
            leave_old_open: the old socket stays half-open, as after a change of address.
        """
        await self._network.lose(leave_open=leave_old_open)
        await self.find_network(url)

    async def reboot(
        self,
        *,
        sessions: Sessions = "end",
        reason: Reason = Reason.POWER_LOSS,
        url: str | None = None,
    ) -> None:
        """
        Lose power and come back.

        Args:
            sessions: "end": they ended at the power cut with `reason`, which is told after the
                boot. "resume": they go on afterwards. "forget": nothing was kept, neither
                sessions nor queued messages, and nothing more is said of them.
        """
        cause = "PowerUp" if reason is Reason.POWER_LOSS else "Watchdog"
        await self.firmware.restart(sessions=sessions, reason=reason, cause=cause, url=url)
        await self.settle()

    async def settle(self) -> None:
        """Wait until all that can be said now has been said and answered."""
        await self.firmware.settle()

    async def flush(self, within_s: float = 30) -> None:
        """Wait until every transaction message is answered, also through reconnects."""
        await self._patience.flush(within_s)

    async def until(
        self,
        happened: Callable[[], object],
        *,
        within_s: float = 10,
        what: str = "what was waited for",
    ) -> None:
        """Wait, in real time, for something that the central system or the network does."""
        await self._patience.until(happened, within_s=within_s, what=what)

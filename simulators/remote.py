"""What a central system may ask of the box, whatever version it says it in."""

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from simulators.evse import Evse, Grant
from simulators.outbox import Message
from simulators.session import Reason, Session, Token, Trigger

if TYPE_CHECKING:
    from simulators.firmware import Firmware

Sessions = Literal["end", "resume", "forget"]


class Reply(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"


class Remote:
    """
    Each method decides at once and answers; what follows from it happens after the answer.
    """

    def __init__(self, firmware: "Firmware") -> None:
        self._firmware = firmware
        self.box = firmware.box
        self.settings = firmware.settings

    def find(self, transaction_id: str) -> Evse | None:
        return next(
            (
                evse
                for evse in self.box.evses
                if evse.session and evse.session.transaction_id == transaction_id
            ),
            None,
        )

    def known(self, evse_id: int | None) -> Evse | None:
        return next((evse for evse in self.box.evses if evse.id == evse_id), None)

    def start(self, token: Token, evse_id: int | None, remote_start_id: int | None) -> Reply:
        free = [evse for evse in self.box.evses if self.box.free(evse) and evse.grant is None]
        if evse_id is not None:
            free = [evse for evse in free if evse.id == evse_id]
        free.sort(key=lambda evse: evse.vehicle is None)
        if not free or not self.box.reporter.accepted:
            return Reply.REJECTED
        evse = free[0]

        async def begin() -> None:
            group = None
            if self.settings.flag("authorize_remote"):
                verdict = await self._firmware.cards.authorize(token)
                if not verdict.accepted:
                    return
                group = verdict.group
            if self.box.free(evse) and evse.grant is None:
                grant = Grant(token, group=group, remote_start_id=remote_start_id)
                self.box.grant(evse, grant, Trigger.REMOTE_START)

        self.box.say(f"EVSE {evse.id}: remote start for {token.uid}")
        self._firmware.errand(begin)
        return Reply.ACCEPTED

    def stop(self, transaction_id: str) -> Reply:
        evse = self.find(transaction_id)
        if evse is None or not self.box.reporter.accepted:
            return Reply.REJECTED
        self._end_later(evse, Reason.REMOTE)
        return Reply.ACCEPTED

    def unlock(self, evse: Evse) -> None:
        """Open the lock; a session on it ends."""
        self.box.say(f"EVSE {evse.id}: unlocked")
        self._end_later(evse, Reason.UNLOCKED)

    def change_availability(self, evse_id: int | None, *, operative: bool) -> Reply:
        evses = self.box.evses if evse_id is None else [self.known(evse_id)]
        wanted = [evse for evse in evses if evse is not None]
        if not wanted:
            return Reply.REJECTED
        waits = [evse for evse in wanted if evse.session is not None]
        for evse in waits:
            evse.operative_later = operative
        for evse in wanted:
            if evse not in waits:
                evse.operative = operative

        async def tell() -> None:
            if evse_id is None:
                self._firmware.tell_box_status()
            for evse in wanted:
                self.box.reporter.observe(evse)

        self._firmware.errand(tell)
        return Reply.SCHEDULED if waits else Reply.ACCEPTED

    def reset(self, reason: Reason, *, sessions: Sessions, hard: bool) -> Reply:
        async def again() -> None:
            await self._firmware.restart(
                sessions=sessions, reason=reason, cause="RemoteReset", polite=not hard
            )

        self._firmware.errand(again)
        return Reply.ACCEPTED

    def reset_when_idle(self) -> Reply:
        if any(evse.session for evse in self.box.evses):
            self._firmware.reset_when_idle = True
            return Reply.SCHEDULED
        return self.reset(Reason.SOFT_RESET, sessions="end", hard=False)

    def reset_evse(self, evse: Evse) -> Reply:
        self._end_later(evse, Reason.SOFT_RESET)
        return Reply.ACCEPTED

    def boot_again(self) -> None:
        self._firmware.errand(lambda: self._firmware.boot("Triggered"))

    def beat(self) -> None:
        async def later() -> None:
            self._firmware.heartbeat(asked_for=True)

        self._firmware.errand(later)

    def tell_status(self, evse_id: int | None) -> bool:
        evses = self.box.evses if evse_id is None else [self.known(evse_id)]

        async def later() -> None:
            if evse_id is None:
                self._firmware.tell_box_status(asked_for=True)
            for evse in evses:
                if evse is not None:
                    self.box.reporter.tell_status(evse, asked_for=True)

        if None not in evses:
            self._firmware.errand(later)
        return None not in evses

    def tell_readings(self, evse_id: int | None, *, of_sessions_only: bool = False) -> bool:
        evses = self.box.evses if evse_id is None else [self.known(evse_id)]
        told = [evse for evse in evses if evse and (evse.session or not of_sessions_only)]

        async def later() -> None:
            for evse in told:
                self.box.reporter.tell_reading(evse)

        if told:
            self._firmware.errand(later)
        return bool(told)

    def has_messages(self) -> bool:
        """Is something of a session still to be sent?"""
        return self.box.outbox.kept > 0

    def forget_cards(self) -> None:
        self._firmware.cards.known.clear()

    def report(self, parts: list[Any]) -> None:
        """Send these, in order, after the answer."""

        async def later() -> None:
            for part in parts:
                self.box.outbox.put(Message("report", partial(_itself, part), asked_for=True))

        self._firmware.errand(later)

    def knows(self, transaction_id: str) -> Session | None:
        return next((s for s in self.box.sessions if s.transaction_id == transaction_id), None)

    def _end_later(self, evse: Evse, reason: Reason) -> None:
        session = evse.session

        async def end() -> None:
            if evse.session is session:
                self.box.end(evse, reason)

        if session is not None:
            self._firmware.errand(end)


def _itself(request: Any) -> Any:
    return request

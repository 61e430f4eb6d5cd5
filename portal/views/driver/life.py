"""The life of what a driver asked, and what came of it, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from db.driver_commands import SHOWN_FOR, Asked
from db.model.commands import CommandState, StartSession, StopSession, decode

# Whoever tells that a command expired may itself be away.
_GRACE = timedelta(seconds=5)
_DOUBLE_CLICK = timedelta(seconds=10)

_REFUSED = {
    "start": (
        "The charger refused to start. Push the cable in until it clicks, then try again.",
        "We could not ask the charger to start. Please use another one.",
    ),
    "stop": (
        "The charger refused to stop. Stop it there with your card, or at the vehicle.",
        "We could not ask the charger to stop. Stop it there with your card, or at the vehicle.",
    ),
}
_LATE = "The charger did not answer in time."
_LATE_SENT = f"{_LATE} It may still act when it is back."


@dataclass(frozen=True, slots=True)
class Life:
    """`state` is that of the command; `began` the session that came of a start."""

    asked: Asked
    public_id: str
    zone: str
    state: CommandState
    sentence: str
    said: str  # the charger's own word, when it was a no
    is_open: bool  # not settled yet
    is_awaited: bool  # settled, but what was asked for has not been heard yet

    @property
    def kind(self) -> Literal["start", "stop"]:
        return "start" if self.asked.kind == "start" else "stop"

    @property
    def id(self) -> str:
        return f"command-{self.asked.station_id}-{self.asked.id}"

    @property
    def topic(self) -> str:
        return f"command:{self.asked.station_id}:{self.asked.id}"

    @property
    def tone(self) -> str:
        return {"done": "ok", "refused": "fault", "expired": "off", "sent": "live"}.get(
            self.state, "wait"
        )


def life(asked: Asked, *, public_id: str, zone: str, now: datetime) -> Life:
    """`zone` is of the charger's site."""
    state = asked.state
    if asked.settled_at is None and now > asked.expires_at + _GRACE and state == "waiting":
        state = "expired"
    return Life(
        asked,
        public_id,
        zone,
        state,
        _sentence(asked, state),
        asked.reason or "" if state == "refused" and asked.answer is not None else "",
        is_open=state in {"waiting", "sent"},
        is_awaited=_may_come(asked, state) and asked.began is None and not _is_past(asked, now),
    )


def is_told(asked: Asked, now: datetime) -> bool:
    """Whether a page still shows it: not a start that became a session, nor what is long past."""
    return asked.began is None and not _is_past(asked, now)


def is_same_start(asked: Asked, evse: int | None, now: datetime) -> bool:
    """Whether to ask that again would be to ask twice: it is under way, or was just granted."""
    command = decode(asked.arguments)
    is_meant = isinstance(command, StartSession) and command.evse == evse
    return is_meant and _is_under_way(asked, now)


def is_same_stop(asked: Asked, number: int, now: datetime) -> bool:
    return session_to_stop(asked) == number and _is_under_way(asked, now)


def session_to_stop(asked: Asked) -> int | None:
    command = decode(asked.arguments)
    return command.session_id if isinstance(command, StopSession) else None


def _is_under_way(asked: Asked, now: datetime) -> bool:
    """A session that came of it may be over by the second click; it is a second click still."""
    if asked.state == "done":
        return is_told(asked, now) or now - asked.asked_at < _DOUBLE_CLICK
    return asked.state in {"waiting", "sent"} and now < asked.expires_at + _GRACE


def _is_past(asked: Asked, now: datetime) -> bool:
    over_at = asked.settled_at or asked.expires_at
    return now - over_at > SHOWN_FOR


def _may_come(asked: Asked, state: CommandState) -> bool:
    """What was granted, or heard by a charger whose answer was given up, may yet happen."""
    return state == "done" or (state == "expired" and asked.sent_at is not None)


def _sentence(asked: Asked, state: CommandState) -> str:
    # Some chargers begin before they answer, or answer too late (digest 9.29, 9.30).
    if asked.began is not None and state != "refused":
        return f"Charging has begun: session {asked.began}."
    match state:
        case "waiting":
            return "Asking the charger."
        case "sent":
            return "The charger was asked. Waiting for its answer."
        case "refused":
            by_charger, by_us = _REFUSED["stop" if asked.kind == "stop" else "start"]
            return by_charger if asked.answer is not None else by_us
        case "expired":
            return _LATE if asked.sent_at is None else _LATE_SENT
        case "done":
            if asked.kind == "stop":
                return "The charger accepted. It is ending the session."
            return "The charger accepted. Plug the cable in if it is not."

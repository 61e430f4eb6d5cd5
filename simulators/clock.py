"""A station's own clock: it moves only when somebody moves it, and rings what falls due."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

BEHIND = timedelta(hours=11)


class Clock:
    """
    Time as the station knows it, in UTC, to the millisecond.

    It starts 11 hours in the past unless told otherwise: a clock that runs faster than the
    real one then stays behind it, and a central system finds late timestamps ordinary
    (an offline queue) but future ones broken.
    """

    def __init__(self, start: datetime | None = None) -> None:
        start = start or datetime.now(UTC) - BEHIND
        self._start = start.replace(microsecond=start.microsecond // 1000 * 1000)
        self._us = 0
        self._alarms: dict[str, tuple[int, Callable[[], None]]] = {}

    def now(self) -> datetime:
        return self._start + timedelta(milliseconds=self._us // 1000)

    def after(self, seconds: float) -> datetime:
        return self.now() + timedelta(seconds=seconds)

    def step(self, seconds: float) -> None:
        """Move on; nothing rings until `ring` is called."""
        self._us += round(seconds * 1_000_000)

    def catch_up(self) -> None:
        """Move on to the real time, as a box does that was switched on only now."""
        self.step(max(0.0, (datetime.now(UTC) - self.now()).total_seconds()))

    def set_alarm(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Do `action` in so many seconds from now; an alarm of the same name is replaced."""
        self._alarms[name] = (self._us + max(1000, round(seconds * 1_000_000)), action)

    def cancel_alarm(self, name: str) -> None:
        self._alarms.pop(name, None)

    def next_alarm_s(self) -> float:
        """Seconds until the next alarm, infinite without one."""
        if not self._alarms:
            return math.inf
        return max(0.0, (min(due for due, _ in self._alarms.values()) - self._us) / 1_000_000)

    def ring(self) -> None:
        """Do all that is due, oldest first."""
        while due := [(at, name) for name, (at, _) in self._alarms.items() if at <= self._us]:
            _, name = min(due)
            _, action = self._alarms.pop(name)
            action()


def text_of(at: datetime) -> str:
    """The time as it goes on the wire: UTC with milliseconds and a Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

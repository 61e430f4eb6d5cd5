"""
Wrong passwords, each station's from each address: more of them have to wait ever longer (T06).

Somebody else's guesses never keep the charger itself out: it is somewhere else.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from csms.ocpp.handshake import Refused

_FREE = 5
_LONGEST_S = 60.0
_FORGOTTEN_S = 3_600.0
_MOST = 20_000

Key = tuple[int, str]


@dataclass
class _Wrong:
    count: int = 0
    last_at: float = 0.0
    is_said: bool = False  # that the next has to wait


class Guesses:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[Key, _Wrong] = OrderedDict()

    def check(self, key: Key) -> None:
        """Raises Refused while the next guess has to wait, however right it is."""
        wrong = self._wrong.get(key)
        if wrong is None:
            return
        left_s = wrong.last_at + _wait_s(wrong.count) - self._clock()
        if left_s > 0:
            refused = Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{wrong.count} wrong passwords from {key[1]}: the next is looked at in"
                f" {math.ceil(left_s)} s",
                {"Retry-After": str(math.ceil(left_s))},
            )
            refused.is_recorded = not wrong.is_said
            wrong.is_said = True
            raise refused

    def note(self, key: Key, *, is_right: bool) -> None:
        now = self._clock()
        if is_right:
            self._wrong.pop(key, None)
            return
        wrong = self._wrong.setdefault(key, _Wrong())
        self._wrong.move_to_end(key)
        if now - wrong.last_at > _FORGOTTEN_S:
            wrong.count = 0
        wrong.count += 1
        wrong.last_at, wrong.is_said = now, False
        if len(self._wrong) > _MOST:
            self._wrong.popitem(last=False)


def _wait_s(count: int) -> float:
    over = count - _FREE
    return min(_LONGEST_S, 2.0 ** min(over, 10)) if over >= 0 else 0.0

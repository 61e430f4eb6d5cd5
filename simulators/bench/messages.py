"""
The frames that are measured, made beforehand.

A link has one frame as a template; what differs from one message to the next (message id, time,
register, figures) has a fixed width and is put in its place.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from simulators.bench.errors import BenchError
from simulators.bench.wire import head

POWER_W = 11_000
_START_WH = 1_000_000
_WH_PER_MS = POWER_W / 3_600_000
_MOST = 9_999_999

#: The frame of a link's message number n, made now.
Next = Callable[[int], bytes]

# Places in a template. As a JSON text they are in quotes, which PLAIN takes away.
NUMBER = "%(n)07d"
TIME = "%(time)b"
REGISTER_WH = "%(wh)011.3f"
THOUSANDTHS = "%(part)03d"
PLAIN = "~"


def now() -> str:
    return _Clock().text(int(time.time() * 1000)).decode()


def frames_of(message: list[Any], *, first: int = 0) -> Next:
    """What sends a CALL again and again; its payload and id hold the places."""
    text = json.dumps(message, separators=(",", ":"))
    body = text.replace(f'"{PLAIN}', "").replace(f'{PLAIN}"', "").encode()
    clock = _Clock()
    began = last = int(time.time() * 1000)

    def fields(n: int) -> dict[bytes, Any]:
        nonlocal last
        last = max(last + 1, int(time.time() * 1000))
        return {
            b"n": first + n,
            b"time": clock.text(last),
            b"wh": _START_WH + (last - began) * _WH_PER_MS,
            b"part": n % 1000,
        }

    size = len(body % fields(0))
    template = head(size).replace(b"%", b"%%") + body
    if len(template % fields(_MOST - first)) != len(head(size)) + size:
        raise BenchError("The frames of a link differ in length.")

    def next_frame(n: int) -> bytes:
        return template % fields(n)

    return next_frame


class _Clock:
    """The time as chargers write it; a second is written once."""

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def text(self, ms: int) -> bytes:
        second, rest = divmod(ms, 1000)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%b.%03dZ" % (self._text, rest)

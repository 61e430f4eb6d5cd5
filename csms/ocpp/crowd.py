"""
How many sockets there are, and from where: nobody takes all the room (reliability T17).

Who is in stays in; over a bound nobody new is let in, and is told when to come again. Far over it
nobody is answered either. Of those who come at once, as all do after a restart, so many are judged
as take a second or two: the others are told to come again soon.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from csms.ocpp.addresses import Network, is_in, parsed
from csms.ocpp.handshake import Refused

_UNANSWERED = 2  # times the bound of an address
_UNANSWERED_OF_ALL = 1_000  # above the bound of all
_SAID_S = 10.0
_MOST_SAID = 1_000
_COME_AGAIN_S = 30
_SOON_S = 2, 8  # not all at the same time


class Crowd:
    def __init__(
        self, *, most: int, most_coming: int, most_of_one: int, gateways: tuple[Network, ...]
    ) -> None:
        """`gateways` have any number of chargers behind them. `most_of_one` 0: so has everybody."""
        self._most = most
        self._most_coming = most_coming
        self._most_of_one = most_of_one
        self._gateways = gateways
        self._counts: Counter[str] = Counter()
        self._coming = 0
        self._said_at: dict[str, float] = {}

    @property
    def total(self) -> int:
        return self._counts.total()

    def enter(self, transport: asyncio.BaseTransport) -> None:
        """A socket was accepted; it ends at once when there are far too many."""
        address = _address(transport)
        self._counts[address] += 1
        of_one = 0 if self._is_gateway(address) else self._most_of_one
        if (of_one and self._counts[address] > _UNANSWERED * of_one) or (
            self.total > self._most + _UNANSWERED_OF_ALL
        ):
            transport.close()

    def leave(self, transport: asyncio.BaseTransport) -> None:
        address = _address(transport)
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]

    def check(self, transport: asyncio.BaseTransport) -> None:
        """Raises Refused where the one that has entered is one too many."""
        address = _address(transport)
        if self.total > self._most:
            raise self._refused("all", f"there are {self._most} connections already")
        count = self._counts[address]
        if self._most_of_one and count > self._most_of_one and not self._is_gateway(address):
            raise self._refused(
                address,
                f"too many connections from {address} (more than {self._most_of_one}):"
                " a gateway of many chargers is named in CSMS_GATEWAYS",
            )

    @contextmanager
    def coming_in(self) -> Iterator[None]:
        """For as long as a request is judged. Raises Refused where too many are (C25)."""
        if self._coming >= self._most_coming:
            raise self._refused(
                "coming",
                f"more than {self._most_coming} chargers connect at this moment: it comes again",
                random.randint(*_SOON_S),
            )
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1

    def _refused(self, whose: str, why: str, again_s: int = _COME_AGAIN_S) -> Refused:
        headers = {"Retry-After": str(again_s)}
        refused = Refused(HTTPStatus.SERVICE_UNAVAILABLE, why, headers)
        now = time.monotonic()
        refused.is_recorded = now - self._said_at.get(whose, -_SAID_S) >= _SAID_S
        if refused.is_recorded:
            if len(self._said_at) >= _MOST_SAID:
                self._said_at.clear()
            self._said_at[whose] = now
        return refused

    def _is_gateway(self, address: str) -> bool:
        ip = parsed(address)
        return ip is None or is_in(ip, self._gateways)


def _address(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""

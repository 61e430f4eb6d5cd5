"""
What a handler is given and what kinds there are.

A handler is told apart in the table that registers it: Rare gets a connection and a transaction of
its own, Frequent gets none and ends in ingest, Quick answers from memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from csms.config import Config
from csms.items import Item
from csms.rules import clocks
from csms.say import Payload, Version
from db.model.sessions import Family
from db.model.stations import Station
from db.rows import Conn


class Call(msgspec.Struct):
    """One CALL of a station, as a handler sees it. `payload` fits the schema, or was made to."""

    station: Station
    version: Version
    action: str
    payload: Payload
    received_at: datetime
    heard_at: float  # by the loop's clock
    config: Config
    body: bytes  # the frame as it came
    message_id: str
    problem: str | None = None  # it goes to quarantine, and is answered
    certificate_name: str | None = None  # of security profile 3
    topics: set[str] = set()  # told after the commit; each call has its own
    end: tuple[int, str] | None = None  # code and reason: the link is closed after the answer

    @property
    def family(self) -> Family:
        return "v16" if self.version == "1.6" else "v2"

    def get(self, key: str) -> Any:
        return self.payload.get(key)

    def when(self, said: object) -> tuple[datetime, tuple[str, ...]]:
        """`clocks.when`, by the clock of this station."""
        return clocks.when(said, self.received_at, self.station.clock_offset_h)

    def moment(self, said: object) -> datetime | None:
        """`clocks.parse`, by the clock of this station."""
        return clocks.parse(said, self.station.clock_offset_h)


RareRun = Callable[[Call, Conn], Awaitable[Payload]]


@dataclass(frozen=True)
class Rare:
    run: RareRun


@dataclass(frozen=True)
class Frequent:
    """`otherwise` runs when the reading's session is not known yet."""

    run: Callable[[Call], tuple[Item, Payload]]
    otherwise: RareRun | None = None


@dataclass(frozen=True)
class Quick:
    run: Callable[[Call], Payload]


Handler = Rare | Frequent | Quick


@dataclass(frozen=True)
class Chosen:
    """The kind depends on what was said."""

    by: Callable[[Payload], Handler]

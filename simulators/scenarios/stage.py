"""What a scenario is, what it gets to play with, and what it hands back."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from simulators.dialect import Version
from simulators.fleet.cast import VERSIONS
from simulators.station import Station


@dataclass
class Row:
    """One station's share of the verdict. `open` says what had to be answered and was not."""

    name: str
    version: str
    sessions: int
    energy_wh: int
    """By the station's own truth."""
    sent: int
    answered: int
    refused: int
    open: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, station: Station, *, sessions: int) -> "Row":
        """Of a station that behaves, when all is over; so many sessions were meant to be."""
        left = [f"dropped {line}" for line in station.dropped]
        if station.waiting:
            left.append(f"{station.waiting} transaction messages wait for an answer")
        if len(station.sessions) < sessions:
            left.append(f"{sessions - len(station.sessions)} sessions never began")
        left.extend(station.complaints)
        return cls(
            name=station.identity,
            version=station.version,
            sessions=len(station.sessions),
            energy_wh=sum(session.energy_wh for session in station.sessions),
            sent=station.traffic.sent,
            answered=station.traffic.answered,
            refused=station.traffic.refused,
            open=left,
        )


@dataclass(frozen=True)
class Stage:
    url: str
    password: str | None
    seed: int
    identities: tuple[str, ...]
    cards: tuple[str, ...]
    """One for each station."""
    duration_s: float
    say: Callable[[str], None]

    def rng(self, about: str) -> random.Random:
        return random.Random(f"{self.seed}/{about}")

    def station(self, number: int, **options: Any) -> Station:
        return Station(
            self.identities[number],
            version=version_of(number),
            url=self.url,
            password=self.password,
            seed=self.seed,
            **options,
        )


@dataclass(frozen=True)
class Scenario:
    name: str
    stations: int
    duration_s: float
    does: str
    look_at: str
    play: Callable[[Stage], Awaitable[list[Row]]]


def version_of(number: int) -> Version:
    return VERSIONS[number % len(VERSIONS)]

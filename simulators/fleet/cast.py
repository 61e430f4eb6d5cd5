"""Which stations a fleet has, and how each of them lives."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from simulators.dialect import Version
from simulators.errors import SimulatorError

Life = Literal["busy", "quiet", "idle", "faulted", "offline"]
VERSIONS: tuple[Version, ...] = get_args(Version)
LIVES: tuple[Life, ...] = get_args(Life)
LONGEST_UID = {"1.6": 20, "2.0.1": 36, "2.1": 36}
_MIXED: dict[Life, int] = {"busy": 10, "quiet": 6, "idle": 2, "faulted": 1, "offline": 1}


class FleetError(SimulatorError):
    """What is wrong with the description of a fleet."""


@dataclass(frozen=True)
class Plug:
    """An EVSE with one connector."""

    type: str = "Type 2"
    max_power_w: float = 11_000


@dataclass(frozen=True)
class Role:
    """
    What one station is.

    `life` says how often vehicles arrive (busy, quiet, idle: never by themselves) or what is odd:
    faulted, or offline, which never connects. `cards` are shared out among the connectors.
    """

    identity: str
    version: Version
    password: str | None = None
    vendor: str = "Polaris Express"
    model: str = "Simulator"
    firmware: str = "1.0.0"
    connectors: tuple[Plug, ...] = (Plug(),)
    cards: tuple[str, ...] = ()
    life: Life = "busy"
    arrive_on_remote_start: bool = True

    def cards_at(self, evse_id: int) -> tuple[str, ...]:
        """Those whose owners park here: a card charges at one place at a time."""
        return self.cards[evse_id - 1 :: len(self.connectors)]


@dataclass(frozen=True)
class Cast:
    """Stations, and what the file says of all of them; None: nothing."""

    stations: tuple[Role, ...]
    url: str | None = None
    seed: int | None = None
    speed: float | None = None


def numbered(
    count: int,
    *,
    prefix: str,
    version: Version | Literal["mixed"],
    life: Life | Literal["mixed"],
    password: str | None,
    cards: Sequence[str],
    power_w: float,
    seed: int,
) -> Cast:
    """So many alike: `prefix` and four digits. The cards are dealt out, one to each in turn."""
    rng = random.Random(f"{seed}/{prefix}/lives")
    mixed = rng.choices(list(_MIXED), list(_MIXED.values()), k=count)
    return Cast(
        tuple(
            Role(
                identity=f"{prefix}{number + 1:04}",
                version=VERSIONS[number % len(VERSIONS)] if version == "mixed" else version,
                password=password,
                connectors=(Plug(max_power_w=power_w),),
                cards=tuple(cards[number::count]) if cards else (),
                life=mixed[number] if life == "mixed" else life,
            )
            for number in range(count)
        )
    )

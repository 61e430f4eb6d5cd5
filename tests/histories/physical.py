"""What physically happens at one box: vehicles charge, and the network and the power fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Version = Literal["1.6", "2.0.1", "2.1"]

DAY = datetime(2026, 5, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Charge:
    """
    One charge of one vehicle.

    `began_s` and `took_s` are seconds: from the box's beginning, and of the charge. `readings` are
    (seconds since the start, Wh since the start), both rising; `energy_wh` is the meter's truth.
    """

    evse: int
    card: str
    began_s: int
    took_s: int
    register_wh: int
    energy_wh: int
    readings: tuple[tuple[int, int], ...]
    reason: str
    is_end_said: bool = True

    @property
    def started_at(self) -> datetime:
        return DAY + timedelta(seconds=self.began_s)

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.took_s)


@dataclass(frozen=True)
class Dialect:
    """How a box says it, where boxes differ."""

    version: Version
    unit: Literal["Wh", "kWh"] = "Wh"
    ids: Literal["counted", "unique"] = "unique"
    names_transaction: bool = True  # 1.6: readings carry the number, where the box knows it
    says_stop_card: bool = False  # 1.6: the stop carries the card
    says_start_register: bool = True  # 2.x: Started carries the first register
    card_comes_later: bool = False  # 2.x: the cable first, then the card
    says_evse_once: bool = False  # 2.x: only the start names the EVSE
    counts: bool = True  # 2.x: seqNo rises


Fate = Literal[
    "heard",
    "answer lost, same id",
    "answer lost, new id",
    "socket lost, same id",
    "socket lost, new id",
    "said on two sockets at once",
]


@dataclass(frozen=True)
class Delivery:
    """A message's way through the network: what happens first, and how it comes out in the end."""

    message: int
    fates: tuple[Fate, ...] = ()
    reboots_first: bool = False
    opens_second_socket_first: bool = False


@dataclass(frozen=True, repr=False)
class History:
    dialect: Dialect
    charges: tuple[Charge, ...]
    deliveries: tuple[Delivery, ...]
    never_hears_start_answer: bool = False  # 1.6: the stop is said of transaction -1

    def __repr__(self) -> str:
        """Short: a history that fails is told as a conversation."""
        return f"<{len(self.charges)} charges in {self.dialect.version}>"

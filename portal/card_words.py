"""EV cards in words: where one stands, and why a charger refused it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from db.model.id_tokens import IdTokenStatus
from portal.format import day

KEY_CODE = "KeyCode"


@dataclass(frozen=True, slots=True)
class Standing:
    word: str
    tone: str
    icon: str
    short: str = ""  # where there is no room for a day

    @property
    def brief(self) -> str:
        return self.short or self.word


class Card(Protocol):
    """What any row of a card has."""

    @property
    def type(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def status(self) -> IdTokenStatus: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def lost_at(self) -> datetime | None: ...
    @property
    def group_status(self) -> IdTokenStatus | None: ...
    @property
    def group_expires_at(self) -> datetime | None: ...


def standing(card: Card, zone: str, *, now: datetime | None = None) -> Standing:
    """In the order in which the rules ask; lost is said before blocked, which it is too."""
    now = now or datetime.now(UTC)
    if card.lost_at is not None and card.status != "Accepted":
        return Standing(f"Lost since {day(card.lost_at, zone)}", "fault", "alert", "Lost")
    if card.status == "Unknown":
        return Standing("Not registered", "wait", "info")
    if card.status == "Blocked":
        return Standing("Blocked", "fault", "x")
    if card.status == "Expired":
        return Standing("Expired", "off", "clock")
    if card.status != "Accepted":
        return Standing("Not valid", "off", "x")
    if card.expires_at is not None and card.expires_at <= now:
        return Standing(
            f"Expired after {last_day(card.expires_at, zone)}", "off", "clock", "Expired"
        )
    has_ended = card.group_expires_at is not None and card.group_expires_at <= now
    if card.group_status not in {None, "Accepted"} or has_ended:
        return Standing("Its group is blocked", "fault", "x")
    return Standing("Active", "ok", "check")


_REFUSED = {
    "Blocked": "The card was blocked.",
    "Expired": "The card had expired.",
    "ConcurrentTx": "The card was already charging elsewhere.",
    "Unknown": "The card was not registered.",
    "Invalid": "The card was not valid.",
}


def refused(status: str) -> str:
    """Why a charger was told no, for its driver."""
    return _REFUSED.get(status, "The card was not accepted.")


def last_day(expires_at: datetime, zone: str) -> str:
    """The last on which a card is valid: what ends at midnight is valid on the day before."""
    return day(expires_at - timedelta(microseconds=1), zone)


def uid_shown(card: Card) -> str:
    """A key code is a password (OCPP 2.0.1 part 2, C04): no page shows it."""
    return "hidden: a key code is a secret" if card.type == KEY_CODE else card.uid


_PURPOSES = {
    "authorize": "held before the charger",
    "start": "to start charging",
    "stop": "to stop charging",
}


def purpose(said: str) -> str:
    return _PURPOSES.get(said, said)

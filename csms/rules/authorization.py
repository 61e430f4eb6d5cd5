"""Who may charge: the decision about a presented card, and how long a station may remember it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.model.id_tokens import IdToken, Purpose

#: A station may not remember an answer longer, so that blocking a card takes effect (digest 4.1).
LONGEST_CACHE = timedelta(days=1)

_TYPES = (
    ("MacAddress", re.compile(r"VID:?[0-9A-F]{12}")),
    ("ISO14443", re.compile(r"[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20}")),
    ("ISO15693", re.compile(r"[0-9A-F]{16}")),
    ("eMAID", re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?C?[A-Z0-9]{8,9}(-?[A-Z0-9])?")),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """
    The answer about a card, and why.

    `status` is in domain words (Accepted, Blocked, Expired, Invalid, Unknown, ConcurrentTx);
    each version of OCPP says them in its own (digest 2.5).
    """

    status: str
    reason: str
    group_uid: str | None = None
    expires_at: datetime | None = None

    @property
    def accepted(self) -> bool:
        return self.status == "Accepted"


def decide(
    token: IdToken | None,
    *,
    uid: str,
    type: str,
    purpose: Purpose,
    now: datetime,
    has_other_session: bool = False,
    trust_local: bool = True,
) -> Decision:
    """
    Decide about a presented card (digest 4.1).

    Args:
        token: the row that `choose` picked, if any.
        type: as the station said it; `infer_type` for 1.6.
        now: time of receipt; a station's clock never decides about expiry (threat T23).
        has_other_session: the card has another session that still runs.
        trust_local: accept ids that the station made itself (digest 2.6).
    """
    kind = type.casefold()
    if kind == "noauthorization":
        return Decision("Accepted", "no card is asked for")
    name = _name(uid, kind)
    if token is None or token.status == "Unknown":
        if kind == "local" and trust_local:
            return Decision("Accepted", f"{name} was made by the station itself")
        return Decision("Unknown", f"{name} is not registered")

    def decision(status: str, why: str) -> Decision:
        return Decision(status, f"{name} {why}", token.group_uid, token.expires_at)

    if token.status != "Accepted":
        why = {"Blocked": "is blocked", "Expired": "has expired"}.get(token.status, "is not valid")
        return decision(token.status, why)
    if token.expires_at is not None and token.expires_at <= now:
        return decision("Expired", f"expired on {token.expires_at:%Y-%m-%d}")
    # Told at the start only: at Authorize and stop the driver may be about to end the other one.
    if purpose == "start" and has_other_session:
        return decision("ConcurrentTx", "is already charging elsewhere")
    return decision("Accepted", "is registered")


def choose(candidates: Sequence[IdToken], type: str | None) -> IdToken | None:
    """
    Of the rows with this uid (whatever its case), the one that a station means (decision 23).

    By value and type, else by value alone, since stations disagree about types; but a key code is
    a secret that only a key pad may present (digest 2.6). A row that only says that the uid was
    once seen (Unknown) never hides a registered one.
    """
    said = None if type is None else type.casefold()

    def rank(token: IdToken) -> tuple[bool, bool, int]:
        return token.status == "Unknown", token.type.casefold() != said, token.id

    meant = [t for t in candidates if (t.type.casefold() == "keycode") == (said == "keycode")]
    return min(meant, key=rank, default=None)


def infer_type(uid: str) -> str:
    """The 2.x type of a 1.6 idTag, by its shape (digest 2.6); Central when it has none."""
    if uid.isascii():
        upper = uid.upper()
        for name, shape in _TYPES:
            if shape.fullmatch(upper):
                return name
    return "Central"


def cache_until(decision: Decision, now: datetime) -> datetime:
    """
    How long a station may remember this decision: a day, less if the card expires sooner.

    Said always: without it a station keeps the answer for ever (digest 4.1, Expiry).
    """
    latest = now + LONGEST_CACHE
    return latest if decision.expires_at is None else min(latest, decision.expires_at)


def _name(uid: str, kind: str) -> str:
    # A key code is a password and must not reach a log or a page (OCPP 2.0.1 part 2, C04).
    return "the key code" if kind == "keycode" else f"card {uid[:64]}"

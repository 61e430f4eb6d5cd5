"""Who may charge: the decision about a presented card, and how long a station may remember it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.model.id_tokens import Behind, IdToken, Purpose

#: A station may not remember an answer longer, so that blocking a card takes effect (digest 4.1).
LONGEST_CACHE = timedelta(days=1)

_NOTHING_AGAINST = Behind()
_WHY = {"Blocked": "is blocked", "Expired": "has expired"}

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
    each version of OCPP says them in its own (digest 2.5). `expires_at` is the card's, or that of
    its group, whichever is sooner.
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
    behind: Behind = _NOTHING_AGAINST,
    master_pass_group: str = "",
) -> Decision:
    """
    Decide about a presented card (digest 4.1).

    Args:
        token: the row that `choose` picked, if any.
        type: as the station said it; `infer_type` for 1.6.
        now: time of receipt; a station's clock never decides about expiry (threat T23).
        has_other_session: the card has another session that still runs.
        trust_local: accept ids that the station made itself (digest 2.6).
        behind: the card's account and group, of which each may stand against it.
        master_pass_group: whose cards end any session and start none (C16; digest 4.1); "": none.
    """
    kind = type.casefold()
    if kind == "noauthorization":
        return Decision("Accepted", "no card is asked for")
    name = _name(uid, kind)
    if token is None or token.status == "Unknown":
        if kind == "local" and trust_local:
            return Decision("Accepted", f"{name} was made by the station itself")
        return Decision("Unknown", f"{name} is not registered")

    # Told at the start only: at Authorize and stop the driver may be about to end the other one.
    is_elsewhere = purpose == "start" and has_other_session
    found = refusals(token, behind=behind, now=now, is_elsewhere=is_elsewhere)
    if purpose == "start" and is_master_pass(token.group_uid, master_pass_group):
        found.append(("Invalid", "is a master pass: it ends sessions and starts none"))
    status, why = found[0] if found else ("Accepted", "is registered")
    ends = [at for at in (token.expires_at, behind.group_expires_at) if at is not None]
    return Decision(status, f"{name} {why}", token.group_uid, min(ends, default=None))


def refusals(
    token: IdToken, *, behind: Behind, now: datetime, is_elsewhere: bool
) -> list[tuple[str, str]]:
    """All that stands against a registered card, as status and reason; the first one is told."""
    found: list[tuple[str, str]] = []
    if token.status != "Accepted":
        found.append((token.status, _WHY.get(token.status, "is not valid")))
    if not behind.is_account_active:
        found.append(("Blocked", "belongs to an account that is switched off"))
    if token.expires_at is not None and token.expires_at <= now:
        found.append(("Expired", f"expired on {token.expires_at:%Y-%m-%d}"))
    if behind.group_status not in {None, "Accepted"}:
        why = _WHY.get(str(behind.group_status), "is not valid")
        found.append((str(behind.group_status), f"is of a group whose card {why}"))
    elif behind.group_expires_at is not None and behind.group_expires_at <= now:
        when = f"{behind.group_expires_at:%Y-%m-%d}"
        found.append(("Expired", f"is of a group whose card expired on {when}"))
    if is_elsewhere:
        found.append(("ConcurrentTx", "is already charging elsewhere"))
    return found


def is_master_pass(group_uid: str | None, master_pass_group: str) -> bool:
    return bool(master_pass_group) and (group_uid or "").lower() == master_pass_group.lower()


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

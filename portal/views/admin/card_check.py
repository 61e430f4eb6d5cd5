"""Diagnose an EV card: would it be accepted now, and what stands against it (product L4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from csms.rules import authorization
from csms.rules.authorization import Decision
from db import id_tokens, sessions
from db.admin_cards import CardRow
from db.model.id_tokens import IdToken
from db.rows import Conn
from portal.card_words import last_day
from portal.format import day


@dataclass(frozen=True, slots=True)
class Check:
    tone: str  # ok, wait: worth knowing, fault: this refuses it
    sentence: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the central system would say to a start with this card, by its own rules."""

    decision: Decision
    checks: list[Check]

    @property
    def reason(self) -> str:
        return f"{self.decision.reason[:1].upper()}{self.decision.reason[1:]}."


async def diagnose(
    conn: Conn, card: CardRow, *, zone: str, now: datetime, master_pass_group: str
) -> Diagnosis:
    candidates = await id_tokens.list_by_uid(conn, card.uid)
    token = next(each for each in candidates if each.id == card.id)
    behind = await id_tokens.behind(conn, token.id)
    is_elsewhere = await sessions.has_other_open(conn, token.uid, session_id=None)
    decision = authorization.decide(
        token,
        uid=token.uid,
        type=token.type,
        purpose="start",
        now=now,
        has_other_session=is_elsewhere,
        behind=behind,
        master_pass_group=master_pass_group,
    )
    checks = [
        _status(card, zone),
        _expiry(card, zone, now),
        _account(card),
        Check("fault", "Its group has the master passes: they end any session and start none")
        if authorization.is_master_pass(card.group_uid, master_pass_group)
        else _group(card, zone, now),
        Check("fault", "It is charging already: a second session is refused until that ends")
        if is_elsewhere
        else Check("ok", "It is not charging elsewhere"),
    ]
    return Diagnosis(decision, [check for check in [*checks, _meant(candidates, token)] if check])


def _status(card: CardRow, zone: str) -> Check:
    if card.status == "Unknown":
        return Check("fault", "Nobody has registered it")
    if card.lost_at is not None and card.status == "Blocked":
        return Check("fault", f"Its driver reported it lost on {day(card.lost_at, zone)}")
    words = {
        "Accepted": "It is registered and not blocked",
        "Blocked": "It is blocked",
        "Expired": "It is marked as expired",
        "Invalid": "It is marked as not valid",
    }
    return Check("ok" if card.status == "Accepted" else "fault", words[card.status])


def _expiry(card: CardRow, zone: str, now: datetime) -> Check:
    if card.expires_at is None:
        return Check("ok", "It has no last day")
    last = last_day(card.expires_at, zone)
    if card.expires_at <= now:
        return Check("fault", f"It expired: its last day was {last}")
    return Check("ok", f"Its last day is {last}")


def _account(card: CardRow) -> Check:
    if card.account_id is None:
        return Check(
            "wait", "It is linked to nobody: it may charge, and no driver sees the session"
        )
    path = f"/admin/drivers/{card.account_id}"
    if not card.is_account_active:
        return Check("fault", f"The account of {card.driver} is switched off", path)
    return Check("ok", f"The account of {card.driver} is active", path)


def _group(card: CardRow, zone: str, now: datetime) -> Check:
    if card.group_uid is None:
        return Check("ok", "It is in no group")
    if card.group_id is None:
        return Check("ok", f"Its group {card.group_uid} has no card of its own")
    path = f"/admin/cards/{card.group_id}"
    if card.group_status != "Accepted":
        return Check("fault", f"The card of its group {card.group_uid} may not charge", path)
    if card.group_expires_at is not None and card.group_expires_at <= now:
        last = last_day(card.group_expires_at, zone)
        return Check("fault", f"The card of its group {card.group_uid} expired after {last}", path)
    return Check("ok", f"The card of its group {card.group_uid} may charge", path)


def _meant(candidates: list[IdToken], token: IdToken) -> Check | None:
    """Chargers of 1.6 say no type: of two cards with one number they mean the first."""
    meant = authorization.choose(candidates, None)
    if meant is None or meant.id == token.id or token.type == "KeyCode":
        return None
    return Check(
        "wait",
        f"Another card has this number, with the kind {meant.type}: "
        "a charger that names no kind means that one",
        f"/admin/cards/{meant.id}",
    )

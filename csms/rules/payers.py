"""Who pays for a session: of the cards that were heard, the one that counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from csms.rules.sessions import NEEDS_REVIEW, TWO_CARDS, UNAUTHORIZED, with_flags
from db.model.sessions import Session


def authorized(
    session: Session,
    *,
    at: datetime,
    uid: str | None,
    account_id: int | None,
    status: str,
) -> Session:
    """
    The first card that was let in pays, else the first one: by the charger's clock, so that the
    order of arrival does not matter (digest 2.2). Cards of two payers in one session are for a
    person to look at (digest 9.61).
    """
    if (
        status == session.authorization_status == "Accepted"
        and uid
        and session.id_token
        and uid.lower() != session.id_token.lower()
        and (account_id is None or account_id != session.account_id)
    ):
        session = with_flags(session, TWO_CARDS, NEEDS_REVIEW)
    if session.authorized_at is not None:
        known = session.authorization_status, session.id_token, session.authorized_at
        if _rank(*known) <= _rank(status, uid, at):
            return session
    session = replace(
        session, id_token=uid, account_id=account_id, authorization_status=status, authorized_at=at
    )
    if status == "Accepted":
        return with_flags(session, without={UNAUTHORIZED})
    return with_flags(session, UNAUTHORIZED)


def _rank(status: str | None, uid: str | None, at: datetime) -> tuple[bool, bool, datetime, str]:
    return status != "Accepted", uid is None, at, uid or ""

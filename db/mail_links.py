"""Links that were mailed: to sign in, or to choose a new password. Each works once."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from db.mails import Body
from db.rows import Conn, columns, maybe

Purpose = Literal["sign_in", "password"]

VALID_FOR: dict[Purpose, timedelta] = {
    "sign_in": timedelta(minutes=15),
    "password": timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class MailLink:
    id: int
    account_id: int
    purpose: Purpose
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None

    def why_not(self, now: datetime) -> Literal["used", "expired"] | None:
        """None while it works."""
        if self.used_at is not None:
            return "used"
        return "expired" if self.expires_at <= now else None


LINK = columns(MailLink)


def make_token() -> str:
    """Its mail has the secret, the database only a hash."""
    return secrets.token_urlsafe(32)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def send(
    conn: Conn,
    account_id: int | None,
    *,
    token: str,
    purpose: Purpose,
    kind: str,
    recipient: str,
    body: Body,
) -> None:
    """
    The link and its mail, in one statement.

    None, for an address that gets no link, is the same statement and leaves nothing behind.
    """
    await conn.execute(
        """
        with link as (
            insert into mail_link (token_hash, account_id, purpose, expires_at)
            select $2, id, $3, now() + $4::interval from account where id = $1
            returning account_id
        )
        insert into mail (kind, account_id, recipient, subject, body_text, body_html)
        select $5, account_id, $6, $7, $8, $9 from link
        """,
        account_id,
        _hash(token),
        purpose,
        VALID_FOR[purpose],
        kind,
        recipient,
        *body,
    )


async def find(conn: Conn, token: str, purpose: Purpose) -> MailLink | None:
    return await maybe(
        conn,
        MailLink,
        f"select {LINK} from mail_link where token_hash = $1 and purpose = $2",
        _hash(token),
        purpose,
    )


async def consume(conn: Conn, token: str, purpose: Purpose) -> int | None:
    """Whose it is, for the one who comes first; None when it does not work, or no more."""
    account_id: int | None = await conn.fetchval(
        """
        update mail_link set used_at = now()
        where token_hash = $1 and purpose = $2 and used_at is null and expires_at > now()
        returning account_id
        """,
        _hash(token),
        purpose,
    )
    return account_id


async def end_all(conn: Conn, account_id: int) -> None:
    """After a new password or address: what lies in a mailbox opens nothing any more."""
    await conn.execute(
        "update mail_link set used_at = now() where account_id = $1 and used_at is null",
        account_id,
    )

"""Who did what: rows that are only ever added. A change by a person is one; browsing is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from db.accounts import Account
from db.rows import Conn, many


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    at: datetime
    account_id: int | None
    actor: str
    action: str
    subject: str | None
    detail: str  # JSON
    remote_address: str | None


async def add(
    conn: Conn,
    action: str,
    *,
    by: Account | None = None,
    actor: str | None = None,
    subject: str | None = None,
    remote_address: str | None = None,
    **detail: Any,
) -> None:
    """
    In the transaction of what it tells of. `actor` names whoever has no account here.

    `detail` is never a secret: no password, key, token or link.
    """
    await conn.execute(
        """
        insert into audit (account_id, actor, action, subject, detail, remote_address)
        values ($1, $2, $3, $4, $5, $6)
        """,
        by.id if by else None,
        actor or (by.email if by else "nobody"),
        action,
        subject,
        msgspec.json.encode(detail).decode(),
        remote_address or None,
    )


async def list_page(
    conn: Conn,
    *,
    limit: int,
    before: int | None = None,
    account_id: int | None = None,
    subject: str | None = None,
    action: str | None = None,
) -> list[Entry]:
    """The newest first. `action` is the beginning of one, such as `sign_in`."""
    return await many(
        conn,
        Entry,
        """
        select id, at, account_id, actor, action, subject, detail::text, remote_address
        from audit
        where ($1::bigint is null or id < $1) and ($2::bigint is null or account_id = $2)
            and ($3::text is null or subject = $3)
            and ($4::text is null or starts_with(action, $4))
        order by id desc limit $5
        """,
        before,
        account_id,
        subject,
        action,
        limit,
    )

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
    person: str | None = None,
    subject: str | None = None,
    action: str | None = None,
) -> list[Entry]:
    """
    The newest first.

    `action` is the beginning of one, such as `sign_in`; `person` an address: what its account did,
    and what was tried in its name.
    """
    args: list[object] = [limit]

    def argument(value: object) -> str:
        args.append(value)
        return f"${len(args)}"

    # Only what was asked for, so that the plan may use its index.
    wanted = ["true"]
    if before is not None:
        wanted.append(f"id < {argument(before)}")
    if subject is not None:
        wanted.append(f"subject = {argument(subject)}")
    if action is not None:
        wanted.append(f"action ^@ {argument(action)}")
    if person is not None:
        is_theirs = "account_id = (select id from account where lower(email) = lower({0}))"
        wanted.append(f"({is_theirs} or lower(actor) = lower({{0}}))".format(argument(person)))
    return await many(
        conn,
        Entry,
        f"""
        select id, at, account_id, actor, action, subject, detail::text, remote_address
        from audit where {" and ".join(wanted)}
        order by id desc limit $1
        """,
        *args,
    )

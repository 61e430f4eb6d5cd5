"""EV cards: every uid that was ever presented has a row."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from db.errors import Conflict
from db.model.id_tokens import Behind, IdToken, IdTokenStatus, Purpose
from db.rows import Conn, columns, many, maybe, one

ID_TOKEN = columns(IdToken)

#: Joins, as `parent`, the card that the group of `card` is named by.
WITH_PARENT = """
    left join lateral (
        select p.id, p.uid, p.status, p.expires_at from id_token p
        where lower(p.uid) = lower(card.group_uid) and p.id <> card.id and p.status <> 'Unknown'
        order by p.id limit 1
    ) parent on true
"""


async def list_by_uid(conn: Conn, uid: str, *, is_held: bool = False) -> list[IdToken]:
    """
    All types of one uid, ignoring case: stations disagree about the type.

    `is_held`: nobody changes them until the transaction ends. So a card is blocked before a start
    is judged, or else when what it starts is there to be stopped.
    """
    return await many(
        conn,
        IdToken,
        f"""
        select {ID_TOKEN} from id_token where lower(uid) = lower($1) order by id
        {"for share" if is_held else ""}
        """,
        uid,
    )


async def behind(conn: Conn, id: int) -> Behind:
    """Whose card this is, and the card of its group. Raises NotFound."""
    return await one(
        conn,
        Behind,
        f"""
        select coalesce(account.is_active, true) as is_account_active,
            parent.status as group_status, parent.expires_at as group_expires_at
        from id_token card
        left join account on account.id = card.account_id
        {WITH_PARENT}
        where card.id = $1
        """,
        id,
    )


async def add(
    conn: Conn,
    *,
    uid: str,
    type: str,
    status: IdTokenStatus = "Accepted",
    expires_at: datetime | None = None,
    group_uid: str | None = None,
    account_id: int | None = None,
) -> IdToken:
    """Register a card; one that was only seen until now is taken over. Raises Conflict."""
    try:
        row = await maybe(
            conn,
            IdToken,
            f"""
            insert into id_token (uid, type, status, expires_at, group_uid, account_id)
            values ($1, $2, $3, $4, $5, $6)
            on conflict (lower(uid), type) do update
            set uid = excluded.uid, status = excluded.status, expires_at = excluded.expires_at,
                group_uid = excluded.group_uid, account_id = excluded.account_id
            where id_token.status = 'Unknown'
            returning {ID_TOKEN}
            """,
            uid,
            type,
            status,
            expires_at,
            group_uid,
            account_id,
        )
    except asyncpg.CheckViolationError as error:
        raise Conflict("an EV card has a uid of 1 to 255 characters") from error
    if row is None:
        raise Conflict(f"the EV card {uid} is registered already")
    return row


async def record_seen(conn: Conn, *, uid: str, type: str) -> None:
    await conn.execute(
        """
        insert into id_token (uid, type, status) values ($1, $2, 'Unknown')
        on conflict do nothing
        """,
        uid,
        type,
    )


async def record_decision(
    conn: Conn,
    *,
    station_id: int,
    at: datetime,
    uid: str,
    type: str,
    purpose: Purpose,
    status: str,
    reason: str,
    session_id: int | None = None,
) -> None:
    await conn.execute(
        """
        insert into authorization_decision
            (station_id, at, uid, type, purpose, status, reason, session_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        station_id,
        at,
        uid,
        type,
        purpose,
        status,
        reason,
        session_id,
    )

"""Drivers and their EV cards as the admin's pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.model.id_tokens import IdTokenStatus
from db.rows import Conn, many, maybe

MOST = 500


@dataclass(frozen=True, slots=True)
class DriverRow:
    id: int
    email: str
    name: str | None
    is_active: bool
    has_password: bool
    created_at: datetime
    seen_at: datetime | None
    cards: int
    last_session_at: datetime | None


@dataclass(frozen=True, slots=True)
class CardRow:
    id: int
    uid: str
    type: str
    label: str | None
    status: IdTokenStatus
    expires_at: datetime | None
    account_id: int | None
    driver: str | None
    last_used_at: datetime | None


async def list_drivers(conn: Conn) -> list[DriverRow]:
    return await many(
        conn,
        DriverRow,
        f"""
        select account.id, email, name, is_active, password_hash is not null as has_password,
            created_at,
            (select max(seen_at) from web_session w where w.account_id = account.id) as seen_at,
            (
                select count(*) from id_token
                where account_id = account.id and not is_app
            ) as cards,
            (
                select max(started_at) from charging_session s where s.account_id = account.id
            ) as last_session_at
        from account where role = 'driver'
        order by lower(coalesce(name, email)), id
        limit {MOST}
        """,
    )


_CARD = """
    select card.id, uid, type, label, status, expires_at, account_id,
        coalesce(account.name, account.email) as driver,
        (
            select max(at) from authorization_decision d where lower(d.uid) = lower(card.uid)
        ) as last_used_at
    from id_token card
    left join account on account.id = account_id
    where not is_app
"""


async def list_cards(conn: Conn, *, account_id: int | None = None) -> list[CardRow]:
    """Those that nobody registered come first: somebody holds them before a charger."""
    return await many(
        conn,
        CardRow,
        f"""
        {_CARD} and ($1::bigint is null or account_id = $1)
        order by status <> 'Unknown', lower(coalesce(account.name, account.email)), lower(uid)
        limit {MOST}
        """,
        account_id,
    )


async def find_card(conn: Conn, id: int) -> CardRow | None:
    return await maybe(conn, CardRow, f"{_CARD} and card.id = $1", id)


async def update_card(
    conn: Conn,
    id: int,
    *,
    label: str | None,
    status: IdTokenStatus,
    expires_at: datetime | None,
    account_id: int | None,
) -> None:
    await conn.execute(
        """
        update id_token set label = $2, status = $3, expires_at = $4, account_id = $5
        where id = $1
        """,
        id,
        label,
        status,
        expires_at,
        account_id,
    )

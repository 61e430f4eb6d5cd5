"""Browsers that are signed in. The cookie has the secret, the database only its hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.accounts import Account, Role
from db.rows import Conn, columns, many

# Decision 26: drivers 30 days from their last visit; admins 12 h idle, 7 days at most.
_IDLE: dict[Role, timedelta] = {"driver": timedelta(days=30), "admin": timedelta(hours=12)}
_LONGEST: dict[Role, timedelta] = {"driver": timedelta(days=3650), "admin": timedelta(days=7)}
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that an account is signed in with."""

    id: int
    created_at: datetime
    seen_at: datetime
    remote_address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class WebSession:
    id: int
    account: Account
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


def make_token() -> str:
    return secrets.token_urlsafe(32)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def begin(
    conn: Conn, account: Account, token: str, *, remote_address: str | None, user_agent: str | None
) -> None:
    await conn.execute(
        """
        insert into web_session (token_hash, account_id, expires_at, remote_address, user_agent)
        values ($1, $2, now() + $3, $4, $5)
        """,
        _hash(token),
        account.id,
        min(_IDLE[account.role], _LONGEST[account.role]),
        remote_address,
        None if user_agent is None else user_agent[:300],
    )


async def find(conn: Conn, token: str) -> WebSession | None:
    """Who holds this cookie now; None when it ended, or when its account may not sign in."""
    return (await find_all(conn, [token])).get(token)


async def find_all(conn: Conn, tokens: Collection[str]) -> dict[str, WebSession]:
    """Those that are held still, in the order of `tokens`."""
    records = await conn.fetch(
        f"""
        select session.token_hash, session.id as session_id, session.created_at as begun_at,
            session.seen_at, session.expires_at, {columns(Account, "account.")}
        from web_session session join account on account.id = session.account_id
        where session.token_hash = any($1) and session.expires_at > now() and account.is_active
        """,
        [_hash(token) for token in tokens],
    )
    found = {}
    for record in records:
        row = dict(record)
        hashed, id_, begun_at = row.pop("token_hash"), row.pop("session_id"), row.pop("begun_at")
        seen_at, expires_at = row.pop("seen_at"), row.pop("expires_at")
        found[hashed] = WebSession(id_, Account(**row), begun_at, seen_at, expires_at)
    return {token: found[_hash(token)] for token in tokens if _hash(token) in found}


async def list_devices(conn: Conn, account_id: int) -> list[Device]:
    """The last used first."""
    return await many(
        conn,
        Device,
        f"""
        select {columns(Device)} from web_session
        where account_id = $1 and expires_at > now()
        order by seen_at desc, id desc
        """,
        account_id,
    )


async def note_seen(conn: Conn, session: WebSession) -> None:
    """Move its end on, at most once a minute: pages are read much more often."""
    role = session.account.role
    await conn.execute(
        """
        update web_session
        set seen_at = now(), expires_at = least(created_at + $3, now() + $2)
        where id = $1 and seen_at < now() - $4::interval
        """,
        session.id,
        _IDLE[role],
        _LONGEST[role],
        _NOTED_EVERY,
    )


def is_note_due(session: WebSession, now: datetime) -> bool:
    return now - session.seen_at >= _NOTED_EVERY


async def end(conn: Conn, token: str) -> None:
    await conn.execute("delete from web_session where token_hash = $1", _hash(token))


async def end_device(conn: Conn, account_id: int, id: int) -> bool:
    """False when the account has no such one."""
    done: str = await conn.execute(
        "delete from web_session where id = $2 and account_id = $1", account_id, id
    )
    return done == "DELETE 1"


async def rename(conn: Conn, token: str, new_token: str) -> None:
    """The same sign-in under a new secret: pages that are open with the old one are out."""
    await conn.execute(
        "update web_session set token_hash = $2 where token_hash = $1",
        _hash(token),
        _hash(new_token),
    )


async def end_all(conn: Conn, account_id: int, *, but_token: str | None = None) -> None:
    """After a new password: everywhere but, perhaps, here."""
    await conn.execute(
        "delete from web_session where account_id = $1 and token_hash is distinct from $2",
        account_id,
        None if but_token is None else _hash(but_token),
    )

"""Accounts: who may sign in. An e-mail address is one account, however it is capitalised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from db.errors import Conflict
from db.rows import Conn, columns, many, maybe, one

Role = Literal["driver", "admin"]
NumberFormat = Literal["en", "de", "fr"]  # 1,234.5  1.234,5  1 234,5

# Whoever makes the first admin holds this lock: two at once make one.
_FIRST_ADMIN = 0x706F6C61


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    email: str
    name: str | None
    role: Role
    is_active: bool
    created_at: datetime
    zone: str | None = None  # IANA, for display; None: the operator's
    number_format: NumberFormat = "en"
    is_mail_wanted: bool = True  # a summary after each session

    @property
    def display_name(self) -> str:
        return self.name or self.email


ACCOUNT = columns(Account)


async def find(conn: Conn, id: int) -> Account | None:
    return await maybe(conn, Account, f"select {ACCOUNT} from account where id = $1", id)


async def find_by_email(conn: Conn, email: str) -> Account | None:
    return await maybe(
        conn, Account, f"select {ACCOUNT} from account where lower(email) = lower($1)", email
    )


async def password_hash(conn: Conn, id: int) -> str | None:
    hash_: str | None = await conn.fetchval("select password_hash from account where id = $1", id)
    return hash_


async def list_by_role(conn: Conn, role: Role) -> list[Account]:
    return await many(
        conn,
        Account,
        f"""
        select {ACCOUNT} from account where role = $1
        order by lower(coalesce(name, email)), id
        """,
        role,
    )


async def has_admin(conn: Conn) -> bool:
    """Whether somebody can let others in: the first-run page is there while nobody can."""
    found: bool = await conn.fetchval("select exists (select from account where role = 'admin')")
    return found


async def add(
    conn: Conn, *, email: str, name: str | None, role: Role, password_hash: str | None
) -> Account:
    """Raises Conflict when the address has an account."""
    try:
        return await one(
            conn,
            Account,
            f"""
            insert into account (email, name, role, password_hash) values ($1, $2, $3, $4)
            returning {ACCOUNT}
            """,
            email,
            name,
            role,
            password_hash,
        )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"{email} has an account already") from None


async def add_first_admin(
    conn: Conn, *, email: str, name: str | None, password_hash: str
) -> Account:
    """In a transaction of the caller's. Raises Conflict when there is an admin already."""
    await conn.execute("select pg_advisory_xact_lock($1)", _FIRST_ADMIN)
    if await has_admin(conn):
        raise Conflict("there is an administrator already")
    return await add(conn, email=email, name=name, role="admin", password_hash=password_hash)


async def set_password(conn: Conn, id: int, password_hash: str) -> None:
    await conn.execute("update account set password_hash = $2 where id = $1", id, password_hash)


async def set_details(conn: Conn, id: int, *, name: str | None, email: str) -> None:
    """Raises Conflict when another account has the address."""
    try:
        await conn.execute(
            "update account set name = $2, email = $3 where id = $1", id, name, email
        )
    except asyncpg.UniqueViolationError:
        raise Conflict(f"{email} has an account already") from None


async def set_preferences(
    conn: Conn,
    id: int,
    *,
    name: str | None,
    zone: str | None,
    number_format: NumberFormat,
    is_mail_wanted: bool,
) -> None:
    """What people say of themselves."""
    await conn.execute(
        """
        update account set name = $2, zone = $3, number_format = $4, is_mail_wanted = $5
        where id = $1
        """,
        id,
        name,
        zone,
        number_format,
        is_mail_wanted,
    )


async def set_active(conn: Conn, id: int, is_active: bool) -> None:
    """An account that is not active is signed out everywhere."""
    await conn.execute("update account set is_active = $2 where id = $1", id, is_active)
    if not is_active:
        await conn.execute("delete from web_session where account_id = $1", id)

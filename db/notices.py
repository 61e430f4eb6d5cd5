"""What happened that a person should know of: the rows behind the bell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db import changes
from db.rows import Conn, columns, many, maybe


@dataclass(frozen=True, slots=True)
class Notice:
    id: int
    at: datetime
    kind: str
    title: str
    body: str
    path: str | None
    read_at: datetime | None


NOTICE = columns(Notice)


def topic(account_id: int) -> str:
    """To be told after the commit that changed this account's notices."""
    return changes.topic("notices", account_id=account_id)


async def add(
    conn: Conn, account_id: int, kind: str, *, title: str, body: str = "", path: str | None = None
) -> None:
    """In the transaction of what it tells of; then say the topic `notices@ACCOUNT`."""
    await conn.execute(
        "insert into notice (account_id, kind, title, body, path) values ($1, $2, $3, $4, $5)",
        account_id,
        kind,
        title,
        body,
        path,
    )


async def add_for_admins(
    conn: Conn, kind: str, *, title: str, body: str = "", path: str | None = None
) -> list[int]:
    """One for each; the accounts that have one now."""
    records = await conn.fetch(
        """
        insert into notice (account_id, kind, title, body, path)
        select id, $1, $2, $3, $4 from account where role = 'admin' and is_active
        returning account_id
        """,
        kind,
        title,
        body,
        path,
    )
    return [record[0] for record in records]


async def count_unread(conn: Conn, account_id: int) -> int:
    count: int = await conn.fetchval(
        "select count(*) from notice where account_id = $1 and read_at is null", account_id
    )
    return count


async def list_page(
    conn: Conn,
    account_id: int,
    *,
    limit: int,
    before: int | None = None,
    down_to: int | None = None,
) -> list[Notice]:
    """The newest first: those before one, or all down to one."""
    return await many(
        conn,
        Notice,
        f"""
        select {NOTICE} from notice
        where account_id = $1 and ($2::bigint is null or id < $2)
            and ($3::bigint is null or id >= $3)
        order by id desc limit $4
        """,
        account_id,
        before,
        down_to,
        limit,
    )


async def find(conn: Conn, account_id: int, id: int) -> Notice | None:
    """One of this account's; another's is none."""
    return await maybe(
        conn,
        Notice,
        f"select {NOTICE} from notice where account_id = $1 and id = $2",
        account_id,
        id,
    )


async def mark_read(conn: Conn, account_id: int, id: int | None = None) -> None:
    """One, or all."""
    await conn.execute(
        """
        update notice set read_at = now()
        where account_id = $1 and read_at is null and ($2::bigint is null or id = $2)
        """,
        account_id,
        id,
    )

"""The outbox: mails are written with what they tell of, and sent by whoever takes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from db.rows import Conn, columns, many, maybe


class Body(NamedTuple):
    """What a mail says, twice."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Mail:
    id: int
    kind: str
    account_id: int | None
    recipient: str
    subject: str
    body_text: str
    body_html: str
    created_at: datetime
    next_at: datetime
    tries: int
    sent_at: datetime | None
    died_at: datetime | None
    error: str | None


MAIL = columns(Mail)
#: Their bodies let somebody in.
_LETS_IN = "kind in ('sign_in_link', 'invitation', 'password_link')"


async def add(
    conn: Conn, kind: str, *, recipient: str, body: Body, account_id: int | None = None
) -> None:
    """In the transaction of what it tells of."""
    await conn.execute(
        """
        insert into mail (kind, account_id, recipient, subject, body_text, body_html)
        values ($1, $2, $3, $4, $5, $6)
        """,
        kind,
        account_id,
        recipient,
        *body,
    )


async def take(conn: Conn, *, busy_for: timedelta) -> Mail | None:
    """
    One whose time has come, counted as tried; another takes it when `busy_for` has passed.

    So that no transaction waits for a mail server.
    """
    return await maybe(
        conn,
        Mail,
        f"""
        update mail set tries = tries + 1, next_at = now() + $1
        where id = (
            select id from mail
            where sent_at is null and died_at is null and next_at <= now()
            order by next_at limit 1
            for update skip locked
        )
        returning {MAIL}
        """,
        busy_for,
    )


async def record_sent(conn: Conn, id: int) -> None:
    """What a link mail says is a secret, which need not be kept once it is said."""
    await conn.execute(
        f"""
        update mail set sent_at = now(), error = null,
            body_text = case when {_LETS_IN} then '' else body_text end,
            body_html = case when {_LETS_IN} then '' else body_html end
        where id = $1
        """,
        id,
    )


async def record_failed(conn: Conn, id: int, *, error: str, again_after: timedelta | None) -> None:
    """None: given up, for a person to see."""
    await conn.execute(
        f"""
        update mail
        set error = $2, next_at = coalesce(now() + $3, next_at),
            died_at = case when $3::interval is null then now() end,
            body_text = case when $3::interval is null and {_LETS_IN} then '' else body_text end,
            body_html = case when $3::interval is null and {_LETS_IN} then '' else body_html end
        where id = $1
        """,
        id,
        error[:500],
        again_after,
    )


async def list_dead(conn: Conn, *, limit: int) -> list[Mail]:
    return await many(
        conn,
        Mail,
        f"select {MAIL} from mail where died_at is not null order by died_at desc limit $1",
        limit,
    )


async def try_again(conn: Conn, id: int) -> bool:
    """One that was given up. False for a link: it is over, and its reader asks for a new one."""
    done: str = await conn.execute(
        """
        update mail set died_at = null, tries = 0, next_at = now()
        where id = $1 and died_at is not null and body_text <> ''
        """,
        id,
    )
    return done == "UPDATE 1"

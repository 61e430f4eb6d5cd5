"""What a driver asked of chargers, and the token that speaks for him."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import NamedTuple

from db import changes, commands
from db.model.commands import Command, CommandState
from db.model.id_tokens import IdTokenStatus
from db.rows import Conn, columns, many, maybe, one

#: So long a command that is over is worth telling.
SHOWN_FOR = timedelta(seconds=90)

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_APP = "APP"
_MOST_APP_CHARACTERS = 16  # of decision 23; 1.6 has room for 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A command of a driver's, and what has come of it."""

    station_id: int
    id: int
    kind: str
    arguments: bytes
    state: CommandState
    reason: str | None
    answer: bytes | None
    asked_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    began: int | None  # the session that began at this charger since, also one that is over


class Token(NamedTuple):
    uid: str
    type: str
    status: IdTokenStatus


_ASKED = ", ".join(
    f"command.{column.name}" for column in fields(Asked) if column.name not in {"began"}
)
_BEGAN = """
    (
        select min(s.id) from charging_session s
        where command.kind = 'start' and s.account_id = $1
            and s.station_id = command.station_id
            and s.started_at > command.asked_at - interval '2 days' -- the index; clocks differ
            and s.start_received_at > command.asked_at - interval '1 second'
    ) as began
"""


_IS_FREE = """
    not exists (
        select from charging_session open
        where not open.is_finalized and lower(open.id_token) = lower(t.uid)
    )
"""


async def list_told(conn: Conn, account_id: int, *, station_id: int | None = None) -> list[Asked]:
    """The driver's commands that are open or were settled a moment ago, the latest first."""
    return await many(
        conn,
        Asked,
        f"""
        select {_ASKED}, {_BEGAN}
        from command
        where asked_by = $2 and kind in ('start', 'stop')
            and asked_at > now() - $3::interval - interval '2 minutes'
            and (settled_at is null or settled_at > now() - $3::interval)
            and ($4::bigint is null or station_id = $4)
        order by id desc
        """,
        account_id,
        commands.by_driver(account_id),
        SHOWN_FOR,
        station_id,
    )


async def find(conn: Conn, account_id: int, *, public_id: str, command_id: int) -> Asked | None:
    """A command that this driver asked of this charger."""
    return await maybe(
        conn,
        Asked,
        f"""
        select {_ASKED}, {_BEGAN}
        from command join station on station.id = command.station_id
        where station.public_id = $3 and command.id = $4 and command.asked_by = $2
        """,
        account_id,
        commands.by_driver(account_id),
        public_id,
        command_id,
    )


async def take_turn(conn: Conn, account_id: int) -> None:
    """Until the transaction ends: what one driver asks is asked one after the other."""
    await conn.execute("select from account where id = $1 for no key update", account_id)


async def choose_token(conn: Conn, account_id: int, *, most_characters: int) -> Token | None:
    """
    The card that was used last and may start now, else the app's token (decision 23).

    None when that is charging already, or was blocked.

    Args:
        most_characters: what the charger's version has room for.
    """
    token = await maybe(
        conn,
        Token,
        f"""
        select {columns(Token, "t.")} from id_token t
        left join lateral (
            select max(started_at) as at from charging_session s
            where s.account_id = $1 and lower(s.id_token) = lower(t.uid)
        ) used on true
        where t.account_id = $1 and not t.is_app and t.status = 'Accepted'
            and (t.expires_at is null or t.expires_at > now())
            and t.type not in ('KeyCode', 'NoAuthorization') and length(t.uid) <= $2
            and {_IS_FREE}
        order by used.at desc nulls last, t.id
        limit 1
        """,
        account_id,
        most_characters,
    )
    return token or await _app_token(conn, account_id)


async def _app_token(conn: Conn, account_id: int) -> Token | None:
    await conn.execute(
        """
        insert into id_token (uid, type, account_id, is_app) values ($1, 'Central', $2, true)
        on conflict (account_id) where is_app do nothing
        """,
        _new_uid(),
        account_id,
    )
    return await maybe(
        conn,
        Token,
        f"""
        select {columns(Token, "t.")} from id_token t
        where t.account_id = $1 and t.is_app and t.status = 'Accepted' and {_IS_FREE}
        """,
        account_id,
    )


def _new_uid() -> str:
    rest = _MOST_APP_CHARACTERS - len(_APP)
    return _APP + "".join(secrets.choice(_LETTERS) for _ in range(rest))


class OwnSession(NamedTuple):
    station_id: int
    public_id: str
    transaction_id: str
    is_finalized: bool


async def get_own_session(conn: Conn, account_id: int, number: int) -> OwnSession:
    """Raises NotFound for another's as for one that is not there (decision 27)."""
    return await one(
        conn,
        OwnSession,
        """
        select s.station_id, station.public_id, s.transaction_id, s.is_finalized
        from charging_session s join station on station.id = s.station_id
        where s.id = $2 and s.account_id = $1
        """,
        account_id,
        number,
    )


def topic(asked: Asked, account_id: int) -> str:
    return changes.topic("command", asked.station_id, asked.id, account_id=account_id)


def as_asked(command: Command) -> Asked:
    """Of one that was asked just now."""
    return Asked(
        **{name: getattr(command, name) for name in Asked.__slots__ if name != "began"}, began=None
    )

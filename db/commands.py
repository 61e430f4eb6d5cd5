"""What is asked of stations: one row is the whole life of one request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from db import changes
from db.model.commands import Command, CommandState, TypedCommand, encode, kind_of
from db.rows import Conn, columns, many, maybe, one

COMMAND = columns(Command)
_DRIVER = "driver:"


def by_driver(account_id: int) -> str:
    """What `asked_by` says of a driver: he may see his own commands, and no one else's."""
    return f"{_DRIVER}{account_id}"


def topic(command: Command) -> str:
    """Under which its changes are told: `command:3:9@12` to the driver who asked."""
    who, number = command.asked_by[: len(_DRIVER)], command.asked_by[len(_DRIVER) :]
    account_id = int(number) if who == _DRIVER and number.isdecimal() else None
    return changes.topic("command", command.station_id, command.id, account_id=account_id)


async def ask(
    conn: Conn, station_id: int, command: TypedCommand, *, asked_by: str, valid_for: timedelta
) -> Command:
    """
    `valid_for` bounds the wait for the station: nothing is unlocked an hour later.

    Args:
        asked_by: such as `api:shop`, or `driver:12` by its account, whose pages then hear of it.
    """
    return await one(
        conn,
        Command,
        f"""
        insert into command (station_id, kind, arguments, asked_by, expires_at)
        values ($1, $2, $3, $4, now() + $5)
        returning {COMMAND}
        """,
        station_id,
        kind_of(command),
        encode(command),
        asked_by,
        valid_for,
    )


async def get(conn: Conn, station_id: int, command_id: int) -> Command:
    return await one(
        conn,
        Command,
        f"select {COMMAND} from command where station_id = $1 and id = $2",
        station_id,
        command_id,
    )


async def find_latest(conn: Conn, station_id: int, command: TypedCommand) -> Command | None:
    """When the very same was asked last, and what came of it."""
    return await maybe(
        conn,
        Command,
        f"""
        select {COMMAND} from command
        where station_id = $1 and kind = $2 and arguments = $3
        order by id desc
        limit 1
        """,
        station_id,
        kind_of(command),
        encode(command),
    )


async def list_said(
    conn: Conn, station_id: int, *, actions: Sequence[str], since: datetime
) -> list[Command]:
    """What a station was asked since, and did not refuse; the latest first."""
    return await many(
        conn,
        Command,
        f"""
        select {COMMAND} from command
        where station_id = $1 and action = any($2) and state in ('sent', 'done') and sent_at > $3
        order by id desc
        """,
        station_id,
        actions,
        since,
    )


async def take(conn: Conn, *, node: str, busy: Sequence[int], limit: int = 100) -> list[Command]:
    """The oldest waiting command of each station that this node holds and that is not busy."""
    return await many(
        conn,
        Command,
        f"""
        update command set state = 'sent', node = $1, sent_at = now()
        where (station_id, id) in (
            select station_id, id from command
            where state = 'waiting' and expires_at > now() and station_id <> all($2)
                and (station_id, id) in (
                    select station_id, min(id) from command
                    where state = 'waiting'
                    group by station_id
                )
                and exists (
                    select from link where link.station_id = command.station_id and link.node = $1
                )
            order by id
            limit $3
            for update skip locked
        )
        returning {COMMAND}
        """,
        node,
        busy,
        limit,
    )


async def record_said(
    conn: Conn, station_id: int, command_id: int, *, action: str, payload: bytes
) -> None:
    await conn.execute(
        "update command set action = $3, payload = $4 where station_id = $1 and id = $2",
        station_id,
        command_id,
        action,
        payload,
    )


async def settle(
    conn: Conn,
    station_id: int,
    command_id: int,
    *,
    state: CommandState,
    arguments: bytes | None = None,
    reason: str | None = None,
    answer: bytes | None = None,
) -> Command | None:
    """
    End a command once; None when it had ended already.

    Args:
        arguments: what is kept of them when not all may be.
    """
    return await maybe(
        conn,
        Command,
        f"""
        update command
        set state = $3, arguments = coalesce($4, arguments), reason = $5, answer = $6,
            settled_at = now()
        where station_id = $1 and id = $2 and state in ('waiting', 'sent')
        returning {COMMAND}
        """,
        station_id,
        command_id,
        state,
        arguments,
        reason,
        answer,
    )


async def set_arguments(conn: Conn, station_id: int, command_id: int, arguments: bytes) -> None:
    """What is kept of them when the command is over."""
    await conn.execute(
        "update command set arguments = $3 where station_id = $1 and id = $2",
        station_id,
        command_id,
        arguments,
    )


async def expire_waiting(conn: Conn) -> list[Command]:
    return await many(
        conn,
        Command,
        f"""
        update command
        set state = 'expired', settled_at = now(),
            reason = case
                when exists (select from link where link.station_id = command.station_id)
                then 'the charger was busy until the time was up'
                else 'the charger was not connected'
            end
        where state = 'waiting' and expires_at <= now()
        returning {COMMAND}
        """,
    )


async def expire_sent(
    conn: Conn, *, node: str | None = None, older_than: timedelta = timedelta()
) -> list[Command]:
    """What this node, or one that died, had sent when it stopped: nobody will hear the answer."""
    return await many(
        conn,
        Command,
        f"""
        update command
        set state = 'expired', settled_at = now(),
            reason = 'the server stopped before the charger had answered'
        where state = 'sent' and sent_at <= now() - $2::interval
            and (node = $1 or not exists (
                select from node as alive
                where alive.name = command.node and alive.lease_until > now()
            ))
        returning {COMMAND}
        """,
        node,
        older_than,
    )


async def list_by_station(
    conn: Conn, station_id: int, *, before: int | None, limit: int
) -> list[Command]:
    """The latest first, from the first one older than `before`."""
    return await many(
        conn,
        Command,
        f"""
        select {COMMAND} from command
        where station_id = $1 and id < coalesce($2::bigint, 9223372036854775807)
        order by id desc
        limit $3
        """,
        station_id,
        before,
        limit,
    )

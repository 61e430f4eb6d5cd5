"""A command from the question to its answer: the row, the wait, and how it is shown."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from urllib.parse import quote

import msgspec
from aiohttp import web

from db import changes, commands
from db.errors import is_away
from db.model.commands import (
    Command,
    CommandState,
    Raw,
    StartSession,
    StopSession,
    TypedCommand,
    decode,
)
from db.model.stations import Station
from db.rows import Conn
from portal import acts
from portal.access import asked_by
from portal.api.replies import Time, maybe_time, reply, time
from portal.context import LIVE, NOTIFIER, connection

_POLL_S = 1.0  # what a notification that was lost may cost


class CommandShown(msgspec.Struct):
    id: int
    action: str | None
    payload: msgspec.Raw | None
    state: CommandState
    reason: str | None
    answer: msgspec.Raw | str | None
    asked_at: Time
    sent_at: Time | None
    settled_at: Time | None


async def ask(
    request: web.Request,
    conn: Conn,
    station_id: int,
    command: TypedCommand,
    *,
    valid_for: timedelta,
) -> Command:
    """Write the row, and wake the process that holds the station once it is committed."""
    async with conn.transaction():
        row = await commands.ask(
            conn, station_id, command, asked_by=asked_by(request), valid_for=valid_for
        )
        await _record(request, conn, row, command)
    request.app[NOTIFIER].changed(commands.topic(row))
    return row


async def _record(request: web.Request, conn: Conn, row: Command, command: TypedCommand) -> None:
    """What was asked, without its payload: that may be a password."""
    charger = f"station:{row.station_id}"
    match command:
        case StartSession(evse=evse):
            await acts.record(request, conn, "session.start_asked", subject=charger, evse=evse)
        case StopSession(session_id=session_id):
            await acts.record(request, conn, "session.stop_asked", subject=f"session:{session_id}")
        case Raw(action=action):
            await acts.record(
                request, conn, "command.asked", subject=charger, command=row.id, said=action
            )


async def answer(
    request: web.Request, station: Station, row: Command, wait_s: float
) -> web.Response:
    """202 while the command waits or is sent, 200 when it is settled, whichever way."""
    if wait_s > 0 and row.settled_at is None:
        row = await _settled(request, row, wait_s)
    where = f"/api/v1/stations/{quote(station.identity, safe='')}/commands/{row.id}"
    return reply(
        shown(row),
        status=202 if row.settled_at is None else 200,
        headers={"Location": where} if request.method == "POST" else None,
    )


def shown(row: Command) -> CommandShown:
    """Until the station's process has said it, only a raw command has words."""
    action, payload = row.action, row.payload
    if action is None:
        command = decode(row.arguments)
        if isinstance(command, Raw):
            action, payload = command.action, bytes(command.payload)
    return CommandShown(
        id=row.id,
        action=action,
        payload=None if payload is None else msgspec.Raw(payload),
        state=row.state,
        reason=row.reason,
        answer=None if row.answer is None else _words(row.answer),
        asked_at=time(row.asked_at),
        sent_at=maybe_time(row.sent_at),
        settled_at=maybe_time(row.settled_at),
    )


async def _settled(request: web.Request, row: Command, wait_s: float) -> Command:
    """The row as soon as it has settled, or as it is when the time is up."""
    live = request.app[LIVE]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    with live.watch(changes.topic("command", row.station_id, row.id)) as changed:
        while True:
            # Also the first time: it may have settled before we watched. No connection is held.
            try:
                async with connection(request) as conn:
                    row = await commands.get(conn, row.station_id, row.id)
            except Exception as error:
                if not is_away(error):
                    raise
            left_s = deadline - loop.time()
            if row.settled_at is not None or left_s <= 0 or live.is_closing:
                return row
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, _POLL_S)):
                    await changed.wait()
            changed.clear()


def _words(answer: bytes) -> msgspec.Raw | str:
    """The station's own words as they stand; as text when they are no JSON."""
    try:
        msgspec.json.decode(answer)
        answer.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return answer.decode(errors="replace")
    return msgspec.Raw(answer)

"""A station in a terminal: one calm line for each thing that happens, and a prompt."""

import asyncio
import sys
import threading
from collections.abc import Iterable

from simulators.commands import Command
from simulators.errors import CannotConnect, ScriptError, SimulatorError
from simulators.play import run
from simulators.screen import Screen
from simulators.script import parse
from simulators.station import Station


def complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


async def run_script(
    station: Station, commands: Iterable[Command], *, card: str | None, screen: Screen
) -> None:
    for command in commands:
        if not await run(station, command, card=card, screen=screen):
            return


async def run_prompt(station: Station, *, card: str | None, screen: Screen) -> None:
    """Read commands from standard input until `quit` or its end."""
    typed = _typed_lines()
    while (text := await typed.get()) is not None:
        try:
            command = parse(text)
            if command is not None and not await run(station, command, card=card, screen=screen):
                return
        except (ScriptError, CannotConnect) as error:
            complain(str(error))
        except SimulatorError as error:
            screen.say(str(error))


async def live_on(station: Station) -> None:
    """No commands: be there until interrupted."""
    while True:
        await asyncio.sleep(1)
        await station.settle()


def summary(station: Station) -> list[str]:
    """What physically happened, session by session."""
    lines = []
    for session in station.sessions:
        end = "still running" if session.ended_at is None else f"{session.ended_at:%H:%M:%S}"
        lines.append(
            f"session {session.transaction_id}: EVSE {session.evse}, {session.id_token}, "
            f"{session.started_at:%H:%M:%S} to {end}, {session.energy_wh} Wh, "
            f"{session.reason or 'no reason'}"
        )
    lines.extend(f"dropped: {line}" for line in station.dropped)
    if station.waiting:
        lines.append(f"{station.waiting} transaction messages were never delivered")
    return lines


def _typed_lines() -> "asyncio.Queue[str | None]":
    """Standard input by a thread of its own, which does not hold up the end of the program."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[str | None] = asyncio.Queue()

    def put(text: str | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(typed.put_nowait, text)

    def read() -> None:
        for text in sys.stdin:
            put(text)
        put(None)

    threading.Thread(target=read, daemon=True).start()
    return typed

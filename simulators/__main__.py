"""The command line: `python -m simulators station CP-1 --url ws://127.0.0.1:9000/ocpp ...`."""

import argparse
import asyncio
import contextlib
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from simulators.clock import Clock
from simulators.commands import HELP, Command
from simulators.console import Lines, complain, live_on, run_prompt, run_script, summary
from simulators.dialect import Version
from simulators.errors import ScriptError, SimulatorError
from simulators.script import parse_script
from simulators.station import Station


@dataclass(frozen=True)
class Options:
    identity: str
    version: Version
    url: str
    password: str | None
    connectors: int
    power_w: float
    speed: float
    seed: int
    card: str | None
    script: list[Command] | None
    prompt: bool
    journal: Path | None
    repeat: Any


def main(argv: list[str] | None = None) -> int:
    options = read(argv)
    try:
        return asyncio.run(live(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0


async def live(options: Options) -> int:
    """Run one station to the end of its commands; 1 when something was refused or dropped."""
    task = cast("asyncio.Task[int]", asyncio.current_task())
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    clock = Clock(datetime.now(UTC) if options.speed <= 1 else None)
    lines = Lines(options.identity, clock)
    station = Station(
        options.identity,
        version=options.version,
        url=options.url,
        password=options.password,
        connectors=options.connectors,
        power_w=options.power_w,
        seed=options.seed,
        clock=clock,
        speed=options.speed,
        journal=options.journal,
        say=lines.say,
        repeat_every_message=options.repeat,
    )
    try:
        async with station:
            if options.script is not None:
                await run_script(station, options.script, card=options.card, lines=lines)
                if station.online:
                    await station.flush()
            elif options.prompt:
                lines.say('type "help" for the commands')
                await run_prompt(station, card=options.card, lines=lines)
            else:
                await live_on(station)
    except SimulatorError as error:
        complain(str(error))
        return 1
    finally:
        for line in summary(station):
            lines.say(line)
    return 1 if station.dropped else 0


def read(argv: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m simulators", description="Simulated charging stations."
    )
    kinds = parser.add_subparsers(required=True, metavar="station")
    station = kinds.add_parser(
        "station",
        help="one charging station, driven by typed commands or a script",
        description="One charging station. Its commands:\n\n" + HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = station.add_argument
    add("identity", help="the last part of its address, e.g. CP-1")
    add("--version", choices=("1.6", "2.0.1", "2.1"), default="1.6", help="of OCPP (1.6)")
    add(
        "--url",
        type=_url,
        default="ws://127.0.0.1:9000/ocpp",
        help="the central system's address, without the identity (%(default)s)",
    )
    add("--password", help="for HTTP Basic; none without")
    add("--connectors", type=_whole, default=1, help="EVSEs with one connector each (1)")
    add("--power-w", type=_positive, default=11_000, help="of each EVSE (11000)")
    add(
        "--speed",
        type=_positive,
        default=1,
        help="simulated seconds per second (1); above 1 the station's clock starts 11 hours ago "
        "and stops racing when it has caught up",
    )
    add("--seed", type=int, default=0, help="decides the meters and every chance (0)")
    add("--card", help="the card of a swipe that names none")
    add("--script", type=Path, help="a file of commands; ends after the last one")
    add("--no-prompt", action="store_true", help="read no commands, live until interrupted")
    add("--journal", type=Path, help="append every CALL and its answer as a JSON line")
    add("--repeat", choices=("same-id", "new-id"), help="send every message twice")
    given = parser.parse_args(argv)
    return Options(
        identity=given.identity,
        version=given.version,
        url=given.url,
        password=given.password,
        connectors=given.connectors,
        power_w=given.power_w,
        speed=given.speed,
        seed=given.seed,
        card=given.card,
        script=_script(station, given.script),
        prompt=not given.no_prompt,
        journal=given.journal,
        repeat=given.repeat and given.repeat.replace("-", " "),
    )


def _script(parser: argparse.ArgumentParser, path: Path | None) -> list[Command] | None:
    if path is None:
        return None
    try:
        return parse_script(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"cannot read {path}: {error}")
    except ScriptError as error:
        parser.error(f"{path}, {error}")


def _url(text: str) -> str:
    if urlsplit(text).scheme not in ("ws", "wss"):
        raise argparse.ArgumentTypeError(f"{text} is not a ws:// or wss:// address")
    return text


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 99:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 99")
    return number


if __name__ == "__main__":
    sys.exit(main())

"""`station`: one charging station, driven by typed commands or a script."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulators import arguments
from simulators.clock import Clock
from simulators.commands import HELP, Command
from simulators.console import complain, live_on, run_prompt, run_script, summary
from simulators.ending import cancel_at_sigterm
from simulators.errors import ScriptError, SimulatorError
from simulators.screen import Screen
from simulators.script import parse_script
from simulators.station import Station

ABOUT = f"""\
One charging station. Its commands:

{HELP}

examples:
  python -m simulators station CP-1 --password SECRET --card ADA-1
  python -m simulators station CP-1 --password SECRET --version 2.0.1 --speed 60
  python -m simulators station CP-1 --password SECRET --script life.txt --journal said.jsonl
"""


def add(verbs: Any) -> None:
    parser: argparse.ArgumentParser = verbs.add_parser(
        "station",
        help="one charging station, driven by typed commands or a script",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("identity", help="the last part of its address, e.g. CP-1")
    add("--version", choices=("1.6", "2.0.1", "2.1"), default="1.6", help="of OCPP (1.6)")
    arguments.add_central(parser)
    arguments.add_tls(parser)
    add(
        "--connectors",
        type=arguments.whole(99),
        default=1,
        help="EVSEs with one connector each (1)",
    )
    add("--power-w", type=arguments.positive, default=11_000, help="of each EVSE (11000)")
    add(
        "--speed",
        type=arguments.positive,
        default=1,
        help="simulated seconds per second (1); above 1 the station's clock starts 11 hours ago "
        "and stops racing when it has caught up",
    )
    add("--seed", type=int, default=0, help="decides the meters and every chance (0)")
    add("--card", help="the card of a swipe that names none")
    add("--script", type=_script, help="a file of commands; ends after the last one")
    add("--no-prompt", action="store_true", help="read no commands, live until interrupted")
    add("--plain", action="store_true", help="lines only, also on a terminal: no pictures")
    add("--journal", type=Path, help="append every CALL and its answer as a JSON line")
    add("--repeat", choices=("same-id", "new-id"), help="send every message twice")
    parser.set_defaults(work=work)


async def work(given: argparse.Namespace) -> int:
    """Run one station to the end of its commands; 1 when something was refused or dropped."""
    cancel_at_sigterm()
    tls = arguments.tls(given)
    clock = Clock(datetime.now(UTC) if given.speed <= 1 else None)
    screen = Screen(given.identity, clock, draws=sys.stdout.isatty() and not given.plain)
    station = Station(
        given.identity,
        version=given.version,
        url=given.url,
        password=given.password,
        tls=tls,
        connectors=given.connectors,
        power_w=given.power_w,
        seed=given.seed,
        clock=clock,
        speed=given.speed,
        journal=given.journal,
        say=screen.say,
        repeat_every_message=given.repeat and given.repeat.replace("-", " "),
    )
    try:
        async with station:
            if given.script is not None:
                await run_script(station, given.script, card=given.card, screen=screen)
                if station.online:
                    await station.flush()
            elif given.no_prompt:
                await live_on(station)
            else:
                screen.say('type "help" for the commands')
                await run_prompt(station, card=given.card, screen=screen)
    except SimulatorError as error:
        complain(str(error))
        return 1
    finally:
        for line in summary(station):
            screen.say(line)
    return 1 if station.dropped else 0


def _script(text: str) -> list[Command]:
    try:
        return parse_script(Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {text}: {error}") from None
    except ScriptError as error:
        raise argparse.ArgumentTypeError(f"{text}, {error}") from None

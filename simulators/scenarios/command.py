"""`scenario`: play one, and say how it went."""

import argparse
import asyncio
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from simulators import arguments, enrol
from simulators.ending import cancel_at_sigterm
from simulators.scenarios import flaky_network, morning_rush, replay_after_outage, rogue
from simulators.scenarios.stage import Row, Scenario, Stage
from simulators.terminal import console

SCENARIOS: dict[str, Scenario] = {
    one.SCENARIO.name: one.SCENARIO
    for one in (morning_rush, flaky_network, replay_after_outage, rogue)
}
_WIDTH = 88

ABOUT = """\
Plays one scenario against a central system, says what to look at in the portal meanwhile, and
ends with a table: what each station knows to be true, and whether all was answered that had to
be. The exit status is 0 only then.

The stations are PREFIX01, PREFIX02 and so on, each with a card of its own. With --api and --token
they are made known to Polaris Express first, whatever is known already stays; without, they have
to be known, and --card names the cards.

examples:
  python -m simulators scenario --list
  python -m simulators scenario morning_rush --api http://127.0.0.1:8080/api/v1 --token TOKEN
  python -m simulators scenario rogue --password SECRET --card ADA-1 --seed 7
"""


def add(verbs: Any) -> None:
    parser: argparse.ArgumentParser = verbs.add_parser(
        "scenario",
        help="short plays: " + ", ".join(SCENARIOS),
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", nargs="?", choices=list(SCENARIOS), metavar="NAME", help=", ".join(SCENARIOS))
    add("--list", action="store_true", help="say what each does, and play none")
    arguments.add_central(parser)
    enrol.add_arguments(parser)
    add("--prefix", default="PLAY-", help="of the identities: PLAY-01 (%(default)s)")
    add("--stations", type=arguments.whole(99), help="so many, where it makes sense")
    add("--card", action="append", help="the card of the first station; again for the next")
    add("--duration", type=arguments.seconds, help="of the part in real time, such as 2min")
    add("--seed", type=int, default=0, help="decides every chance (0)")
    parser.set_defaults(work=lambda given: work(parser, given))


async def work(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    cancel_at_sigterm()
    if given.list:
        for one in SCENARIOS.values():
            _tell(one)
        return 0
    if given.name is None:
        parser.error("which scenario? --list tells what there is")
    scenario = SCENARIOS[given.name]
    stage = _stage(parser, given, scenario)
    if given.api:
        await enrol.enrol(
            given.api,
            given.token,
            stations=[(identity, [11_000.0]) for identity in stage.identities],
            password=stage.password or enrol.PASSWORD,
            cards=stage.cards,
        )
    _tell(scenario)
    first, last = stage.identities[0], stage.identities[-1]
    _write(f"stations {first} to {last}, seed {stage.seed}, {stage.duration_s:g} s\n")
    try:
        rows = await play(scenario, stage)
    except asyncio.CancelledError:
        _write("Interrupted: there is no verdict.")
        return 130
    return 0 if verdict(rows) else 1


async def play(scenario: Scenario, stage: Stage) -> list[Row]:
    """The first failure of many stations, as if it were alone."""
    try:
        return await scenario.play(stage)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def verdict(rows: Sequence[Row]) -> bool:
    """Write the table. Was everything answered that had to be?"""
    table = Table(box=None, pad_edge=False)
    for name in ("station", "OCPP"):
        table.add_column(name, no_wrap=True)
    for name in ("sessions", "kWh", "sent", "answered", "refused"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for row in rows:
        table.add_row(
            row.name,
            row.version,
            str(row.sessions),
            f"{row.energy_wh / 1000:.3f}",
            str(row.sent),
            str(row.answered),
            str(row.refused),
            "; ".join(row.open) or "good",
        )
    _write("")
    console().print(table)
    count = sum(row.sessions for row in rows)
    energy_wh = sum(row.energy_wh for row in rows)
    bad = [row for row in rows if row.open]
    _write(
        f"\n{count} sessions, {energy_wh / 1000:.3f} kWh. "
        + (
            f"{len(bad)} of {len(rows)} did not get what they had to."
            if bad
            else "Everything was answered that had to be."
        )
    )
    return not bad


def _stage(parser: argparse.ArgumentParser, given: argparse.Namespace, scenario: Scenario) -> Stage:
    count = given.stations or scenario.stations
    if scenario.name == "rogue" and count != 1:
        parser.error("rogue is about one station")
    cards = given.card or ([enrol.own_card(number) for number in range(count)] if given.api else [])
    if len(cards) < count:
        parser.error(
            f"{scenario.name} needs {count} cards, one for each station: name them by --card, "
            "or let --api make them"
        )
    return Stage(
        url=given.url,
        password=given.password or (enrol.PASSWORD if given.api else None),
        seed=given.seed,
        identities=tuple(f"{given.prefix}{number + 1:02}" for number in range(count)),
        cards=tuple(cards[:count]),
        duration_s=given.duration or scenario.duration_s,
        say=_write,
    )


def _tell(scenario: Scenario) -> None:
    for head, text in ((scenario.name, scenario.does), ("  Look at", scenario.look_at)):
        _write(textwrap.fill(f"{head}: {text}", _WIDTH, subsequent_indent="  "))
    _write("")


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

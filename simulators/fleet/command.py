"""`fleet`: many stations that live by themselves."""

import argparse
import secrets
import sys
from pathlib import Path
from typing import Any

from simulators import arguments, enrol
from simulators.ending import END_WITH_PARENT
from simulators.fleet import file
from simulators.fleet.cast import LIVES, LONGEST_UID, VERSIONS, Cast, FleetError, numbered
from simulators.fleet.crowd import Plan, run

ABOUT = """\
Many stations in one process. Vehicles arrive, present a card, charge, sometimes stay when they
are full, and leave. Where a start is asked for from afar and no cable is in, a vehicle comes
within seconds. The central system must know the stations and the cards; with --api and --token
Polaris Express is told of numbered ones first, each with a card of its own.

All of it happens in real time, so that what is told is plausible: the clocks are right, readings
come every 5 s, power times time is energy. --speed divides what lies between (how long until the
next vehicle, how long a full one stays) and how much vehicles want; never the clock or the meter.
The same seed and speed bring the same vehicles with the same cards for the same energies.

examples:
  python -m simulators fleet --count 30 --password SECRET --card ADA-1 --card OMAR-1
  python -m simulators fleet --count 30 --api http://127.0.0.1:8080/api/v1 --token TOKEN
  python -m simulators fleet --count 3 --version 2.1 --life idle --password SECRET
  python -m simulators fleet --stations fleet.toml --duration 10min --plain

A file of stations:
""" + "\n".join((file.__doc__ or "").splitlines()[3:])


def add(verbs: Any) -> None:
    parser: argparse.ArgumentParser = verbs.add_parser(
        "fleet",
        help="many stations that live by themselves",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--count", type=arguments.whole(5000), help="so many stations, numbered")
    which.add_argument("--stations", type=Path, help="the stations of a TOML file")
    arguments.add_central(parser, default_url=None)
    enrol.add_arguments(parser)
    add("--prefix", default="SIM-", help="of the numbered identities: SIM-0001 (%(default)s)")
    add("--version", choices=(*VERSIONS, "mixed"), default="mixed", help="of OCPP (mixed)")
    add("--life", choices=(*LIVES, "mixed"), default="mixed", help="how the numbered live (mixed)")
    add("--power-w", type=arguments.positive, default=11_000, help="of each connector (11000)")
    add(
        "--card",
        action="append",
        default=[],
        help="a card of those who arrive, dealt out to the numbered stations; again for more; "
        "none: only remote starts",
    )
    add("--spread", type=arguments.seconds, default=30, help="connect within this time (30s)")
    add("--seed", type=int, help="decides every chance; printed (by chance)")
    add("--speed", type=arguments.positive, help="times as much coming and going (1)")
    add("--duration", type=arguments.seconds, help="then end, such as 10min (until Ctrl-C)")
    add("--plain", action="store_true", help="a line every 10 s, also on a terminal")
    add(END_WITH_PARENT, action="store_true", help="end when standard input is closed")
    parser.set_defaults(work=work)


async def work(given: argparse.Namespace) -> int:
    fleet = file.read(given.stations) if given.stations else None
    if given.api and given.stations:
        raise FleetError("--api makes numbered stations known; those of a file have to be")
    seed: int | None = given.seed
    if seed is None and fleet is not None:
        seed = fleet.seed
    if seed is None:
        seed = secrets.randbelow(10**6)
    fleet = fleet or _numbered(given, seed)
    plan = Plan(
        url=given.url or fleet.url or arguments.URL,
        seed=seed,
        speed=given.speed or fleet.speed or 1,
        spread_s=given.spread,
        duration_s=given.duration,
        with_parent=given.end_with_parent,
        draws=sys.stdout.isatty() and not given.plain,
    )
    if given.api:
        await enrol.enrol(
            given.api,
            given.token,
            stations=[
                (role.identity, [plug.max_power_w for plug in role.connectors])
                for role in fleet.stations
            ],
            password=given.password or enrol.PASSWORD,
            cards=[uid for role in fleet.stations for uid in role.cards],
        )
    return await run(fleet.stations, plan)


def _numbered(given: argparse.Namespace, seed: int) -> Cast:
    cards = given.card
    if given.api and not cards:
        cards = [enrol.own_card(number) for number in range(given.count)]
    for uid in cards:
        longest = LONGEST_UID["1.6" if given.version == "mixed" else given.version]
        if not 1 <= len(uid) <= longest:
            raise FleetError(f'card "{uid}" has not 1 to {longest} characters')
    return numbered(
        given.count,
        prefix=given.prefix,
        version=given.version,
        life=given.life,
        password=given.password or (enrol.PASSWORD if given.api else None),
        cards=cards,
        power_w=given.power_w,
        seed=seed,
    )

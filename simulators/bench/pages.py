"""`python -m simulators.bench.pages`: how long pages take beside an empty one, with much data."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulators.bench import empty_page, page_portal, page_report
from simulators.bench.cores import Cores
from simulators.bench.database import postgres
from simulators.bench.figures import machine
from simulators.bench.page_list import pages
from simulators.bench.page_portal import ADMIN, Portal
from simulators.bench.page_times import Target, Times, measure
from simulators.bench.running import carry_out, say

HELP = """\
Fills a database in a temporary folder (`python -m db.load_demo`), starts one portal process, and
asks for pages as a driver and as an admin: one after the other on one connection, in turns with an
empty page of a bare aiohttp server. Each is told in milliseconds and as a ratio to that page, of
the same run. Ends with 1 when an answer is not 200 or does not hold what it should."""


@dataclass(frozen=True)
class Settings:
    sessions: int
    readings: int
    rounds: int
    warm_up: int  # rounds; over five, after which PostgreSQL may keep a plan
    output: Path


def main(words: list[str] | None = None) -> int:
    given = _read(words)
    return carry_out(lambda cores: run(given, cores))


async def run(given: Settings, cores: Cores) -> None:
    page_report.read(given.output)  # now rather than after minutes
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as name:
        folder = Path(name)
        async with postgres(folder) as database:
            version = await database.version()
            await database.create("bench_pages")
            portal = Portal(database.named("bench_pages"), cores, folder)
            say(f"PostgreSQL {version}: loading {given.sessions:,} sessions.")
            load_s = await portal.load(sessions=given.sessions, readings=given.readings, say=say)
            say(f"Loaded in {load_s:.1f} s.")
            known, sizes = await portal.know()
            await portal.let_in(known.email)
            async with portal.running(), page_portal.empty_page(cores, folder) as empty_url:
                cookies = {
                    "driver": await portal.sign_in(known.email),
                    "admin": await portal.sign_in(ADMIN),
                }
                targets = [Target("empty", empty_url, "", (empty_page.WORD,))]
                targets += [
                    Target(page.name, portal.url + page.path, cookies[page.who], page.words)
                    for page in pages(known, datetime.now(UTC))
                ]
                times = await measure(targets, rounds=given.rounds, warm_up=given.warm_up, say=say)
    about = {
        **machine(version),
        **asdict(sizes),
        "pinning": str(cores),
        "load_s": round(load_s, 1),
        "rounds": given.rounds,
        "warm_up": given.warm_up,
    }
    _report(given, times, about)


def _report(given: Settings, times: list[Times], about: dict[str, Any]) -> None:
    page_report.show(times, about)
    page_report.write(given.output, times, about)
    say(f"Written: {given.output}, under pages")


def _read(words: list[str] | None) -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.bench.pages",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--sessions", type=_between(100, 3_000_000), help="in the database (300,000)")
    add("--readings", type=_between(100, 50_000_000), help="of all of them (5,000,000)")
    add("--rounds", type=_between(1, 1_000), help="in which each page is asked for once (30)")
    add("--warm-up", type=_between(0, 100), metavar="ROUNDS", help="not measured (6)")
    add("--output", type=Path, default=Path("bench.json"), metavar="FILE", help="(%(default)s)")
    add("--quick", action="store_true", help="see that it works: 200 sessions, 2 rounds")
    given = parser.parse_args(words)
    usual = Settings(300_000, 5_000_000, 30, 6, given.output)
    if given.quick:
        usual = Settings(200, 2_000, 2, 1, given.output)
    return Settings(
        sessions=given.sessions or usual.sessions,
        readings=given.readings or usual.readings,
        rounds=given.rounds or usual.rounds,
        warm_up=usual.warm_up if given.warm_up is None else given.warm_up,
        output=given.output,
    )


def _between(least: int, most: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:,} and {most:,}")
        return number

    return whole


if __name__ == "__main__":
    sys.exit(main())

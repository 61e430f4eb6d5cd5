"""What is measured, and for how long: the command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path

HELP = """\
Messages per second that are committed before they are answered: by our csms, and by a naive
server on the stock `ocpp` engine; the same client, the same message, in turns in one run. The
server has one core, PostgreSQL and the load have another. Ends with 1 when any message was refused
or any answered reading is not in the database."""

PROFILING = """\
where the server's time goes:
  python -m simulators.bench --profile csms.prof     by cProfile, which makes it 2-3 times slower
  python -m pstats csms.prof                         then: sort tottime, stats 40
  perf record -g -p PID                              for what is in C; the progress lines say PID"""


@dataclass(frozen=True)
class Settings:
    links: int
    seconds: float
    warm_up_s: float
    rounds: int
    output: Path
    profile: Path | None


def read(words: list[str] | None) -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.bench",
        description=HELP,
        epilog=PROFILING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--links", type=_whole, help="chargers connected at once (200)")
    add("--seconds", type=_positive, help="length of each measurement (10)")
    add("--warm-up", type=_positive, metavar="SECONDS", help="before each measurement (2)")
    add("--rounds", type=_whole, help="of each; the figures are medians (3)")
    add("--output", type=Path, default=Path("bench.json"), metavar="FILE", help="(%(default)s)")
    add("--quick", action="store_true", help="see that it works: 4 links, 1 round of 1 s")
    add("--profile", type=Path, metavar="FILE", help="only one round of ours, profiled to FILE")
    given = parser.parse_args(words)
    links, seconds, warm_up_s, rounds = (4, 1.0, 0.3, 1) if given.quick else (200, 10.0, 2.0, 3)
    return Settings(
        links=given.links or links,
        seconds=given.seconds or seconds,
        warm_up_s=given.warm_up or warm_up_s,
        rounds=given.rounds or rounds,
        output=given.output,
        profile=given.profile.absolute() if given.profile else None,
    )


def _whole(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 10,000")
    return number


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3_600:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 3,600")
    return number

"""The command line: `python -m simulators station | fleet | scenario ...`."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, cast

from simulators import by_hand
from simulators.errors import SimulatorError
from simulators.fleet import command as fleet
from simulators.scenarios import command as scenarios

ABOUT = """\
Simulated charging stations for OCPP 1.6, 2.0.1 and 2.1. They share no code with the server.

examples:
  python -m simulators station CP-1 --password SECRET --card ADA-1
      one station, driven by commands that you type ("help" lists them)
  python -m simulators fleet --count 30 --password SECRET --card ADA-1
      many stations that live by themselves until Ctrl-C
  python -m simulators scenario --list
      what can be played, and what to look at meanwhile
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m simulators",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="station | fleet | scenario")
    for verb in (by_hand, fleet, scenarios):
        verb.add(verbs)
    given = parser.parse_args(argv)
    work = cast("Callable[[argparse.Namespace], Coroutine[Any, Any, int]]", given.work)
    try:
        return asyncio.run(work(given))
    except SimulatorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0


if __name__ == "__main__":
    sys.exit(main())

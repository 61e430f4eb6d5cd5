"""`make run`: PostgreSQL, csms, portal and the demo's chargers, kept up until Ctrl-C."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from db import embedded
from db.children import Child, Server, end_when_told, say
from db.migrate import migrate
from db.settings import ConfigError
from portal.config import Config
from portal.demo.start import prepare

WITH_MAKE = "--end-with-make"
COMMANDS: Mapping[str, Sequence[str]] = {
    "csms": (sys.executable, "-m", "csms"),
    "portal": (sys.executable, "-m", "portal"),
    "fleet": (sys.executable, "-m", "simulators", "fleet", "--spread", "6s"),
}
UP = """
Polaris Express is up.

{words}
Chargers connect to {chargers}/IDENTITY. README goes on from here.
Ctrl-C ends all of it; the data stays in {data_dir}.
"""


async def run(commands: Mapping[str, Sequence[str]]) -> None:
    config = Config.from_env(os.environ)
    csms = Server("csms", commands["csms"], config.csms_host, config.csms_port)
    portal = Server("portal", commands["portal"], config.host, config.port)
    fleet = Child("The demo's fleet", commands["fleet"], is_quiet=True)
    end_when_told([csms, portal, fleet], is_end_with_parent=WITH_MAKE in sys.argv)
    for server in (csms, portal):
        server.refuse_a_taken_port()
    async with embedded.database(config.database, see_it_stop=True) as url:
        for name in await migrate(config.database.changes_url or url):
            say(f"Migrated the database: {name}")
        # Before the portal opens: its passwords may have to change first.
        demo = await prepare(config, url, is_wanted=config.demo)
        async with asyncio.TaskGroup() as group:
            for server in (csms, portal):
                group.create_task(server.keep_up())
            for server in (csms, portal):
                await server.first_readiness()
            chargers = f"ws://{config.charger_host}:{config.csms_port}/ocpp"
            data_dir = config.database.data_dir
            say(UP.format(words=demo.words, chargers=chargers, data_dir=data_dir))
            if demo.fleet_file:
                fleet.command = [*fleet.command, "--stations", str(demo.fleet_file)]
                await fleet.keep_up()  # and so it ends before the others do


def main(commands: Mapping[str, Sequence[str]] = COMMANDS) -> int:
    status = 0
    try:
        asyncio.run(run(commands))
    except* asyncio.CancelledError:
        pass  # we were told to end
    except* ConfigError as group:
        status = 2
        sys.stderr.writelines(f"{error}\n" for error in group.exceptions)
    return status


def _read_arguments() -> None:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description=__doc__,
        epilog="Settings are in the environment; README has them.",
    )
    parser.add_argument(
        WITH_MAKE, action="store_true", help="end when the make that started it does"
    )
    parser.parse_args()


if __name__ == "__main__":
    _read_arguments()
    sys.exit(main())

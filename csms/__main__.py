"""`python -m csms`: the central system on CSMS_HOST:CSMS_PORT."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable

from csms import app, logs
from csms.config import Config
from db.config import ConfigError
from db.parent import END_WITH_PARENT, parent_gone

try:
    import uvloop

    _new_event_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
except ImportError:  # Windows
    _new_event_loop = asyncio.new_event_loop


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m csms", description=__doc__)
    parser.add_argument(END_WITH_PARENT, action="store_true", help="end when standard input closes")
    given = parser.parse_args()
    try:
        config = Config.from_env(os.environ)
        logs.setup(config.log_level, config.log_format)
        with asyncio.Runner(loop_factory=_new_event_loop) as runner:
            runner.run(app.serve(config, parent_gone() if given.end_with_parent else None))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

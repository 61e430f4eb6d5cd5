"""How a measurement runs as a program: its loop, what it says on the way, how it ends."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from simulators.bench.cores import Cores
from simulators.bench.errors import BenchError
from simulators.ending import cancel_at_sigterm

new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    import uvloop

    new_event_loop = uvloop.new_event_loop
except ImportError:  # Windows
    new_event_loop = asyncio.new_event_loop


def carry_out(work: Callable[[Cores], Coroutine[Any, Any, None]]) -> int:
    """The exit status; whatever happens, what `work` started it has ended."""
    cores = Cores.choose()
    say(f"Pinning: {cores}.")
    cores.pin_the_rest()
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_until_told(work(cores)))
    except BenchError as error:
        say(f"This run is not valid. {error}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        say("Interrupted: everything that was started is ended.")
        return 130
    return 0


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    cancel_at_sigterm()
    await work


def say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()

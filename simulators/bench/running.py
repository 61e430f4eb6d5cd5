"""How a measurement runs as a program: its loop, what it says on the way, how it ends."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, cast

from simulators.bench.cores import Cores
from simulators.bench.errors import BenchError

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
    task = cast("asyncio.Task[None]", asyncio.current_task())
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await work


def say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()

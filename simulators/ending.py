"""How a process of ours is told to end: Ctrl-C, SIGTERM, or the end of whoever started it."""

import asyncio
import contextlib
import os
import signal
import sys

END_WITH_PARENT = "--end-with-parent"


def cancel_at_sigterm() -> None:
    """SIGTERM cancels the running task, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def told_to_end(*, with_parent: bool = False, after_s: float | None = None) -> str:
    """
    Wait for it, and say what it was. A second Ctrl-C ends everything at once.

    Args:
        with_parent: standard input is a pipe that only our parent holds; its end is our end.
        after_s: end by ourselves then.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Future[str]()

    def tell(why: str) -> None:
        if not told.done():
            told.set_result(why)

    with contextlib.ExitStack() as undo:
        for number, why in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")):
            with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
                loop.add_signal_handler(number, tell, why)
                undo.callback(loop.remove_signal_handler, number)
        if with_parent:
            pipe = os.dup(sys.__stdin__.fileno() if sys.__stdin__ else 0)
            undo.callback(os.close, pipe)
            loop.add_reader(
                pipe, lambda: None if os.read(pipe, 4096) else tell("the end of the parent")
            )
            undo.callback(loop.remove_reader, pipe)
        if after_s is not None:
            undo.callback(loop.call_later(after_s, tell, "the end of its time").cancel)
        return await told

"""How a process that `make run` started notices that `make run` is gone."""

import asyncio
import os
import sys

END_WITH_PARENT = "--end-with-parent"


async def parent_gone() -> None:
    """
    Return when standard input ends: a pipe, whose other end only our parent holds.

    The kernel closes it however the parent ends. Only for a process that was told so by
    END_WITH_PARENT: one that is started by hand, or by init, may have no standard input at all.
    """
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    pipe = os.dup(sys.__stdin__.fileno() if sys.__stdin__ else 0)

    def readable() -> None:
        if not os.read(pipe, 4096):
            gone.set()

    loop.add_reader(pipe, readable)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(pipe)
        os.close(pipe)

"""How a server of a measurement ends: with its standard input, which is its parent's to close."""

import asyncio
import os


async def end_of_input() -> None:
    ended = asyncio.Event()

    def readable() -> None:
        if not os.read(0, 4096):
            ended.set()

    asyncio.get_running_loop().add_reader(0, readable)
    await ended.wait()

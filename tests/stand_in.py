"""
In the place of what run.py starts, in its tests: answers /health/ready, and misbehaves.

    python -m tests.stand_in NAME FOLDER BEHAVIOUR [--stations FILE] --end-with-parent

Each start adds a line with its number to FOLDER/NAME. The fleet does not listen.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from db.parent import END_WITH_PARENT, parent_gone


async def main(name: str, folder: Path, behaviour: str) -> int:
    with (folder / name).open("a") as lives:
        lives.write(f"{os.getpid()}\n")
    if behaviour.startswith("ends"):
        return int(behaviour.removeprefix("ends"))
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    if name == "fleet":
        await parent_gone()
        return 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    port = int(os.environ[f"{name.upper()}_PORT"])
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        await parent_gone()
    return 0


if __name__ == "__main__":
    assert sys.argv[-1] == END_WITH_PARENT
    name, folder, behaviour, *more = sys.argv[1:-1]
    assert bool(more) == (name == "fleet")
    assert all(part == "--stations" or Path(part).exists() for part in more)
    sys.exit(asyncio.run(main(name, Path(folder), behaviour)))

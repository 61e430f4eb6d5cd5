"""
The empty page of the comparison: what a page costs before it says anything.

A bare aiohttp server on the loop that the portal has: no database, no session, no template, no
access log. `python -m simulators.bench.empty_page PORT` ends with its standard input.
"""

import asyncio
import sys

from aiohttp import web

from simulators.bench.ending import end_of_input
from simulators.bench.running import new_event_loop

WORD = "<h1>Nothing</h1>"
HTML = f"""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Nothing</title></head>
<body>{WORD}</body>
</html>
"""


async def show(_: web.Request) -> web.Response:
    return web.Response(text=HTML, content_type="text/html")


async def main(port: int) -> None:
    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await end_of_input()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as loop:
        loop.run(main(int(sys.argv[1])))

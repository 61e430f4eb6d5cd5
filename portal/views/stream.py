"""`GET /live`: the names of what changed, for one open page, until either side leaves."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import structlog
from aiohttp import web

from db.changes import RELOAD
from db.errors import is_away
from portal import people
from portal.context import LIVE
from portal.live import LISTS, Page

log = structlog.get_logger()

PAUSE_S = 0.3
LIST_PAUSE_S = 0.5
KEEP_ALIVE_S = 15.0
RECHECK_S = 30.0
_RECONNECT_MS = 1000
_CROWDED_MS = 60_000  # or pages that are too many would push each other out for ever

routes = web.RouteTableDef()


@routes.get("/live", name="live")
async def live(request: web.Request) -> web.StreamResponse:
    person = people.person(request)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # nginx would hold it back
        }
    )
    with request.app[LIVE].subscribe(person) as page:
        await response.prepare(request)
        with suppress(ConnectionError, TimeoutError):  # the reader has left
            await response.write(f"retry: {_RECONNECT_MS}\n\n".encode())
            await _feed(request, response, page)
            if page.is_crowded_out:
                await response.write(f"retry: {_CROWDED_MS}\n\n".encode())
    return response


async def _feed(request: web.Request, response: web.StreamResponse, page: Page) -> None:
    checked_at = time.monotonic()
    held = _Held()
    while True:
        due_s = min(KEEP_ALIVE_S, checked_at + RECHECK_S - time.monotonic(), held.due_s())
        names = held.through(await page.names(max(due_s, 0)))
        if page.is_over:
            return
        if page.is_doubted or time.monotonic() - checked_at >= RECHECK_S:
            page.is_doubted = False
            if not await _is_still_here(request, page):
                names = [RELOAD]  # which leads to the sign-in page
                page.end()
            checked_at = time.monotonic()
        await asyncio.wait_for(response.write(_frames(names)), KEEP_ALIVE_S)
        await asyncio.sleep(PAUSE_S)


async def _is_still_here(request: web.Request, page: Page) -> bool:
    """Whether the person is still signed in. While the database is away we do not know."""
    try:
        person = await people.recheck(request)
    except Exception as error:
        if not is_away(error):
            log.exception("live.recheck_failed")
        return True
    return person is not None and person.id == page.account.id and person.role == page.account.role


def _frames(names: list[str]) -> bytes:
    return "".join(f"event: {name}\ndata:\n\n" for name in names).encode() or b":\n\n"


class _Held:
    """A list is read again at most twice a second, however much moves in it."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._next_at = 0.0

    def due_s(self) -> float:
        return max(self._next_at - time.monotonic(), 0) if self._names else KEEP_ALIVE_S

    def through(self, names: list[str]) -> list[str]:
        lists = dict.fromkeys(name for name in names if name in LISTS.values())
        self._names |= lists
        out = [name for name in names if name not in lists]
        if self._names and time.monotonic() >= self._next_at:
            out += self._names
            self._names = {}
            self._next_at = time.monotonic() + LIST_PAUSE_S
        return out

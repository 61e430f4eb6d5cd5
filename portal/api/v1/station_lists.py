"""A list of what one station said or asked, the newest first, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol, TypeVar

from aiohttp import web
from msgspec import Meta, Struct

from db import stations
from db.rows import Conn
from portal.api import params
from portal.api.replies import Page, reply
from portal.context import connection


class _HasId(Protocol):
    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=_HasId)
Listed = TypeVar("Listed", bound=_HasId, covariant=True)


class ListByStation(Protocol[Listed]):
    async def __call__(
        self, conn: Conn, station_id: int, /, *, before: int | None, limit: int
    ) -> Sequence[Listed]: ...


async def reply_list(
    request: web.Request, list_by_station: ListByStation[Row], shown: Callable[[Row], Struct]
) -> web.Response:
    """Of the station in the address, by `?limit=&cursor=`."""
    size, before = params.limit(request), id_cursor(request)
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await list_by_station(conn, station.id, before=before, limit=size + 1)
    return reply(page_of(found, size, shown))


def id_cursor(request: web.Request) -> int | None:
    place = params.cursor(request, tuple[Annotated[int, Meta(ge=0, le=params.MAX_ID)]])
    return place[0] if place else None


def page_of(found: Sequence[Row], size: int, shown: Callable[[Row], Struct]) -> Page[Any]:
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].id) if has_more else None
    return Page([shown(row) for row in page], cursor)

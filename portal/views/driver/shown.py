"""What the driver's pages draw, read from the database and put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from db import driver_commands, driver_home, reservations
from db.driver_commands import Asked
from db.driver_home import Charger, Running
from db.errors import NotFound
from db.rows import Conn
from portal import people, price_view
from portal.context import CONFIG, connection
from portal.price_view import Shown
from portal.views.driver.life import Life, is_told, life, session_to_stop
from portal.views.driver.status import Card, card

SILENT_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Active:
    """A running session as it stands at `now`."""

    session: Running
    now: datetime
    stop: Life | None = None  # what was asked about its end
    price: Shown | None = None  # so far

    @property
    def is_silent(self) -> bool:
        return self.now - self.session.updated_at > SILENT_FOR

    @property
    def is_flowing(self) -> bool:
        """Whether anything on the page may move: only while energy does."""
        return not self.is_silent and self.session.power_w != 0

    @property
    def is_stopping(self) -> bool:
        return self.stop is not None and (self.stop.is_open or self.stop.is_awaited)

    @property
    def where(self) -> str:
        has_several = self.session.evse_count > 1 and self.session.evse is not None
        return (
            f"{self.session.charger}, connector {self.session.evse}"
            if has_several
            else self.session.charger
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """A charger's card, and what was asked of it last."""

    card: Card
    start: Life | None = None

    @property
    def is_starting(self) -> bool:
        return self.start is not None and (self.start.is_open or self.start.is_awaited)


async def active(request: web.Request) -> list[Active]:
    """The reader's running sessions, for the strip on every page but the dashboard."""
    async with connection(request) as conn:
        return await running(request, conn, [])


async def banner(request: web.Request) -> dict[str, Any]:
    """The strip's context, for a page that others than drivers see too: empty for them."""
    person = people.maybe_person(request)
    if person is None or person.role != "driver":
        return {}
    return {"active": await active(request)}


async def running(request: web.Request, conn: Conn, told: Sequence[Asked]) -> list[Active]:
    sessions = await driver_home.list_running(
        conn, people.person(request).id, zone=operator_zone(request)
    )
    prices: dict[int, Shown] = {}
    if sessions:
        numbers = [session.number for session in sessions]
        prices = await price_view.of_sessions(request, conn, numbers)
    now = datetime.now(UTC)
    return [
        Active(session, now, _stop(session, told, now), prices[session.number])
        for session in sessions
    ]


async def told(request: web.Request, conn: Conn) -> list[Asked]:
    return await driver_commands.list_told(conn, people.person(request).id)


async def offers(
    request: web.Request, conn: Conn, told: Sequence[Asked], *, public_id: str | None = None
) -> list[Offer]:
    chargers = await driver_home.list_chargers(
        conn, people.person(request).id, zone=operator_zone(request), public_id=public_id
    )
    now = datetime.now(UTC)
    held = await reservations.held(conn, now)
    account_id = people.person(request).id
    return [
        Offer(card(charger, now, held, account_id), _start(charger, told, now))
        for charger in chargers
    ]


async def offer(request: web.Request, conn: Conn, told: Sequence[Asked]) -> Offer:
    """Of the charger in the path. Raises NotFound."""
    public_id = request.match_info["public_id"]
    for found in await offers(request, conn, told, public_id=public_id):
        return found
    raise NotFound("no such charger")


def operator_zone(request: web.Request) -> str:
    return request.app[CONFIG].operator_zone


def _start(charger: Charger, told: Sequence[Asked], now: datetime) -> Life | None:
    for asked in told:
        if asked.station_id == charger.id and asked.kind == "start":
            # Only the last one: what was said before it is no news any more.
            is_news = is_told(asked, now)
            return (
                life(asked, public_id=charger.public_id, zone=charger.zone, now=now)
                if is_news
                else None
            )
    return None


def _stop(session: Running, told: Sequence[Asked], now: datetime) -> Life | None:
    for asked in told:
        if session_to_stop(asked) == session.number:
            is_news = is_told(asked, now)
            return (
                life(asked, public_id=session.public_id, zone=session.zone, now=now)
                if is_news
                else None
            )
    return None

"""What the driver charged in a period: the total, and a bar for each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from aiohttp import web

from db import usage
from db.rows import Conn
from db.usage import Day
from portal import people
from portal.views.driver import shown

PERIODS: dict[str, str] = {"current": "Month", "previous": "Last", "year": "Year"}
_MOST_WORDS = {"current": "this month", "previous": "last month", "year": "this year"}
_TOPS = (1, 2, 4, 6, 8, 10, 16, 20, 30, 40, 60, 80, 100, 160, 200, 300, 400, 600, 800, 1000)

Name = Literal["current", "previous", "year"]


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days of the operator's zone, the first and the last one in it."""

    name: Name
    first: date
    last: date
    today: date

    @property
    def label(self) -> str:
        """1 – 20 November 2026; of a period that is over, and of a year, its name."""
        if self.name == "year":
            return f"{self.first.year}, 1 January to {self.today.day} {self.today:%B}"
        if self.name == "current" and self.today > self.first:
            return f"1 – {self.today.day} {self.first:%B %Y}"
        return f"{self.first:%B %Y}"

    @property
    def words(self) -> str:
        return _MOST_WORDS[self.name]

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Bar:
    """A day; the figures are parts of the plot in per cent."""

    day: date
    energy_wh: Decimal
    x: float
    width: float
    y: float
    height: float
    is_today: bool

    @property
    def label(self) -> str:
        return f"{self.day.day} {self.day:%b}"


@dataclass(frozen=True, slots=True)
class Usage:
    period: Period
    days: Sequence[Day]

    @property
    def energy_wh(self) -> Decimal:
        """The sum of its days."""
        return sum((day.energy_wh for day in self.days), Decimal(0))

    @property
    def sessions(self) -> int:
        return sum(day.sessions for day in self.days)

    @property
    def unknown(self) -> int:
        return sum(day.unknown for day in self.days)

    @property
    def top_kwh(self) -> int:
        """Where the axis ends."""
        most = max((day.energy_wh for day in self.days), default=Decimal(0)) / 1000
        return next((top for top in _TOPS if top >= most), int(most) + 1)

    @property
    def bars(self) -> list[Bar]:
        step = 100 / self.period.days
        made = []
        for day in self.days:
            part = float(day.energy_wh / 1000 / self.top_kwh) * 100
            place = (day.day - self.period.first).days
            made.append(
                Bar(
                    day.day,
                    day.energy_wh,
                    round(step * (place + 0.15), 3),
                    round(step * 0.7, 3),
                    round(100 - part, 3),
                    round(part, 3),
                    day.day == self.period.today,
                )
            )
        return made

    @property
    def marks(self) -> list[str]:
        """Words under the plot, evenly spread from its first day to its last."""
        if self.period.name == "year":
            return ["Jan", "Apr", "Jul", "Oct", "Dec"]
        return ["1", "8", "15", "22", str(self.period.days)]

    @property
    def described(self) -> str:
        """For who cannot see the bars."""
        if not self.days:
            return f"No energy {self.period.words}"
        most = max(self.days, key=lambda day: day.energy_wh)
        count = len(self.days)
        days = "one day" if count == 1 else f"{count} days"
        return (
            f"Daily usage {self.period.words}: {days} with charging, "
            f"most on {most.day.day} {most.day:%B} with {most.energy_wh / 1000:.2f} kWh"
        )


def period(query: Mapping[str, str], now: datetime, zone: str) -> Period:
    """Of `?period=`; any other value acts as current (S41)."""
    today = now.astimezone(ZoneInfo(zone)).date()
    month = today.replace(day=1)
    match query.get("period"):
        case "previous":
            last = month - timedelta(days=1)
            return Period("previous", last.replace(day=1), last, today)
        case "year":
            return Period("year", date(today.year, 1, 1), date(today.year, 12, 31), today)
        case _:
            after = (month + timedelta(days=31)).replace(day=1)
            return Period("current", month, after - timedelta(days=1), today)


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


async def of_period(request: web.Request, conn: Conn) -> Usage:
    zone = shown.operator_zone(request)
    found = period(request.query, datetime.now(UTC), zone)
    days = await usage.list_days(
        conn,
        people.person(request).id,
        zone=zone,
        since=midnight(found.first, zone),
        until=midnight(found.last + timedelta(days=1), zone),
    )
    return Usage(found, days)

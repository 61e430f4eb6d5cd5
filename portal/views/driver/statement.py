"""A month as it is billed, to print: sessions, adjustments, credits, and the sums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from aiohttp import web

from db import plans, statements
from db.errors import NotFound
from db.statements import Added, Billed
from portal import pages, people
from portal.context import connection
from portal.views.driver import shown
from portal.views.driver.usage import midnight

routes = web.RouteTableDef()

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Sum:
    """Of one currency. `credits` is at most 0."""

    currency: str
    sessions: Decimal
    adjustments: Decimal
    credits: Decimal

    @property
    def total(self) -> Decimal:
        return self.sessions + self.adjustments + self.credits


@dataclass(frozen=True, slots=True)
class Statement:
    month: date
    sessions: Sequence[Billed]
    added: Sequence[Added]
    is_over: bool  # no session of it can begin any more

    @property
    def name(self) -> str:
        return f"{self.month:%B %Y}"

    @property
    def energy_wh(self) -> Decimal:
        return sum((row.energy_wh or Decimal(0) for row in self.sessions), Decimal(0))

    @property
    def open(self) -> int:
        """Sessions that are in no sum, for their price is not known."""
        return sum(
            row.amount is None and not row.is_included and not row.is_adjusted
            for row in self.sessions
        )

    @property
    def sums(self) -> list[Sum]:
        of_sessions = [(row.currency, row.amount) for row in self.sessions]
        currencies = {step.currency for step in self.added}
        currencies |= {name for name, amount in of_sessions if name and amount is not None}
        return [
            Sum(
                currency,
                _sum(amount for other, amount in of_sessions if other == currency),
                _sum(self._added(currency, "adjustment")),
                _sum(self._added(currency, "credit")),
            )
            for currency in sorted(currencies)
        ]

    def _added(self, currency: str, kind: str) -> list[Decimal]:
        return [
            step.amount for step in self.added if step.currency == currency and step.kind == kind
        ]


@routes.get("/statements/{month}", name="driver.statement")
async def show(request: web.Request) -> web.Response:
    """Of a month up to this one; another one is not there."""
    zone = shown.operator_zone(request)
    now = datetime.now(UTC)
    month = _month(request)
    after = (month + timedelta(days=31)).replace(day=1)
    since, until = midnight(month, zone), midnight(after, zone)
    if since > now:
        raise NotFound("no such month")
    account_id = people.person(request).id
    async with connection(request) as conn:
        statement = Statement(
            month,
            await statements.list_sessions(conn, account_id, zone=zone, since=since, until=until),
            await statements.list_added(conn, account_id, month),
            is_over=until <= now,
        )
        plan = await plans.find_of(conn, account_id)
        running = await shown.running(request, conn, [])
    return pages.render(
        request, "driver/statement.html", statement=statement, plan=plan, active=running, now=now
    )


def _month(request: web.Request) -> date:
    """Its first day. Raises NotFound for what is none."""
    found = _MONTH.fullmatch(request.match_info["month"])
    if found is None or not 1970 <= int(found[1]) < 9999 or not 1 <= int(found[2]) <= 12:
        raise NotFound("no such month")
    return date(int(found[1]), int(found[2]), 1)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))

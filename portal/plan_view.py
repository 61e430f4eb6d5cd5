"""What a driver subscribed to, and what they used of it this month (S42, product L9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from aiohttp import web

from csms.rules.pricing_terms import Terms
from db import plans
from db.rows import Conn
from portal.context import CONFIG
from portal.price_making import MONTHS, month_of, read_terms

_WH = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A tier and how much of it is used; `cap_wh` None: what is beyond the last one, without end.

    `share` is 0 to 100 %; an open end is full when anything of it is used.
    """

    used_wh: Decimal
    cap_wh: Decimal | None
    per_kwh: Decimal

    @property
    def share(self) -> int:
        if self.cap_wh is None:
            return 100 if self.used_wh else 0
        return int(self.used_wh * 100 / self.cap_wh)

    @property
    def is_free(self) -> bool:
        return not self.per_kwh


@dataclass(frozen=True, slots=True)
class PlanShown:
    """`monthly_fee` is 0 where there is none. `month` is its name, such as "November"."""

    name: str
    currency: str
    monthly_fee: Decimal
    month: str
    used_wh: int
    bars: list[Bar]


async def of_account(request: web.Request, conn: Conn, account_id: int) -> PlanShown | None:
    """None without a plan. Two queries."""
    plan = await plans.find_of(conn, account_id)
    terms = read_terms(plan.terms) if plan else None
    if plan is None or terms is None:
        return None
    zone = request.app[CONFIG].operator_zone
    month = month_of(datetime.now(UTC), zone)
    used_wh = await plans.used_wh(conn, account_id, month, zone=zone)
    return PlanShown(
        name=plan.name,
        currency=plan.currency,
        monthly_fee=plan.monthly_fee,
        month=MONTHS[month.month - 1],
        used_wh=used_wh,
        bars=bars(terms, used_wh),
    )


def bars(terms: Terms, used_wh: int) -> list[Bar]:
    """One for each tier, filled in order, and one for what is beyond them (product B6)."""
    left, found = Decimal(used_wh), []
    for tier in terms.tiers:
        cap_wh = tier.kwh * _WH
        part = min(left, cap_wh)
        found.append(Bar(part, cap_wh, tier.per_kwh))
        left -= part
    return [*found, Bar(left, None, terms.per_kwh)]

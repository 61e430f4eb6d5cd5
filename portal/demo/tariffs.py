"""What the demo charges: a plain tariff, one with an evening price and an idle fee, and a plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from csms.rules.pricing_terms import Terms, Tier, Window, encode
from db import demo_network, plans, tariffs
from db.rows import Conn
from portal.demo.cast import DRIVER_EMAIL, QUAY

STANDARD = Terms(currency="EUR", per_kwh=Decimal("0.39"), tax_percent=Decimal(19))
QUAYSIDE = Terms(
    currency="GBP",
    per_kwh=Decimal("0.48"),
    windows=(Window(per_kwh=Decimal("0.62"), start=16 * 60, end=20 * 60, days=(1, 2, 3, 4, 5)),),
    per_idle_minute=Decimal("0.10"),
    idle_grace_min=20,
    maximum=Decimal(60),
    tax_percent=Decimal(20),
)
COMMUTER = Terms(
    currency="EUR",
    per_kwh=Decimal("0.36"),
    tiers=(
        Tier(kwh=Decimal(50), per_kwh=Decimal(0)),
        Tier(kwh=Decimal(150), per_kwh=Decimal("0.28")),
    ),
    tax_percent=Decimal(19),
)
PLAN, MONTHLY_FEE = "Commuter", Decimal("14.90")
SUBSCRIBERS = (DRIVER_EMAIL, "amara@demo.polaris", "jonas@demo.polaris")


async def load(
    conn: Conn, since: datetime, *, account_ids: Mapping[str, int], site_ids: Mapping[str, int]
) -> None:
    """
    In force since the network was opened. Where there are tariffs already nothing is done.

    Args:
        account_ids: by e-mail.
        site_ids: by name.
    """
    if await tariffs.list_all(conn):
        return
    made = {
        name: await tariffs.add(
            conn, name=name, currency=terms.currency, terms=encode(terms), created_at=since
        )
        for name, terms in (("Standard", STANDARD), (QUAY.name, QUAYSIDE), (PLAN, COMMUTER))
    }
    await tariffs.make_default(conn, made["Standard"])
    await demo_network.set_site_tariff(conn, site_ids[QUAY.name], made[QUAY.name])
    plan_id = await plans.add(conn, name=PLAN, tariff_id=made[PLAN], monthly_fee=MONTHLY_FEE)
    for email in SUBSCRIBERS:
        await plans.set_of(conn, account_ids[email], plan_id)
    await demo_network.backdate_assignments(conn, since)

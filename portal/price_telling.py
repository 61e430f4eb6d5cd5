"""Tell a driver what a finished session cost: on the bell, and by mail where it is wanted."""

from __future__ import annotations

from db import mails, notices
from db.price_rows import Saved
from db.pricing import Driver, Facts
from db.rows import Conn
from portal.config import Config
from portal.format import duration, energy, money, when
from portal.mails.compose import compose, operator_of
from portal.mails.links import absolute


async def tell(conn: Conn, config: Config, facts: Facts, driver: Driver, price: Saved) -> None:
    """In the transaction that settles the price, so that it is told once (product B13)."""
    assert facts.account_id is not None
    assert facts.ended_at is not None
    charged = energy(price.energy_wh)
    took = duration(facts.ended_at - facts.started_at)
    cost = "Included" if price.is_included else money(price.total, price.currency)
    path = f"/sessions/{facts.session_id}"
    await notices.add(
        conn,
        facts.account_id,
        "session.complete",
        title=f"Charged at {driver.charger}",
        body=f"{charged} in {took}. Cost: {cost}.",
        path=path,
    )
    if not driver.is_mail_wanted:
        return
    zone = facts.zone or config.operator_zone
    body = compose(
        "session_summary",
        operator=operator_of(config),
        number=facts.session_id,
        charger=driver.charger,
        site=driver.site,
        started=when(facts.started_at, zone),
        ended=when(facts.ended_at, zone),
        energy=charged,
        took=took,
        cost=cost,
        link=absolute(config, path),
    )
    await mails.add(
        conn, "session_summary", recipient=driver.email, body=body, account_id=facts.account_id
    )

"""
The steps of a session's price, and when its driver is told.

A price moves freely until the driver was told it (`repriced`); from then on what was told stays,
and what late news change is an `adjustment` on the statement of the month in which it was found
(decision 16). Nothing is written where nothing changed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from db import changes, price_rows, prices
from db.errors import is_away
from db.price_rows import Known, Saved
from db.prices import decode_lines
from db.pricing import Driver, Facts
from db.rows import Conn
from portal.config import Config
from portal.format import energy
from portal.price_making import month_of
from portal.price_telling import tell

log = structlog.get_logger()

#: What ended longer ago when it is first priced is news to nobody; and so long a driver waits for
#: a price that is not known yet (seed: dispute a charging session, "unknown for more than a day").
NEWS_FOR = timedelta(hours=24)
_AGAIN = timedelta(minutes=5)
_NOTHING = Decimal(0)


async def record(
    conn: Conn,
    config: Config,
    facts: Facts,
    driver: Driver | None,
    old: Known | None,
    new: Saved,
    *,
    reason: str,
    now: datetime,
) -> set[str]:
    """
    Write a price that was made just now; topics of what changed.

    `reason`: why it is not known, or not billed; else empty.
    """
    is_told = False
    if old is not None and old.saved.settled_at is not None:
        has_moved = await _adjust(conn, config, facts, old, new, now)
    else:
        before = None if old is None else old.saved
        new = replace(new, settle_at=_settle_at(facts, driver, before, now))
        if driver is not None and new.settle_at is not None:
            if new.total is not None or now >= new.settle_at:
                is_told = await _tell(conn, config, facts, driver, new)
                again_at = None if is_told else now + _AGAIN
                new = replace(new, settle_at=again_at, settled_at=now if is_told else None)
        elif driver is not None and new.total is not None:
            new = replace(new, settled_at=now)  # of long ago: nobody is told
        has_moved = await _set(conn, facts, before, new, reason)
    await price_rows.record_priced(
        conn, facts.station_id, facts.session_id, told_at=now if is_told else None
    )
    topics = set()
    if has_moved or is_told:
        topics.add(changes.topic("session", facts.session_id, account_id=facts.account_id))
    if is_told and facts.account_id is not None:
        topics.add(changes.topic("notices", account_id=facts.account_id))
    return topics


def _settle_at(
    facts: Facts, driver: Driver | None, before: Saved | None, now: datetime
) -> datetime | None:
    """Until when a driver waits for an unknown price; None: nobody is to be told any."""
    if driver is None or driver.summary_sent_at is not None:
        return None
    if before is not None and before.settle_at is not None:
        return before.settle_at
    ended_at = facts.ended_at or facts.started_at
    return now + NEWS_FOR if ended_at > now - NEWS_FOR else None


async def _set(conn: Conn, facts: Facts, before: Saved | None, new: Saved, reason: str) -> bool:
    """The first price, or one that nobody was told yet; whether there is a step."""
    await price_rows.save(conn, facts.station_id, new)
    if before is not None and not _differs(before, new):
        return False
    await price_rows.add_step(
        conn,
        facts.station_id,
        new,
        kind="priced" if before is None else "repriced",
        amount=new.total,
        tax=new.tax,
        reason=reason or (_news(before, new) if before else f"By {new.why}"),
        lines=new.lines,
    )
    log.debug("session.priced", session=new.session_id, total=str(new.total), why=new.why)
    return True


async def _adjust(
    conn: Conn, config: Config, facts: Facts, old: Known, new: Saved, now: datetime
) -> bool:
    """
    Add what late news changed to a price that was told; whether there is a step.

    What a credit gave back already is not given back again.
    """
    saved = old.saved
    if new.total is None:
        await price_rows.save(conn, facts.station_id, replace(saved, energy_wh=new.energy_wh))
        return False
    kept = replace(new, account_id=saved.account_id, settled_at=saved.settled_at)
    if new.total == saved.total:
        await price_rows.save(conn, facts.station_id, kept)
        return False
    await prices.lock(conn, facts.station_id, facts.session_id)
    credited = await prices.credited(conn, facts.station_id, facts.session_id)
    amount = prices.due(new.total, credited) - prices.due(saved.total or _NOTHING, credited)
    is_less = amount != new.total - (saved.total or _NOTHING)
    await price_rows.save(conn, facts.station_id, kept)
    await price_rows.add_step(
        conn,
        facts.station_id,
        kept,
        kind="adjustment",
        amount=amount,
        tax=(new.tax or _NOTHING) - (saved.tax or _NOTHING),
        reason=_news(saved, new) + (". The rest is in the credit already" if is_less else ""),
        lines=new.lines,
        statement_month=month_of(now, config.operator_zone),
    )
    log.info("session.price_adjusted", session=new.session_id, amount=str(amount))
    return True


async def _tell(conn: Conn, config: Config, facts: Facts, driver: Driver, new: Saved) -> bool:
    """False when it failed: the price stands, and telling it is tried again."""
    try:
        async with conn.transaction():
            await tell(conn, config, facts, driver, new)
    except Exception as error:
        if is_away(error):
            raise
        log.exception("session.summary_failed", session=new.session_id)
        return False
    return True


def _differs(before: Saved, new: Saved) -> bool:
    def price(row: Saved) -> tuple[object, ...]:
        lines = decode_lines(row.lines)
        return row.total, row.tax, row.currency, row.tariff_id, row.tariff_version, lines

    return price(before) != price(new)


def _news(before: Saved, new: Saved) -> str:
    """Why a price is another one than before."""
    if before.energy_wh != new.energy_wh and before.energy_wh is not None:
        was, now = energy(before.energy_wh), energy(new.energy_wh)
        return f"The charger's readings now say {now}, not {was}"
    if before.total is None:
        return f"The price is known now, by {new.why}"
    if before.tariff_id != new.tariff_id or before.tariff_version != new.tariff_version:
        return f"Another tariff applies: {new.why}"
    return "Times or readings of the session came late"

"""
The job that prices finished sessions.

What a batch does is one transaction: a portal that is killed leaves nothing half done, and of two
portals each takes sessions that the other has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import structlog

from csms.rules.pricing import Priced
from csms.rules.pricing_terms import Terms
from db import price_rows, pricing
from db.changes import Notifier
from db.errors import is_away
from db.price_rows import Known, Saved
from db.prices import encode_lines
from db.pricing import Driver, Facts
from db.rows import Conn, Pool
from db.tariffs_in_force import NO_TARIFF, Place, in_force
from portal import price_making
from portal.config import Config
from portal.price_making import month_of, read_terms
from portal.price_steps import record

log = structlog.get_logger()

BATCH = 50
_BUSY_S = 5.0
_MOST_REGISTERS = 20_000


@dataclass(frozen=True, slots=True)
class _Tariff:
    """What a session is priced by; `terms` None: nothing, as there is none or none to be read."""

    id: int | None
    version: int | None
    why: str
    currency: str
    terms: Terms | None

    @property
    def has_tiers(self) -> bool:
        return self.terms is not None and bool(self.terms.tiers)


async def price_due(pool: Pool, notifier: Notifier, config: Config) -> None:
    """All that is due, for some seconds at most."""
    since = perf_counter()
    while perf_counter() - since < _BUSY_S:
        if await price_batch(pool, notifier, config, now=datetime.now(UTC)) < BATCH:
            return


async def price_batch(
    pool: Pool, notifier: Notifier, config: Config, *, now: datetime, most: int = BATCH
) -> int:
    """How many sessions were priced: those that ended first, and that nobody else has in hand."""
    topics: set[str] = set()
    async with pool.acquire(timeout=5) as conn, conn.transaction():
        await pricing.mark_waiting(conn, now=now, most=most)
        due = await pricing.take_due(conn, most=most)
        if due:
            topics = await _price(conn, config, due, now)
    notifier.changed(*topics)
    return len(due)


async def _price(conn: Conn, config: Config, due: list[Facts], now: datetime) -> set[str]:
    """Topics of what changed."""
    topics: set[str] = set()
    known = await price_rows.list_known(conn, due)
    drivers = await pricing.list_drivers(conn, due)
    tariffs = await _tariffs(conn, config, due, known)
    timed = [
        facts
        for facts in due
        if (terms := tariffs[facts.session_id].terms) is not None and terms.needs_readings
    ]
    registers = await pricing.list_registers(conn, timed, until=now, most_each=_MOST_REGISTERS)
    for account_id in sorted(
        {f.account_id for f in due if f.account_id and tariffs[f.session_id].has_tiers}
    ):
        await pricing.lock_account(conn, account_id)
    for facts in due:
        try:
            async with conn.transaction():
                topics |= await _price_one(
                    conn,
                    config,
                    facts,
                    tariffs[facts.session_id],
                    registers.get(facts.session_id, []),
                    drivers.get(facts.session_id),
                    known.get(facts.session_id),
                    now,
                )
        except Exception as error:
            if is_away(error):
                raise
            log.exception("session.pricing_failed", session=facts.session_id)  # it stays due
    return topics


async def _price_one(
    conn: Conn,
    config: Config,
    facts: Facts,
    tariff: _Tariff,
    registers: list[tuple[datetime, int]],
    driver: Driver | None,
    old: Known | None,
    now: datetime,
) -> set[str]:
    used_wh = 0
    if tariff.has_tiers and facts.account_id is not None:
        used_wh = await _used_wh(conn, config, facts, facts.account_id, old)
    priced = _priced(config, tariff, facts, registers, used_wh, now)
    row = _row(config, facts, tariff, priced, used_wh)
    return await record(conn, config, facts, driver, old, row, reason=priced.reason, now=now)


async def _tariffs(
    conn: Conn, config: Config, due: list[Facts], known: dict[int, Known]
) -> dict[int, _Tariff]:
    """By session. One whose price is settled keeps its tariff, in the version that it had."""
    found: dict[int, _Tariff] = {}
    for session_id, old in known.items():
        saved = old.saved
        if saved.settled_at is not None and saved.tariff_id is not None:
            found[session_id] = _Tariff(
                saved.tariff_id,
                saved.tariff_version,
                saved.why,
                saved.currency,
                read_terms(old.terms),
            )
    others = [facts for facts in due if facts.session_id not in found]
    places = [Place(f.account_id, f.station_id, f.site_id, f.started_at) for f in others]
    for facts, chosen in zip(others, await in_force(conn, places), strict=True):
        if (why := price_making.why_unbilled(facts)) is not None:
            currency = chosen.currency if chosen else _currency(config, facts)
            found[facts.session_id] = _Tariff(None, None, why, currency, None)
        elif chosen is None:
            currency = _currency(config, facts)
            found[facts.session_id] = _Tariff(None, None, NO_TARIFF, currency, None)
        else:
            found[facts.session_id] = _Tariff(
                chosen.tariff_id,
                chosen.version,
                chosen.why,
                chosen.currency,
                read_terms(chosen.terms),
            )
    return found


async def _used_wh(
    conn: Conn, config: Config, facts: Facts, account_id: int, old: Known | None
) -> int:
    """
    Its place in the month's tiers: behind what was priced before it, once and for all.

    So each kWh of a month has a place of its own, in whichever order sessions become known.
    """
    month = month_of(facts.started_at, config.operator_zone)
    if old is not None:
        saved = old.saved
        is_same = (saved.account_id, saved.month) == (account_id, month)
        if is_same and saved.energy_wh is not None and saved.tariff_id is not None:
            return saved.used_before_wh
    return await pricing.used_wh(conn, account_id, month, but=facts.session_id)


def _priced(
    config: Config,
    tariff: _Tariff,
    facts: Facts,
    registers: list[tuple[datetime, int]],
    used_wh: int,
    now: datetime,
) -> Priced:
    if tariff.id is None and (why := price_making.why_unbilled(facts)) is not None:
        return price_making.unbilled(tariff.currency, why)
    if tariff.terms is None:
        reason = price_making.NO_TARIFF if tariff.id is None else price_making.UNREADABLE
        return Priced(tariff.currency, None, None, is_included=False, reason=reason)
    return price_making.make(
        tariff.terms,
        facts,
        registers,
        now=now,
        zone=config.operator_zone,
        month=month_of(facts.started_at, config.operator_zone),
        used_before_wh=used_wh,
    )


def _currency(config: Config, facts: Facts) -> str:
    """Where no tariff says."""
    return facts.site_currency or config.operator_currency


def _row(config: Config, facts: Facts, tariff: _Tariff, priced: Priced, used_wh: int) -> Saved:
    assert facts.energy_wh is None or isinstance(facts.energy_wh, int)  # it is finished
    return Saved(
        session_id=facts.session_id,
        account_id=facts.account_id,
        tariff_id=tariff.id,
        tariff_version=tariff.version,
        why=tariff.why,
        currency=priced.currency,
        total=priced.total,
        tax=priced.tax,
        is_included=priced.is_included,
        lines=encode_lines(priced.lines),
        energy_wh=facts.energy_wh,
        month=month_of(facts.started_at, config.operator_zone),
        used_before_wh=used_wh,
        settle_at=None,
        settled_at=None,
    )

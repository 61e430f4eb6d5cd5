"""Prices of sessions: as they are now, every step that led there, and credits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import asyncpg
import msgspec

from db.model.prices import Line
from db.rows import Conn

__all__ = [
    "Line",
    "Price",
    "Step",
    "StepKind",
    "add_credit",
    "credited",
    "due",
    "find",
    "find_many",
    "list_steps",
    "lock",
]

StepKind = Literal["priced", "repriced", "adjustment", "credit"]


@dataclass(frozen=True, slots=True)
class Price:
    """
    A session's price as it is now, with its adjustments.

    `total` None: unknown. Credits are not in it: `credited` (at most 0) is their sum. On the
    statement of the session's own month stands the total without adjustments: these, as credits,
    stand on the one that their step names.
    """

    station_id: int
    session_id: int
    tariff_id: int | None
    tariff_version: int | None
    tariff: str | None  # its name
    why: str
    currency: str
    total: Decimal | None
    tax: Decimal | None  # contained in the total
    is_included: bool
    lines: list[Line]
    energy_wh: int | None
    priced_at: datetime
    credited: Decimal

    @property
    def due(self) -> Decimal | None:
        return None if self.total is None else due(self.total, self.credited)


@dataclass(frozen=True, slots=True)
class Step:
    """`by`: the person's name or address, None for a rule."""

    id: int
    at: datetime
    kind: StepKind
    currency: str
    amount: Decimal | None
    reason: str
    by_account_id: int | None
    statement_month: date | None
    lines: list[Line]
    by: str | None = None


_LINES = msgspec.json.Decoder(list[Line])
_encode = msgspec.json.Encoder(decimal_format="string").encode


def encode_lines(lines: list[Line]) -> str:
    return _encode(lines).decode()


def decode_lines(text: str) -> list[Line]:
    return _LINES.decode(text)


_PRICE = """
    select price.station_id, price.session_id, price.tariff_id, price.tariff_version,
        tariff.name as tariff, price.why, price.currency, price.total, price.tax, price.is_included,
        price.lines::text as lines, price.energy_wh, priced_at,
        coalesce((
            select sum(amount) from price_step step
            where step.station_id = price.station_id and step.session_id = price.session_id
                and step.kind = 'credit'
        ), 0) as credited
    from session_price price
    left join tariff on tariff.id = price.tariff_id
"""


async def find(conn: Conn, session_id: int) -> Price | None:
    """None while it is not priced: it runs, or a job has yet to do it."""
    record = await conn.fetchrow(
        f"""
        {_PRICE}
        where price.session_id = $1
            and price.station_id = (select station_id from charging_session where id = $1)
        """,
        session_id,
    )
    return None if record is None else _price(record)


async def find_many(conn: Conn, session_ids: Sequence[int]) -> dict[int, Price]:
    """By session, of those that are priced."""
    records = await conn.fetch(
        f"""
        {_PRICE}
        join charging_session session
            on session.station_id = price.station_id and session.id = price.session_id
        where session.id = any($1::bigint[])
        """,
        session_ids,
    )
    return {record["session_id"]: _price(record) for record in records}


def due(total: Decimal, credited: Decimal) -> Decimal:
    """What is left to pay; `credited` is at most 0, and may be of a time when more was due."""
    return max(total + credited, Decimal(0))


async def credited(conn: Conn, station_id: int, session_id: int) -> Decimal:
    """The sum of a session's credits, at most 0."""
    found: Decimal = await conn.fetchval(
        """
        select coalesce(sum(amount), 0) from price_step
        where station_id = $1 and session_id = $2 and kind = 'credit'
        """,
        station_id,
        session_id,
    )
    return found


async def lock(conn: Conn, station_id: int, session_id: int) -> None:
    """Before a credit or an adjustment: so that each knows of the other."""
    await conn.execute(
        "select from session_price where station_id = $1 and session_id = $2 for update",
        station_id,
        session_id,
    )


async def list_steps(conn: Conn, station_id: int, session_id: int) -> list[Step]:
    """The first one first."""
    records = await conn.fetch(
        """
        select step.id, at, kind, currency, amount, reason, by_account_id, statement_month,
            lines::text as lines, coalesce(account.name, account.email) as by
        from price_step step left join account on account.id = by_account_id
        where station_id = $1 and session_id = $2
        order by step.id
        """,
        station_id,
        session_id,
    )
    return [Step(**{**dict(record), "lines": decode_lines(record["lines"])}) for record in records]


async def add_credit(
    conn: Conn,
    price: Price,
    *,
    account_id: int,
    amount: Decimal,
    reason: str,
    by_account_id: int,
    statement_month: date,
) -> int:
    """The id of its step. `amount` is more than 0, and what it takes from the price."""
    step_id: int = await conn.fetchval(
        """
        insert into price_step (station_id, session_id, account_id, kind, currency, amount, reason,
            by_account_id, statement_month, tariff_id, tariff_version)
        values ($1, $2, $3, 'credit', $4, $5, $6, $7, $8, $9, $10)
        returning id
        """,
        price.station_id,
        price.session_id,
        account_id,
        price.currency,
        -amount,
        reason,
        by_account_id,
        statement_month,
        price.tariff_id,
        price.tariff_version,
    )
    return step_id


def _price(record: asyncpg.Record) -> Price:
    values: dict[str, Any] = dict(record)
    return Price(**values | {"lines": decode_lines(record["lines"])})

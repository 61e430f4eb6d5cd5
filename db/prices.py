"""Prices of sessions: as they are now, and every step that led there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from db.rows import Conn

StepKind = Literal["priced", "repriced", "adjustment", "credit"]


class Line(msgspec.Struct, frozen=True):
    """
    One line of a bill, as a driver reads it.

    `quantity` is in `unit` (kWh, min, or "" for once); `amount` is quantity times unit price,
    rounded as money. The amounts of all lines are the total.
    """

    kind: str  # energy, time, idle, session, minimum, maximum, tax
    label: str
    amount: Decimal
    quantity: Decimal | None = None
    unit: str = ""
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """`total` None: unknown. Credits are not in it: `credited` (at most 0) is their sum."""

    station_id: int
    session_id: int
    tariff_id: int | None
    tariff_version: int | None
    tariff: str | None  # its name
    why: str
    currency: str
    total: Decimal | None
    tax: Decimal | None
    is_included: bool
    lines: list[Line]
    energy_wh: int | None
    priced_at: datetime
    credited: Decimal

    @property
    def due(self) -> Decimal | None:
        return None if self.total is None else self.total + self.credited


@dataclass(frozen=True, slots=True)
class Step:
    id: int
    at: datetime
    kind: StepKind
    currency: str
    amount: Decimal | None
    reason: str
    by_account_id: int | None
    statement_month: date | None
    lines: list[Line]


_LINES = msgspec.json.Decoder(list[Line])
_encode = msgspec.json.Encoder(decimal_format="string").encode


def encode_lines(lines: list[Line]) -> str:
    return _encode(lines).decode()


def decode_lines(text: str) -> list[Line]:
    return _LINES.decode(text)


async def find(conn: Conn, session_id: int) -> Price | None:
    """None while it is not priced: it runs, or a job has yet to do it."""
    record = await conn.fetchrow(
        """
        select price.station_id, price.session_id, price.tariff_id, tariff_version,
            tariff.name as tariff, why, currency, total, tax, is_included, lines::text as lines,
            energy_wh, priced_at,
            coalesce((
                select sum(amount) from price_step step
                where step.station_id = price.station_id and step.session_id = price.session_id
                    and step.kind = 'credit'
            ), 0) as credited
        from session_price price left join tariff on tariff.id = price.tariff_id
        where price.session_id = $1
            and price.station_id = (select station_id from charging_session where id = $1)
        """,
        session_id,
    )
    if record is None:
        return None
    return Price(**{**dict(record), "lines": decode_lines(record["lines"])})


async def list_steps(conn: Conn, station_id: int, session_id: int) -> list[Step]:
    """The first one first."""
    records = await conn.fetch(
        """
        select id, at, kind, currency, amount, reason, by_account_id, statement_month,
            lines::text as lines
        from price_step where station_id = $1 and session_id = $2
        order by id
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

"""The price that a session has: what the job that prices sessions finds, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from db.prices import StepKind
from db.pricing import Facts
from db.rows import Conn, columns


@dataclass(frozen=True, slots=True)
class Saved:
    """A row of `session_price`. From `settled_at` on each change of the total is an adjustment."""

    session_id: int
    account_id: int | None
    tariff_id: int | None
    tariff_version: int | None
    why: str
    currency: str
    total: Decimal | None
    tax: Decimal | None
    is_included: bool
    lines: str  # JSON
    energy_wh: int | None
    month: date
    used_before_wh: int
    settle_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """The price that a session has; `terms` are those of its tariff's version."""

    saved: Saved
    terms: str | None


async def list_known(conn: Conn, sessions: Sequence[Facts]) -> dict[int, Known]:
    """By session, of those that have a price."""
    records = await conn.fetch(
        f"""
        select {columns(Saved, "price.").replace("price.lines", "price.lines::text as lines")},
            version.terms::text as terms
        from unnest($1::bigint[], $2::bigint[]) as session (station_id, session_id)
        join session_price price using (station_id, session_id)
        left join tariff_version version
            on version.tariff_id = price.tariff_id and version.version = price.tariff_version
        """,
        [facts.station_id for facts in sessions],
        [facts.session_id for facts in sessions],
    )
    found = {}
    for record in records:
        values = dict(record)
        terms = values.pop("terms")
        found[record["session_id"]] = Known(Saved(**values), terms)
    return found


async def save(conn: Conn, station_id: int, saved: Saved) -> None:
    names = columns(Saved)
    places = ", ".join(f"${n}" for n in range(2, len(fields(Saved)) + 2))
    moved = ", ".join(f"{f.name} = excluded.{f.name}" for f in fields(Saved)[1:])
    await conn.execute(
        f"""
        insert into session_price (station_id, {names}) values ($1, {places})
        on conflict (station_id, session_id) do update set {moved}, priced_at = now()
        """,
        station_id,
        *astuple(saved),
    )


async def add_step(
    conn: Conn,
    station_id: int,
    saved: Saved,
    *,
    kind: StepKind,
    amount: Decimal | None,
    tax: Decimal | None,
    reason: str,
    lines: str,
    statement_month: date | None = None,
) -> None:
    await conn.execute(
        """
        insert into price_step (station_id, session_id, account_id, kind, currency, amount, tax,
            reason, statement_month, tariff_id, tariff_version, lines)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        station_id,
        saved.session_id,
        saved.account_id,
        kind,
        saved.currency,
        amount,
        tax,
        reason,
        statement_month,
        saved.tariff_id,
        saved.tariff_version,
        lines,
    )


async def record_priced(
    conn: Conn, station_id: int, session_id: int, *, told_at: datetime | None
) -> None:
    """`told_at`: the driver was told now. Moves no `updated_at`: it is the charger's."""
    await conn.execute(
        """
        update charging_session
        set is_price_due = false, summary_sent_at = coalesce(summary_sent_at, $3)
        where station_id = $1 and id = $2
        """,
        station_id,
        session_id,
        told_at,
    )

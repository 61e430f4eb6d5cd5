"""Disputes: a driver says that a figure of a session is wrong, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import asyncpg
import msgspec

from db.errors import Conflict
from db.rows import Conn

Figure = Literal["kwh", "duration", "cost", "charger"]
State = Literal["open", "acknowledged", "answered", "closed"]
EntryKind = Literal["opened", "acknowledged", "answer", "credit", "closed"]


class Seen(msgspec.Struct, frozen=True):
    """The figures of a session as the driver's page showed them when it was disputed."""

    energy_wh: int | None
    took_s: int | None
    currency: str
    total: Decimal | None  # None: the cost was unknown
    is_estimate: bool
    is_included: bool
    public_id: str
    charger: str
    connector: str | None
    max_power_w: int | None

    @property
    def took(self) -> timedelta | None:
        return None if self.took_s is None else timedelta(seconds=self.took_s)

    @property
    def average_w(self) -> Decimal | None:
        """Total kWh by hours; None when one of them is not known, or nothing of time passed."""
        if self.energy_wh is None or not self.took_s or self.took_s < 0:
            return None
        return Decimal(self.energy_wh) * 3600 / self.took_s


@dataclass(frozen=True, slots=True)
class Dispute:
    id: int
    station_id: int
    session_id: int
    account_id: int
    figure: Figure
    expected: str
    why: str
    seen: Seen
    marked: list[datetime]
    state: State
    created_at: datetime
    updated_at: datetime

    @property
    def is_closed(self) -> bool:
        return self.state == "closed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One step. `amount` (less than 0), `currency` and `statement_month` are of a credit."""

    id: int
    dispute_id: int
    at: datetime
    kind: EntryKind
    body: str
    by: str | None
    amount: Decimal | None
    currency: str | None
    statement_month: date | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the admin's queue; `zone` is of the session's site."""

    id: int
    number: int
    driver: str
    charger: str
    zone: str
    figure: Figure
    state: State
    created_at: datetime
    updated_at: datetime


_DISPUTE = """
    id, station_id, session_id, account_id, figure, expected, why, seen::text as seen, marked,
    state, created_at, updated_at
"""
_SEEN = msgspec.json.Decoder(Seen)


async def add(
    conn: Conn,
    *,
    station_id: int,
    session_id: int,
    account_id: int,
    figure: Figure,
    expected: str,
    why: str,
    seen: Seen,
    marked: Sequence[datetime],
) -> Dispute:
    """With its first entry. Raises Conflict while the session has one that is not closed."""
    record = await conn.fetchrow(
        f"""
        insert into dispute
            (station_id, session_id, account_id, figure, expected, why, seen, marked)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (station_id, session_id) where state <> 'closed' do nothing
        returning {_DISPUTE}
        """,
        station_id,
        session_id,
        account_id,
        figure,
        expected,
        why,
        msgspec.json.encode(seen).decode(),
        list(marked),
    )
    if record is None:
        raise Conflict("the session has an open dispute")
    made = _dispute(record)
    await _add_entry(conn, made.id, "opened", by_account_id=account_id)
    return made


async def find(conn: Conn, id: int) -> Dispute | None:
    record = await conn.fetchrow(f"select {_DISPUTE} from dispute where id = $1", id)
    return _dispute(record) if record else None


async def lock(conn: Conn, id: int) -> Dispute | None:
    """Before it is moved on: who else wants to waits, and then sees that it moved."""
    record = await conn.fetchrow(f"select {_DISPUTE} from dispute where id = $1 for update", id)
    return _dispute(record) if record else None


async def list_of_session(conn: Conn, station_id: int, session_id: int) -> list[Dispute]:
    """The newest first; one at most is not closed, and then it is this one."""
    records = await conn.fetch(
        f"""
        select {_DISPUTE} from dispute where station_id = $1 and session_id = $2
        order by id desc limit 50
        """,
        station_id,
        session_id,
    )
    return [_dispute(record) for record in records]


async def list_entries(conn: Conn, dispute_ids: Sequence[int]) -> dict[int, list[Entry]]:
    """Of each dispute, in the order in which they were made."""
    records = await conn.fetch(
        """
        select entry.id, dispute_id, entry.at, entry.kind, body,
            coalesce(account.name, account.email) as by,
            step.amount, step.currency, step.statement_month
        from dispute_entry entry
        left join account on account.id = entry.by_account_id
        left join price_step step on step.id = entry.price_step_id
        where dispute_id = any($1::bigint[])
        order by entry.id
        """,
        list(dispute_ids),
    )
    found: dict[int, list[Entry]] = {id: [] for id in dispute_ids}
    for record in records:
        found[record["dispute_id"]].append(Entry(**record))
    return found


async def last_entry(conn: Conn, dispute_id: int) -> int:
    """Its id: who decided by an older one did not see all."""
    last: int = await conn.fetchval(
        "select max(id) from dispute_entry where dispute_id = $1", dispute_id
    )
    return last


async def move(
    conn: Conn,
    dispute: Dispute,
    kind: EntryKind,
    *,
    state: State,
    by_account_id: int,
    body: str = "",
    price_step_id: int | None = None,
) -> None:
    """One step on. The caller holds its lock."""
    await _add_entry(
        conn, dispute.id, kind, by_account_id=by_account_id, body=body, price_step_id=price_step_id
    )
    await conn.execute(
        "update dispute set state = $2, updated_at = now() where id = $1", dispute.id, state
    )


async def list_queue(
    conn: Conn, *, states: Sequence[State], zone: str, limit: int, before: int | None = None
) -> list[Row]:
    """
    What waits: open ones first, and of those the one that waits the longest. What is closed: the
    newest first, on from `before`.
    """
    is_closed = list(states) == ["closed"]
    order = "d.id desc" if is_closed else "d.state, d.id"
    records = await conn.fetch(
        f"""
        select d.id, d.session_id as number, coalesce(account.name, account.email) as driver,
            coalesce(station.name, station.identity) as charger, coalesce(site.zone, $2) as zone,
            d.figure, d.state, d.created_at, d.updated_at
        from dispute d
        join account on account.id = d.account_id
        join station on station.id = d.station_id
        left join site on site.id = station.site_id
        where d.state = any($1::dispute_state[]) and ($3::bigint is null or d.id < $3)
        order by {order} limit $4
        """,
        list(states),
        zone,
        before,
        limit,
    )
    return [Row(**record) for record in records]


async def counts(conn: Conn) -> dict[State, int]:
    """How many there are in each state but closed."""
    records = await conn.fetch(
        "select state, count(*) as disputes from dispute where state <> 'closed' group by state"
    )
    return {record["state"]: record["disputes"] for record in records}


async def _add_entry(
    conn: Conn,
    dispute_id: int,
    kind: EntryKind,
    *,
    by_account_id: int,
    body: str = "",
    price_step_id: int | None = None,
) -> None:
    await conn.execute(
        """
        insert into dispute_entry (dispute_id, at, kind, by_account_id, body, price_step_id)
        values ($1, clock_timestamp(), $2, $3, $4, $5)
        """,
        dispute_id,
        kind,
        by_account_id,
        body,
        price_step_id,
    )


def _dispute(record: asyncpg.Record) -> Dispute:
    values: dict[str, Any] = dict(record)
    return Dispute(**{**values, "seen": _SEEN.decode(values["seen"])})

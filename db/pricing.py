"""What prices are made of: which sessions are due, what they took, and whom to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from db.rows import Conn, many

_LOCK = 6
_SLACK = timedelta(minutes=1)  # of a session's times: registers beyond it are not its own
_TRANSACTION = timedelta(seconds=30)  # what was assigned so long ago is committed


@dataclass(frozen=True, slots=True)
class Facts:
    """What a session's price hangs on; `ended_at` is None while it runs."""

    station_id: int
    session_id: int
    account_id: int | None
    site_id: int | None
    zone: str | None  # of the site
    site_currency: str | None
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | Decimal | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    max_power_w: int | None
    flags: list[str]
    authorization_status: str | None  # of the card that began it


@dataclass(frozen=True, slots=True)
class Driver:
    """Whom to tell."""

    session_id: int
    email: str
    name: str | None
    is_mail_wanted: bool
    charger: str
    site: str | None
    summary_sent_at: datetime | None


_FACTS = """
    session.station_id, session.id as session_id, session.account_id, station.site_id, site.zone,
    site.currency as site_currency, session.started_at, {figures}, session.meter_start_wh,
    session.meter_stop_wh, connector.max_power_w, session.flags, session.authorization_status
    from charging_session session
    join station on station.id = session.station_id
    left join site on site.id = station.site_id
    left join connector on connector.station_id = session.station_id
        and connector.evse = session.evse and connector.connector = coalesce(session.connector, 1)
"""


async def mark_waiting(conn: Conn, *, now: datetime, most: int) -> None:
    """
    Have priced again what has no price yet: where the driver has waited long enough to be told so,
    and where there was no tariff, and something was assigned since.
    """
    await conn.execute(
        """
        with waiting as (
            (select station_id, session_id from session_price
             where settle_at <= $1 and settled_at is null limit $2)
            union
            (select station_id, session_id from session_price
             where tariff_id is null and priced_at < $3::interval
                + (select max(since) from tariff_assignment where target_id is not null)
                and priced_at < $1 - interval '1 second'
             order by priced_at limit $2)
        )
        update charging_session session set is_price_due = true
        from waiting
        where session.station_id = waiting.station_id and session.id = waiting.session_id
            and not session.is_price_due
        """,
        now,
        most,
        _TRANSACTION,
    )


async def take_due(conn: Conn, *, most: int) -> list[Facts]:
    """
    Finished sessions to be priced, the first to end first, locked until the transaction ends.

    Nobody waits: what somebody else holds comes next time.
    """
    return await many(
        conn,
        Facts,
        f"""
        with due as materialized (
            select station_id, id from charging_session
            where is_price_due and is_finalized
            order by ended_at, id limit $1
            for no key update skip locked
        )
        select {_FACTS.format(figures="session.ended_at, session.energy_wh")}
        where (session.station_id, session.id) in (select station_id, id from due)
        order by session.ended_at, session.id
        """,
        most,
    )


async def list_running(conn: Conn, session_ids: Sequence[int]) -> list[Facts]:
    """Those of them that run, with what they have taken by now."""
    return await many(
        conn,
        Facts,
        f"""
        select {_FACTS.format(figures="null::timestamptz as ended_at, live.energy_wh")}
        join session_live live
            on live.station_id = session.station_id and live.session_id = session.id
        where session.id = any($1::bigint[]) and not session.is_finalized
        """,
        session_ids,
    )


async def list_registers(
    conn: Conn, sessions: Sequence[Facts], *, until: datetime, most_each: int
) -> dict[int, list[tuple[datetime, int]]]:
    """
    (charger's time, register in Wh) by session; the last ones, where there are more.

    `until`: of sessions that run.
    """
    if not sessions:
        return {}
    records = await conn.fetch(
        """
        select session_id, reading.at, reading.energy_wh
        from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
            as session (station_id, session_id, since, until)
        cross join lateral (
            select r.at, r.energy_wh from reading r
            where r.station_id = session.station_id and r.session_id = session.session_id
                and r.at between session.since and session.until and r.energy_wh is not null
            order by r.at desc limit $5
        ) reading
        """,
        [facts.station_id for facts in sessions],
        [facts.session_id for facts in sessions],
        [facts.started_at - _SLACK for facts in sessions],
        [(facts.ended_at or until) + _SLACK for facts in sessions],
        most_each,
    )
    found: dict[int, list[tuple[datetime, int]]] = {facts.session_id: [] for facts in sessions}
    for record in records:
        found[record[0]].append((record[1], record[2]))
    return found


async def list_drivers(conn: Conn, sessions: Sequence[Facts]) -> dict[int, Driver]:
    """By session, of those that have an account."""
    found = await many(
        conn,
        Driver,
        """
        select session.id as session_id, account.email, account.name, is_mail_wanted,
            coalesce(station.name, station.identity) as charger, site.name as site, summary_sent_at
        from charging_session session
        join account on account.id = session.account_id
        join station on station.id = session.station_id
        left join site on site.id = station.site_id
        where (session.station_id, session.id) in (
            select * from unnest($1::bigint[], $2::bigint[])
        )
        """,
        [facts.station_id for facts in sessions],
        [facts.session_id for facts in sessions],
    )
    return {driver.session_id: driver for driver in found}


async def lock_account(conn: Conn, account_id: int) -> None:
    """Who takes of an account's tiers takes turns, until the transaction ends."""
    await conn.execute(
        "select pg_advisory_xact_lock($1, ($2 % 2147483647)::int)", _LOCK, account_id
    )


async def used_wh(conn: Conn, account_id: int, month: date, *, but: int | None = None) -> int:
    """What an account's priced sessions of a month have taken, without one of them, in Wh."""
    used = await list_used_wh(conn, [(account_id, month)], but=but)
    return used.get((account_id, month), 0)


async def list_used_wh(
    conn: Conn, months: Sequence[tuple[int, date]], *, but: int | None = None
) -> dict[tuple[int, date], int]:
    """By account and month, of those that have any. What had no tariff took no place in tiers."""
    records = await conn.fetch(
        """
        select account_id, month, coalesce(sum(energy_wh), 0)::bigint as wh from session_price
        where (account_id, month) in (select * from unnest($1::bigint[], $2::date[]))
            and session_id is distinct from $3 and tariff_id is not null
        group by account_id, month
        """,
        [account_id for account_id, _ in months],
        [month for _, month in months],
        but,
    )
    return {(record["account_id"], record["month"]): record["wh"] for record in records}

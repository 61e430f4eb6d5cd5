"""Readings, and the hourly roll-up of energy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from db.arrays import Table
from db.model.readings import Moment, Reading, decode_samples
from db.rows import Conn, many

READINGS = Table(  # as the fields of Reading
    station_id="bigint",
    at="time",
    fingerprint="bytea",
    received_at="time",
    said_at="text",
    session_id="bigint",
    evse="int",
    connector="int",
    transaction_id="text",
    context="text",
    energy_wh="bigint",
    power_w="int",
    soc_pct="numeric",
    samples="bytea",
    flags="words",
)

# A charger whose clock is unset repeats itself within this time, or not at all.
REPEAT_WINDOW = timedelta(days=2)

# How far from a session's times its readings may lie: clocks that jumped, ends that were guessed.
_SLACK = timedelta(days=2)

# Flags of readings whose `at` is the time of receipt, for want of a better one.
_UNTIMED = {"clock_unset", "clock_missing", "clock_unreadable"}


async def add_many(conn: Conn, readings: Sequence[Reading]) -> set[tuple[int, bytes]]:
    """Keep what is new, and say what that was: (station_id, fingerprint)."""
    rows = {(reading.station_id, reading.fingerprint): reading for reading in readings}
    timed: list[Reading] = []
    untimed: list[Reading] = []
    for reading in rows.values():
        is_timed = not reading.flags or _UNTIMED.isdisjoint(reading.flags.split())
        (timed if is_timed else untimed).append(reading)
    repeated = await _add(conn, timed) if timed else set()
    if untimed:
        # A repeat comes at another time of receipt: it is known by its fingerprint alone.
        repeated |= await _add(
            conn,
            untimed,
            f"""
            where not exists (
                select from reading old
                where old.station_id = new.station_id and old.fingerprint = new.fingerprint
                    and old.at between new.at - interval '{REPEAT_WINDOW.days} days' and new.at
            )
            """,
        )
    return rows.keys() - repeated


async def _add(conn: Conn, readings: list[Reading], where: str = "") -> set[tuple[int, bytes]]:
    """Those that were there already. `readings` have one fingerprint each."""
    records = await conn.fetch(
        f"""
        with new as materialized (
            {READINGS.select()}
        ), added as (
            insert into reading ({READINGS.names})
            select {READINGS.names} from new {where}
            on conflict do nothing
            returning station_id, fingerprint
        )
        select station_id, fingerprint from new
        where not exists (
            select from added
            where added.station_id = new.station_id and added.fingerprint = new.fingerprint
        )
        """,
        *READINGS.parameters(readings),
    )
    return {(record[0], record[1]) for record in records}


async def list_moments(
    conn: Conn, station_id: int, session_id: int, *, started_at: datetime, ended_at: datetime
) -> list[Moment]:
    """The whole series of one session, in the order of the charger's clock."""
    records = await conn.fetch(
        """
        select at, samples from reading
        where station_id = $1 and session_id = $2 and at between $3 and $4
        order by at, received_at
        """,
        station_id,
        session_id,
        started_at - _SLACK,
        ended_at + _SLACK,
    )
    return [Moment(record["at"], decode_samples(record["samples"])) for record in records]


async def find_last(
    conn: Conn,
    station_id: int,
    session_id: int,
    *,
    since: datetime,
    until: datetime,
    is_named: bool,
) -> datetime | None:
    """
    Up to when a session was read, but not beyond `until`; `is_named`: by what names it alone.

    What names it tells that it went on, though it may be of a later time.
    """
    last: datetime | None = await conn.fetchval(
        """
        select max(least(at, $4)) from reading
        where station_id = $1 and session_id = $2 and at >= $3
            and (transaction_id is not null or (at <= $4 and not $5))
        """,
        station_id,
        session_id,
        since,
        until,
        is_named,
    )
    return last


async def attach(
    conn: Conn,
    station_id: int,
    *,
    evse: int,
    session_id: int,
    started_at: datetime,
    since: datetime,
    until: datetime,
) -> tuple[int, list[int]]:
    """
    Give a session the readings of its EVSE and time that came before it was known.

    Not those that name a transaction which nobody knows (digest 3.7). What came from its start on
    may have been taken for the end of the session before it. (How many, of which sessions.)
    """
    row = await conn.fetchrow(
        """
        with taken as materialized (
            select r.at, r.fingerprint, r.session_id from reading r
            left join charging_session s
                on s.station_id = r.station_id and s.id = r.session_id and s.id <> $3
            where r.station_id = $1 and r.evse = $2 and r.transaction_id is null
                and r.at between $4 and $5
                and (r.session_id is null or (r.at >= $6 and s.started_at < $6))
        ), moved as (
            update reading r set session_id = $3 from taken
            where r.station_id = $1 and r.at between $4 and $5
                and r.at = taken.at and r.fingerprint = taken.fingerprint
        )
        select count(*) as count,
            coalesce(array_agg(distinct session_id) filter (where session_id is not null), '{}')
                as session_ids
        from taken
        """,
        station_id,
        evse,
        session_id,
        since,
        until,
        started_at,
    )
    assert row is not None  # an aggregate
    return row["count"], row["session_ids"]


async def move(
    conn: Conn,
    station_id: int,
    *,
    received_at: datetime,
    since: datetime,
    until: datetime,
    session_id: int,
) -> tuple[int, set[int]]:
    """
    Give a session the readings that one message brought, of times from `since` to `until`.

    How many of that message are kept, and the sessions that lose some.
    """
    records = await conn.fetch(
        """
        with found as (
            select at, fingerprint, session_id from reading
            where station_id = $1 and at between $3 and $4 and received_at = $2
        ), moved as (
            update reading set session_id = $5
            from found
            where reading.station_id = $1 and reading.at = found.at
                and reading.fingerprint = found.fingerprint
        )
        select session_id from found
        """,
        station_id,
        received_at,
        since,
        until,
        session_id,
    )
    losers = {record["session_id"] for record in records} - {None, session_id}
    return len(records), losers


async def add_energy(conn: Conn, increments: Iterable[tuple[int, datetime, Decimal]]) -> None:
    """Add (station_id, hour of arrival, Wh) to the hourly roll-up."""
    sums: dict[tuple[int, datetime], Decimal] = {}
    for station_id, at, energy_wh in increments:
        key = station_id, at.replace(minute=0, second=0, microsecond=0)
        sums[key] = sums.get(key, Decimal(0)) + energy_wh
    keys = sorted(key for key, energy_wh in sums.items() if energy_wh)
    if not keys:
        return
    await conn.execute(
        """
        insert into energy_hourly (station_id, hour, energy_wh)
        select * from unnest($1::bigint[], $2::timestamptz[], $3::numeric[])
        on conflict (station_id, hour) do update
        set energy_wh = energy_hourly.energy_wh + excluded.energy_wh
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [sums[key] for key in keys],
    )


# A row as it is written has its flags in one text; so it has when it is read.
_AS_WRITTEN = ", ".join(
    "array_to_string(flags, ' ') as flags" if name == "flags" else name for name in Reading._fields
)

# Where a list of readings goes on: (at, received_at, fingerprint) of the last one shown.
Place = tuple[datetime, datetime, bytes]


async def list_page(
    conn: Conn,
    station_id: int,
    session_id: int,
    *,
    started_at: datetime,
    until: datetime,
    after: Place | None,
    limit: int,
) -> list[Reading]:
    """Readings of one session in the order of the charger's clock, from the first past `after`."""
    return await many(
        conn,
        Reading,
        f"""
        select {_AS_WRITTEN} from reading
        where station_id = $1 and session_id = $2 and at between $3 and $4
            and ($5::timestamptz is null or (at, received_at, fingerprint) > ($5, $6, $7))
        order by at, received_at, fingerprint
        limit $8
        """,
        station_id,
        session_id,
        max(started_at - _SLACK, after[0]) if after else started_at - _SLACK,
        until + _SLACK,
        *(after or (None, None, None)),
        limit,
    )


async def register_until(
    conn: Conn, station_id: int, session_id: int, *, started_at: datetime, place: Place
) -> int | None:
    """The last register that one session's readings said up to and with `place`."""
    register_wh: int | None = await conn.fetchval(
        """
        select energy_wh from reading
        where station_id = $1 and session_id = $2 and at between $3 and $4
            and (at, received_at, fingerprint) <= ($4, $5, $6) and energy_wh is not null
        order by at desc, received_at desc, fingerprint desc
        limit 1
        """,
        station_id,
        session_id,
        started_at - _SLACK,
        *place,
    )
    return register_wh


async def list_last_times(
    conn: Conn, station_id: int, *, limit: int
) -> list[tuple[str | None, datetime]]:
    """(the time as the station said it, time of receipt) of its latest readings, of two days."""
    records = await conn.fetch(
        """
        select said_at, received_at from reading
        where station_id = $1 and at > now() - interval '2 days'
        order by at desc
        limit $2
        """,
        station_id,
        limit,
    )
    return [(record["said_at"], record["received_at"]) for record in records]

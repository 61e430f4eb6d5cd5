"""Sessions: found, opened and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import datetime, timedelta

from db.model.sessions import Family, Session
from db.rows import Conn, columns, many, maybe, one

SESSION = columns(Session)

_SESSION_FIELDS = [field.name for field in fields(Session)]
_INSERT = f"""
    insert into charging_session ({SESSION})
    values ({", ".join(f"${n}" for n in range(1, len(_SESSION_FIELDS) + 1))})
"""
_SET = ", ".join(
    f"{name} = " + (f"greatest(updated_at, ${n})" if name == "updated_at" else f"${n}")
    for n, name in enumerate(_SESSION_FIELDS, 1)
    if n > 2
)
_UPDATE = f"update charging_session set {_SET} where station_id = $1 and id = $2"


async def lock_station(conn: Conn, station_id: int) -> None:
    """
    One transaction at a time decides over a station's sessions, whichever process it runs in.

    Its live rows are taken at once, before any other row: ingest does the same, so that the two
    cannot deadlock.
    """
    await conn.execute("select pg_advisory_xact_lock(1, $1::bigint::int)", station_id)
    await _lock_lives(conn, station_id)


async def try_lock_station(conn: Conn, station_id: int) -> bool:
    """The same for who may come again later: False, at once, while somebody decides."""
    locked: bool = await conn.fetchval(
        "select pg_try_advisory_xact_lock(1, $1::bigint::int)", station_id
    )
    if locked:
        await _lock_lives(conn, station_id)
    return locked


async def _lock_lives(conn: Conn, station_id: int) -> None:
    await conn.execute(
        "select from session_live where station_id = $1 order by session_id for update", station_id
    )


async def next_number(conn: Conn) -> int:
    number: int = await conn.fetchval("select nextval('charging_session_number')")
    return number


async def add(conn: Conn, session: Session) -> None:
    await conn.execute(_INSERT, *astuple(session))


async def save(conn: Conn, session: Session) -> None:
    """Write a session as the rules made it; the caller holds the station's lock."""
    await conn.execute(_UPDATE, *astuple(session))


async def get(conn: Conn, session_id: int) -> Session:
    return await one(
        conn, Session, f"select {SESSION} from charging_session where id = $1", session_id
    )


async def find_by_start(conn: Conn, station_id: int, start_key: bytes) -> Session | None:
    return await maybe(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and start_key = $2
        order by generation desc limit 1
        for no key update
        """,
        station_id,
        start_key,
    )


async def find_by_stop(conn: Conn, station_id: int, stop_key: bytes) -> Session | None:
    return await maybe(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and stop_key = $2
        for no key update
        """,
        station_id,
        stop_key,
    )


async def find_by_transaction(
    conn: Conn, station_id: int, family: Family, transaction_id: str
) -> Session | None:
    return await maybe(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and family = $2 and transaction_id = $3
        order by generation desc limit 1
        for no key update
        """,
        station_id,
        family,
        transaction_id,
    )


async def list_generations(
    conn: Conn, station_id: int, family: Family, transaction_id: str
) -> list[Session]:
    """All sessions that a station gave one number, the first one first."""
    return await many(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and family = $2 and transaction_id = $3
        order by generation
        for no key update
        """,
        station_id,
        family,
        transaction_id,
    )


async def find_open(conn: Conn, station_id: int, evse: int) -> Session | None:
    return await maybe(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and evse = $2 and not is_finalized
        """,
        station_id,
        evse,
    )


async def list_open(conn: Conn, station_id: int) -> list[Session]:
    return await many(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and not is_finalized
        order by started_at
        """,
        station_id,
    )


async def list_without_end(
    conn: Conn, station_id: int, family: Family, *, at: datetime
) -> list[Session]:
    """
    Sessions that an end said of `at` may be of: those that run, and those that a rule ended unless
    another one began on their EVSE in between. The latest first.
    """
    return await many(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session s
        where station_id = $1 and family = $2 and started_at <= $3
            and (not is_finalized or is_end_inferred)
            and (not is_finalized or not exists (
                select from charging_session later
                where later.station_id = s.station_id and later.evse = s.evse
                    and later.started_at > s.started_at and later.started_at <= $3
            ))
        order by started_at desc, id desc
        for no key update
        """,
        station_id,
        family,
        at,
    )


async def list_around(
    conn: Conn, station_id: int, *, evse: int, at: datetime, slack: timedelta
) -> list[Session]:
    """
    Ended sessions of an EVSE into whose time `at` falls, the latest first.

    That of one whose end was never said is until the next start, if this was known when it ended.
    """
    return await many(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session s
        where station_id = $1 and evse = $2 and is_finalized and started_at <= $3
            and (ended_at >= $4 or (
                is_end_inferred and not flags @> '{{guessed_end}}'
                and (
                    select later.started_at >= $3 and later.start_received_at <= s.end_received_at
                    from charging_session later
                    where later.station_id = $1 and later.evse = $2
                        and later.started_at > s.started_at
                    order by later.started_at limit 1
                )
            ))
        order by started_at desc limit 5
        """,
        station_id,
        evse,
        at,
        at - slack,
    )


async def find_next(conn: Conn, session: Session) -> Session | None:
    """The session that began after this one on its EVSE."""
    return await maybe(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and evse = $2 and started_at > $3
        order by started_at limit 1
        """,
        session.station_id,
        session.evse,
        session.started_at,
    )


async def has_other_open(
    conn: Conn, id_token: str, *, session_id: int | None, ghost_id: int | None = None
) -> bool:
    """Whether a card has another open session than this one, and the one that it is to end."""
    found: bool = await conn.fetchval(
        """
        select exists (
            select from charging_session
            where not is_finalized and lower(id_token) = lower($1)
                and id is distinct from $2 and id is distinct from $3
        )
        """,
        id_token,
        session_id,
        ghost_id,
    )
    return found


async def list_by_transactions(
    conn: Conn, keys: Sequence[tuple[int, Family, str]]
) -> dict[tuple[int, str, str], Session]:
    """The latest generation of each (station, family, transaction_id) that exists."""
    found = await many(
        conn,
        Session,
        f"""
        select distinct on (station_id, family, transaction_id) {columns(Session, "s.")}
        from charging_session s
        join unnest($1::bigint[], $2::ocpp_family[], $3::text[]) as k (station, fam, tx)
            on s.station_id = k.station and s.family = k.fam and s.transaction_id = k.tx
        order by station_id, family, transaction_id, generation desc
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
    )
    return {(row.station_id, row.family, row.transaction_id): row for row in found}


async def list_given(conn: Conn, numbers: Sequence[int]) -> set[str]:
    """Of these transactions of 1.6, which are numbers that we give, those that some station has."""
    rows = await conn.fetch(
        """
        select transaction_id from charging_session
        where id = any($1::bigint[]) and family = 'v16'
        """,
        numbers,
    )
    return {row["transaction_id"] for row in rows}


async def lock(conn: Conn, station_id: int, session_id: int) -> None:
    """Before its readings are read: who marks it meanwhile does so after what is made of them."""
    await conn.execute(
        """
        select from charging_session where station_id = $1 and id = $2 for no key update
        """,
        station_id,
        session_id,
    )


async def mark_recompute(conn: Conn, keys: Sequence[tuple[int, int]]) -> None:
    """
    Something out of the ordinary was measured: the whole series is to be read again.

    Of a session that is over it is news (decision 15); one that runs has its live row for that.
    """
    await conn.execute(
        """
        with marked as (
            select s.station_id, s.id, s.is_recompute_due, s.is_finalized
            from charging_session s
            join unnest($1::bigint[], $2::bigint[]) as k (station, number)
                on s.station_id = k.station and s.id = k.number
            order by s.station_id, s.id
            for no key update of s
        )
        update charging_session s
        set is_recompute_due = true,
            updated_at = case
                when marked.is_finalized then greatest(s.updated_at, now()) else s.updated_at
            end
        from marked
        where s.station_id = marked.station_id and s.id = marked.id
            and (marked.is_finalized or not marked.is_recompute_due)
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
    )


async def give_away(
    conn: Conn, station_id: int, numbers: Sequence[int], *, since: datetime, until: datetime
) -> None:
    """
    Their readings of that time are another session's: to be read again.

    What was first among those is not lost, what came late among those is not theirs, and nor is
    an end that was made up from them.
    """
    await conn.execute(
        """
        update charging_session session
        set flags = array_remove(flags, 'late_reading'),
            read_from = case when read_from between $3 and $4 then null else read_from end,
            ended_at = case
                when is_end_inferred and not flags @> '{guessed_end}' and ended_at >= $3 then
                    coalesce((
                        select max(at) from reading
                        where station_id = $1 and session_id = session.id
                            and at between session.started_at and session.ended_at
                    ), started_at)
                else ended_at
            end
        where station_id = $1 and id = any($2)
        """,
        station_id,
        numbers,
        since,
        until,
    )
    await mark_recompute(conn, [(station_id, number) for number in numbers])


async def list_recompute_due(conn: Conn, limit: int) -> list[tuple[int, int]]:
    """In no order, so that some that cannot be done do not stand before the others for ever."""
    records = await conn.fetch(
        """
        select station_id, id from charging_session
        where is_recompute_due
        order by random()
        limit $1
        """,
        limit,
    )
    return [(record["station_id"], record["id"]) for record in records]

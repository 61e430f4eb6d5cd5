"""Sessions, and the live figures of those that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from db.errors import NotFound
from db.model.sessions import Family, Session, SessionLive
from db.rows import Conn, columns, many, maybe, one, typed

SESSION = columns(Session)
LIVE = columns(SessionLive)
_LIVE_L = columns(SessionLive, "live.")

_SESSION_FIELDS = [field.name for field in fields(Session)]
_INSERT = f"""
    insert into charging_session ({SESSION})
    values ({", ".join(f"${n}" for n in range(1, len(_SESSION_FIELDS) + 1))})
"""
_UPDATE = f"""
    update charging_session
    set {", ".join(f"{name} = ${n}" for n, name in enumerate(_SESSION_FIELDS, 1) if n > 2)}
    where station_id = $1 and id = $2
"""


async def lock_station(conn: Conn, station_id: int) -> None:
    """One transaction at a time decides over a station's sessions, whichever process it runs in."""
    await conn.execute("select pg_advisory_xact_lock(1, $1::bigint::int)", station_id)


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
        """,
        station_id,
        start_key,
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


async def list_around(
    conn: Conn, station_id: int, *, evse: int, at: datetime, slack: timedelta
) -> list[Session]:
    """Ended sessions of an EVSE into whose time `at` falls, the latest first."""
    return await many(
        conn,
        Session,
        f"""
        select {SESSION} from charging_session
        where station_id = $1 and evse = $2 and is_finalized
            and started_at <= $3 and ended_at >= $4
        order by started_at desc limit 5
        """,
        station_id,
        evse,
        at,
        at - slack,
    )


async def has_other_open(conn: Conn, id_token: str, *, session_id: int | None) -> bool:
    found: bool = await conn.fetchval(
        """
        select exists (
            select from charging_session
            where not is_finalized and lower(id_token) = lower($1) and id is distinct from $2
        )
        """,
        id_token,
        session_id,
    )
    return found


async def add_live(conn: Conn, live: SessionLive) -> None:
    await conn.execute(
        f"""
        insert into session_live ({LIVE})
        values ({", ".join(f"${n}" for n in range(1, len(fields(SessionLive)) + 1))})
        """,
        *astuple(live),
    )


async def find_live(conn: Conn, station_id: int, session_id: int) -> SessionLive | None:
    """Locked, so that ingest and a handler take turns."""
    return await maybe(
        conn,
        SessionLive,
        f"""
        select {LIVE} from session_live
        where station_id = $1 and session_id = $2
        for update
        """,
        station_id,
        session_id,
    )


async def list_live(conn: Conn, station_ids: Sequence[int]) -> list[SessionLive]:
    """All running sessions of some stations, locked in one order."""
    return typed(
        SessionLive,
        await conn.fetch(
            f"""
            select {LIVE} from session_live
            where station_id = any($1::bigint[])
            order by station_id, session_id
            for update
            """,
            station_ids,
        ),
    )


async def save_lives(conn: Conn, lives: Sequence[SessionLive]) -> None:
    """What readings move: everything but what the session is keyed and bounded by."""
    await conn.execute(
        """
        update session_live live
        set evse = new.evse, series = new.series, register_wh = new.register_wh,
            register_at = new.register_at, energy_wh = new.energy_wh, power_w = new.power_w,
            soc_pct = new.soc_pct, charging_state = new.charging_state, updated_at = new.updated_at
        from unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[], $5::numeric[],
            $6::timestamptz[], $7::numeric[], $8::int[], $9::numeric[], $10::text[],
            $11::timestamptz[])
            as new (station_id, session_id, evse, series, register_wh, register_at, energy_wh,
                power_w, soc_pct, charging_state, updated_at)
        where live.station_id = new.station_id and live.session_id = new.session_id
        """,
        [live.station_id for live in lives],
        [live.session_id for live in lives],
        [live.evse for live in lives],
        [live.series for live in lives],
        [live.register_wh for live in lives],
        [live.register_at for live in lives],
        [live.energy_wh for live in lives],
        [live.power_w for live in lives],
        [live.soc_pct for live in lives],
        [live.charging_state for live in lives],
        [live.updated_at for live in lives],
    )


async def end_live(conn: Conn, station_id: int, session_id: int) -> None:
    await conn.execute(
        "delete from session_live where station_id = $1 and session_id = $2", station_id, session_id
    )


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


async def mark_recompute(conn: Conn, keys: Sequence[tuple[int, int]]) -> None:
    """Something out of the ordinary was measured: the whole series is to be read again."""
    await conn.execute(
        """
        update charging_session s set is_recompute_due = true
        from unnest($1::bigint[], $2::bigint[]) as k (station_id, id)
        where s.station_id = k.station_id and s.id = k.id and not is_recompute_due
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
    )


async def list_recompute_due(conn: Conn, limit: int) -> list[tuple[int, int]]:
    records = await conn.fetch(
        "select station_id, id from charging_session where is_recompute_due limit $1", limit
    )
    return [(record["station_id"], record["id"]) for record in records]


async def list_doubtful(
    conn: Conn, *, now: datetime, silent_for: timedelta
) -> list[tuple[int, int]]:
    """
    Running sessions that may have ended without a word, for the rules to judge:

    silent for long, on a connector that says it is free, or on a station that booted since.
    """
    records = await conn.fetch(
        """
        select s.station_id, s.id
        from charging_session s
        join session_live live on live.station_id = s.station_id and live.session_id = s.id
        join station on station.id = s.station_id
        where not s.is_finalized and (
            live.updated_at < $1
            or station.booted_at > live.updated_at
            or exists (
                select from connector
                where connector.station_id = s.station_id and connector.evse = s.evse
                    and connector.status = 'Available'
                    and connector.status_received_at > live.updated_at
            )
        )
        order by s.station_id, s.id
        limit 1000
        """,
        now - silent_for,
    )
    return [(record["station_id"], record["id"]) for record in records]


async def free_since(conn: Conn, station_id: int, evse: int | None) -> datetime | None:
    """When the EVSE's connectors were last heard to be free; None while one is not."""
    since: datetime | None = await conn.fetchval(
        """
        select max(status_received_at) from connector
        where station_id = $1 and evse = $2
        having bool_and(status = 'Available')
        """,
        station_id,
        evse,
    )
    return since


SessionStatus = Literal["all", "active", "completed"]


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as people see it: its station's identity, and while it runs the live figures."""

    id: int
    station_id: int
    station: str
    transaction_id: str
    evse: int | None
    connector: int | None
    id_token: str | None
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None
    is_finalized: bool
    stop_reason: str | None
    flags: list[str]
    updated_at: datetime


_SHOWN = [field.name for field in fields(ListedSession) if field.name != "station"]
_AS_KEPT = ", ".join(f"s.{name}" for name in _SHOWN)
_AS_LIVE = ", ".join(
    {
        # round() of a numeric goes away from zero at a half, and energy is never negative.
        "energy_wh": "coalesce(round(live.energy_wh)::bigint, s.energy_wh) as energy_wh",
        "updated_at": "coalesce(live.updated_at, s.updated_at) as updated_at",
    }.get(name, f"s.{name}")
    for name in _SHOWN
)
_LISTED = "station.identity as station, " + ", ".join(f"page.{name}" for name in _SHOWN)
_WITH_LIVE = """
    charging_session s
    left join session_live live
        on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
"""


async def get_listed(conn: Conn, session_id: int) -> ListedSession:
    listed = await maybe(
        conn,
        ListedSession,
        f"""
        select {_LISTED}
        from (select {_AS_LIVE} from {_WITH_LIVE} where s.id = $1) page
        join station on station.id = page.station_id
        """,
        session_id,
    )
    if listed is None:
        raise NotFound("no such session")
    return listed


async def list_page(
    conn: Conn,
    *,
    station_id: int | None = None,
    id_token: str | None = None,
    status: SessionStatus = "all",
    before: tuple[datetime, int] | None = None,
    limit: int,
) -> list[ListedSession]:
    """
    Sessions by (updated_at, id), the latest first, from the first one past `before`.

    The few that run, by their live rows, are merged with the index of the finished.
    """
    values: list[Any] = [limit]

    def argument(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    of_both = ""
    if station_id is not None:
        of_both += f" and s.station_id = {argument(station_id)}"
    if id_token is not None:
        of_both += f" and lower(s.id_token) = lower({argument(id_token)})"
    active, completed = of_both, of_both
    if before is not None:
        place = f"({argument(before[0])}, {argument(before[1])})"
        active += f" and (coalesce(live.updated_at, s.updated_at), s.id) < {place}"
        completed += f" and (s.updated_at, s.id) < {place}"
    halves = []
    if status != "completed":
        halves.append(
            f"""
            (select {_AS_LIVE} from {_WITH_LIVE} where not s.is_finalized {active}
            order by updated_at desc, id desc limit $1)
            """
        )
    if status != "active":
        halves.append(
            f"""
            (select {_AS_KEPT} from charging_session s where s.is_finalized {completed}
            order by s.updated_at desc, s.id desc limit $1)
            """
        )
    return await many(
        conn,
        ListedSession,
        f"""
        select {_LISTED}
        from ({" union all ".join(halves)}) page
        join station on station.id = page.station_id
        order by page.updated_at desc, page.id desc
        limit $1
        """,
        *values,
    )

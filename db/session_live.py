"""The figures of running sessions, as the durable hot path moves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.arrays import Table
from db.model.sessions import Session, SessionLive
from db.rows import Conn, columns, many, maybe

LIVE = columns(SessionLive)


class Step(NamedTuple):
    """A live row as it is to be, from the version that it was made of; and by how much it grew."""

    live: SessionLive
    grown_wh: Decimal


STEPS = Table(
    station_id="bigint",
    session_id="bigint",
    version="int",
    series="text",
    register_wh="numeric",
    register_at="time",
    energy_wh="numeric",
    power_w="int",
    soc_pct="numeric",
    charging_state="text",
    updated_at="time",
    grown_wh="numeric",
)


def row(live: SessionLive, grown_wh: Decimal) -> tuple[object, ...]:
    return (
        live.station_id,
        live.session_id,
        live.version,
        live.series,
        live.register_wh,
        live.register_at,
        live.energy_wh,
        live.power_w,
        live.soc_pct,
        live.charging_state,
        live.updated_at,
        grown_wh,
    )


def moving(hour: str, also: str = "") -> str:
    """
    The SQL from `step` (rows of STEPS) to `moved`: those of the version that we know.

    A row that somebody holds is left alone: nobody waits. `also` has a further join and condition
    on `step`; `hour` is the parameter with the hour whose roll-up grows.
    """
    return f"""
        mine as materialized (
            select live.station_id, live.session_id
            from session_live live
            join step using (station_id, session_id) {also or "where true"}
                and live.version = step.version
            order by live.station_id, live.session_id
            for update of live skip locked
        ), moved as (
            update session_live live
            set version = live.version + 1, series = step.series, register_wh = step.register_wh,
                register_at = step.register_at, energy_wh = step.energy_wh,
                power_w = step.power_w, soc_pct = step.soc_pct,
                charging_state = step.charging_state, updated_at = step.updated_at
            from step join mine using (station_id, session_id)
            where live.station_id = step.station_id and live.session_id = step.session_id
            returning live.station_id, live.session_id, step.grown_wh
        ), hourly as (
            insert into energy_hourly (station_id, hour, energy_wh)
            select station_id, {hour}, sum(grown_wh) from moved
            group by station_id
            having sum(grown_wh) <> 0
            order by station_id
            on conflict (station_id, hour) do update
            set energy_wh = energy_hourly.energy_wh + excluded.energy_wh
        )
    """


async def advance(conn: Conn, steps: Sequence[Step], hour: datetime) -> set[int]:
    """
    Move live rows on, and the hourly roll-up with them; the ids of the sessions that were moved.

    A row of another version is left alone, and so is one that somebody else holds.
    """
    records = await conn.fetch(
        f"""
        with step as materialized ({STEPS.select()}),
        {moving(f"${STEPS.size + 1}")}
        select session_id from moved
        """,
        *STEPS.parameters([row(step.live, step.grown_wh) for step in steps]),
        hour,
    )
    return {record[0] for record in records}


async def follow(conn: Conn, session: Session, *, max_power_w: int) -> None:
    """What a live row is keyed and bounded by, as its session has it now."""
    await conn.execute(
        """
        update session_live
        set evse = $3, started_at = $4, account_id = $5, max_power_w = $6, version = version + 1
        where station_id = $1 and session_id = $2
        """,
        session.station_id,
        session.id,
        session.evse,
        session.started_at,
        session.account_id,
        max_power_w,
    )


async def add(conn: Conn, live: SessionLive) -> None:
    await conn.execute(
        f"""
        insert into session_live ({LIVE})
        values ({", ".join(f"${n}" for n in range(1, len(fields(SessionLive)) + 1))})
        """,
        *astuple(live),
    )


async def find(conn: Conn, station_id: int, session_id: int) -> SessionLive | None:
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


async def list_of(
    conn: Conn, station_ids: Sequence[int], *, is_locked: bool = False
) -> list[SessionLive]:
    """All running sessions of some stations; locked: those that nobody else holds, in order."""
    return await many(
        conn,
        SessionLive,
        f"""
        select {LIVE} from session_live
        where station_id = any($1::bigint[])
        order by station_id, session_id
        {"for update skip locked" if is_locked else ""}
        """,
        station_ids,
    )


async def save(conn: Conn, lives: Sequence[SessionLive]) -> None:
    """What readings move: everything but what the session is keyed and bounded by."""
    await conn.execute(
        """
        update session_live live
        set evse = new.evse, series = new.series, register_wh = new.register_wh,
            register_at = new.register_at, energy_wh = new.energy_wh, power_w = new.power_w,
            soc_pct = new.soc_pct, charging_state = new.charging_state,
            updated_at = new.updated_at, version = live.version + 1
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


async def end(conn: Conn, station_id: int, session_id: int) -> None:
    await conn.execute(
        "delete from session_live where station_id = $1 and session_id = $2", station_id, session_id
    )

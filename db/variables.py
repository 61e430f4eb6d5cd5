"""The device model of stations: their variables, and what they watch by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from db.model.reports import Monitor, Variable
from db.rows import Conn, columns, many

# Where a list of variables goes on: the key of the last one shown.
Place = tuple[str, str, int, int, str, str, str]
_KEY = "component, component_instance, evse, connector, variable, variable_instance, attribute"
_VALUES = (
    "value, mutability, is_persistent, is_constant, unit, data_type, min_limit, max_limit,"
    " max_elements, values_list, supports_monitoring, reported_at, report_id"
)
_MONITOR_VALUES = (
    "component, component_instance, evse, connector, variable, variable_instance, type, value,"
    " severity, is_in_transactions_only, source, reported_at, report_id"
)


@dataclass(frozen=True, slots=True)
class KnownVariable(Variable):
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class KnownMonitor(Monitor):
    reported_at: datetime


async def record(
    conn: Conn,
    station_id: int,
    variables: Sequence[Variable],
    *,
    report_id: int,
    reported_at: datetime,
) -> None:
    """What is said last of an attribute stands."""
    # One order, so that two transactions cannot deadlock; one row each, as an upsert asks.
    latest = {astuple(each)[:7]: astuple(each) for each in variables}
    given = list(zip(*(latest[key] for key in sorted(latest)), strict=True)) or [()] * 18
    await conn.execute(
        f"""
        insert into variable (station_id, {_KEY}, {_VALUES})
        select $1, t.*, $20, $21 from unnest(
            $2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::boolean[], $12::boolean[], $13::text[], $14::text[],
            $15::float8[], $16::float8[], $17::bigint[], $18::text[], $19::boolean[]
        ) as t
        on conflict (station_id, {_KEY}) do update
        set ({_VALUES}) = row ({_excluded(_VALUES)})
        """,
        station_id,
        *given,
        reported_at,
        report_id,
    )


async def delete_others(
    conn: Conn, station_id: int, *, report_id: int, before: datetime
) -> list[str]:
    """What a report that names all variables left out, as "component.variable"."""
    gone = await conn.fetch(
        """
        delete from variable
        where station_id = $1 and report_id is distinct from $2 and reported_at < $3
        returning component || '.' || variable as name
        """,
        station_id,
        report_id,
        before,
    )
    return sorted({record["name"] for record in gone})


async def record_monitors(
    conn: Conn,
    station_id: int,
    monitors: Sequence[Monitor],
    *,
    report_id: int,
    reported_at: datetime,
) -> None:
    latest = {each.number: astuple(each) for each in monitors}
    given = list(zip(*(latest[key] for key in sorted(latest)), strict=True)) or [()] * 12
    await conn.execute(
        f"""
        insert into monitor (station_id, number, {_MONITOR_VALUES})
        select $1, t.*, $14, $15 from unnest(
            $2::bigint[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[],
            $9::text[], $10::float8[], $11::int[], $12::boolean[], $13::text[]
        ) as t
        on conflict (station_id, number) do update
        set ({_MONITOR_VALUES}) = row ({_excluded(_MONITOR_VALUES)})
        """,
        station_id,
        *given,
        reported_at,
        report_id,
    )


async def list_by_station(
    conn: Conn,
    station_id: int,
    *,
    limit: int,
    after: Place | None = None,
    component: str | None = None,
    variable: str | None = None,
) -> list[KnownVariable]:
    """By component, EVSE, variable; names as OCPP compares them, whatever their case."""
    return await many(
        conn,
        KnownVariable,
        f"""
        select {columns(KnownVariable)} from variable
        where station_id = $1
            and ($2::text is null or lower(component) = lower($2))
            and ($3::text is null or lower(variable) = lower($3))
            and ($4::text is null or ({_KEY}) > ($4, $5, $6::int, $7::int, $8, $9, $10))
        order by {_KEY}
        limit $11
        """,
        station_id,
        component,
        variable,
        *(after or (None,) * 7),
        limit,
    )


async def list_monitors(
    conn: Conn, station_id: int, *, limit: int, after: int | None = None
) -> list[KnownMonitor]:
    return await many(
        conn,
        KnownMonitor,
        f"""
        select {columns(KnownMonitor)} from monitor
        where station_id = $1 and ($2::bigint is null or number > $2)
        order by number
        limit $3
        """,
        station_id,
        after,
        limit,
    )


def _excluded(names: str) -> str:
    return ", ".join(f"excluded.{name.strip()}" for name in names.split(","))

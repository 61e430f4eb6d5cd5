"""Believable rows, with defaults that a test overrides by keyword."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from csms.rules import pricing_terms
from csms.rules.pricing_terms import Terms
from db import (
    event_streams,
    id_tokens,
    links,
    readings,
    reports,
    session_live,
    sessions,
    stations,
    tariffs,
)
from db.connection_attempts import Tried
from db.model.id_tokens import IdToken
from db.model.readings import Reading, Sample, encode_samples
from db.model.sessions import Session, SessionLive
from db.model.stations import Station
from db.reports import Report
from db.rows import Conn, Pool

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def station(
    conn: Conn, identity: str = "CP-1", *, evses: int = 0, version: str | None = None
) -> Station:
    made = await stations.add(conn, identity=identity)
    for evse in range(1, evses + 1):
        await stations.add_connector(conn, made.id, evse=evse, connector=1)
    if version:
        await conn.execute("update station set ocpp_version = $2 where id = $1", made.id, version)
    return await stations.get(conn, identity)


async def connect(conn: Conn, of: Station, version: str = "1.6") -> None:
    tried = Tried(datetime.now(UTC), 101, "let in", of.identity, of.id)
    await links.take(conn, tried, node="test", ocpp_version=version)


async def card(conn: Conn, uid: str = "ADA-1", **more: Any) -> IdToken:
    return await id_tokens.add(conn, **({"uid": uid, "type": "ISO14443"} | more))


async def event_stream(conn: Conn, of: Station, number: int = 1) -> None:
    await event_streams.open_stream(
        conn,
        station_id=of.id,
        number=number,
        monitor=3,
        interval_s=10,
        value_count=None,
        at=NOON,
    )


async def session(
    conn: Conn,
    of: Station,
    *,
    running: bool = False,
    updated_at: datetime = NOON,
    live_wh: str = "0",
    **more: Any,
) -> Session:
    """A session, with its live row while it runs; that row then has `updated_at`."""
    number = await sessions.next_number(conn)
    values: dict[str, Any] = {
        "station_id": of.id,
        "id": number,
        "family": "v16",
        "transaction_id": str(number),
        "generation": 0,
        "start_key": None,
        "evse": None if running else 1,
        "connector": 1,
        "id_token": "ADA-1",
        "stop_id_token": None,
        "account_id": None,
        "authorization_status": "Accepted",
        "started_at": NOON - timedelta(hours=1),
        "start_received_at": NOON - timedelta(hours=1),
        "ended_at": None if running else NOON,
        "end_received_at": None if running else NOON,
        "meter_start_wh": 1000,
        "meter_stop_wh": None if running else 3500,
        "energy_wh": None if running else 2500,
        "is_finalized": not running,
        "is_end_inferred": False,
        "is_recompute_due": False,
        "stop_reason": None if running else "Local",
        "flags": [],
        "updated_at": NOON - timedelta(hours=1) if running else updated_at,
    }
    made = Session(**(values | more))
    await sessions.add(conn, made)
    if running:
        await session_live.add(
            conn,
            SessionLive(
                station_id=of.id,
                session_id=number,
                transaction_id=made.transaction_id,
                evse=made.evse,
                started_at=made.started_at,
                max_power_w=22_000,
                series=None,
                register_wh=None,
                register_at=None,
                energy_wh=Decimal(live_wh),
                power_w=None,
                soc_pct=None,
                charging_state=None,
                updated_at=updated_at,
            ),
        )
    return made


async def tariff(
    conn: Conn,
    name: str = "Day",
    *,
    is_default: bool = True,
    since: datetime = NOON - timedelta(days=365),
    **terms: Any,
) -> int:
    """Its id; in force since long ago, as a version and, where it is the default, as that too."""
    values: dict[str, Any] = {"currency": "EUR", "per_kwh": Decimal("0.30")} | terms
    id_ = await tariffs.add(
        conn,
        name=name,
        currency=values["currency"],
        terms=pricing_terms.encode(Terms(**values)),
        created_at=since,
    )
    if is_default:
        await tariffs.make_default(conn, id_)
        await conn.execute(
            "update tariff_assignment set since = $1 where target_id = $2", since, id_
        )
    return id_


async def measure(
    conn: Conn,
    of: Session,
    registers: Sequence[int | None],
    *,
    at: datetime = NOON,
    step: timedelta = timedelta(minutes=1),
) -> None:
    """One reading a minute."""
    rows = []
    for place, register_wh in enumerate(registers):
        samples = [Sample("Power.Active.Import", Decimal("7200.50"), "W")]
        if register_wh is not None:
            samples.append(Sample(value=Decimal(register_wh)))
        rows.append(
            Reading(
                station_id=of.station_id,
                at=at + place * step,
                fingerprint=place.to_bytes(8, "big"),
                received_at=at + place * step + timedelta(seconds=1),
                said_at=None,
                session_id=of.id,
                evse=1,
                connector=1,
                transaction_id=of.transaction_id,
                context="Sample.Periodic",
                energy_wh=register_wh,
                power_w=7200,
                soc_pct=Decimal("55.50"),
                samples=encode_samples(samples),
                flags="",
            )
        )
    await readings.add_many(conn, rows)


async def report(conn: Conn, of: Station, request_id: int | None = 1) -> Report:
    """A report of variables that waits for its parts."""
    return await reports.begin(
        conn,
        of.id,
        kind="variables",
        request_id=request_id,
        generation=0,
        generated_at=None,
        started_at=NOON,
    )


async def everything(pool: Pool, *, but: Collection[str]) -> dict[str, list[asyncpg.Record]]:
    """Every row of every table but those: to see that nothing was changed."""
    tables = await pool.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    names = sorted(table["relname"] for table in tables if table["relname"] not in but)
    return {name: await pool.fetch(f"select * from {name}") for name in names}

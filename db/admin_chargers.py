"""Chargers as the admin's pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.errors import Conflict
from db.model.commands import Command
from db.model.stations import Profile, Registration
from db.rows import Conn, columns, many, maybe

MOST = 500
_MANY_BOOTS = 5  # within an hour


@dataclass(frozen=True, slots=True)
class ChargerRow:
    """A charger with its link; `power_w` is of the sessions that run there now."""

    id: int
    identity: str
    public_id: str
    name: str | None
    site_id: int | None
    site: str | None
    zone: str
    tariff_id: int | None
    tariff: str | None
    registration: Registration
    has_password: bool
    assume_1_6: bool
    strict: bool
    says_kwh: bool
    clock_offset_h: int
    least_profile: Profile
    out_of_service_at: datetime | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None
    ocpp_version: str | None
    reported: str | None
    error: str | None
    booted_at: datetime | None
    boots_since: datetime | None
    boots_lately: int | None  # where it boots again and again
    last_seen_at: datetime | None
    created_at: datetime
    connected_since: datetime | None
    remote_address: str | None
    node: str | None
    running: int
    power_w: int | None


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    received_at: datetime
    is_ours: bool
    message_id: str | None
    action: str | None
    body: bytes
    answer: bytes | None
    took_ms: int | None


_CHARGER = f"""
    select station.id, identity, public_id, station.name, site_id, site.name as site,
        coalesce(site.zone, $1) as zone, station.tariff_id, registration,
        (select tariff.name from tariff where tariff.id = station.tariff_id) as tariff,
        key_hash is not null as has_password, assume_1_6, strict,
        says_kwh, clock_offset_h, least_profile, out_of_service_at,
        vendor, model, serial_number, firmware, station.ocpp_version, reported, error, booted_at,
        boots_since,
        case when boots >= {_MANY_BOOTS} and booted_at > now() - interval '1 hour' then boots end
            as boots_lately,
        last_seen_at, created_at, link.since as connected_since, link.remote_address, link.node,
        coalesce(live.running, 0) as running, live.power_w
    from station
    left join site on site.id = site_id
    left join link on link.station_id = station.id
    left join lateral (
        select count(*) as running, sum(power_w)::bigint as power_w
        from session_live where session_live.station_id = station.id
    ) live on true
"""


async def list_all(conn: Conn, *, zone: str) -> list[ChargerRow]:
    """Who waits to be let in comes first. `zone` is for those without a site."""
    return await many(
        conn,
        ChargerRow,
        f"""
        {_CHARGER}
        order by registration <> 'Pending', lower(coalesce(station.name, identity)), identity
        limit {MOST}
        """,
        zone,
    )


async def find(conn: Conn, identity: str, *, zone: str) -> ChargerRow | None:
    return await maybe(conn, ChargerRow, f"{_CHARGER} where identity = $2", zone, identity)


async def list_messages(conn: Conn, station_id: int, *, limit: int) -> list[LoggedMessage]:
    return await many(
        conn,
        LoggedMessage,
        f"""
        select {columns(LoggedMessage)} from message where station_id = $1
        order by received_at desc, id desc limit $2
        """,
        station_id,
        limit,
    )


async def list_commands(conn: Conn, station_id: int, *, limit: int) -> list[Command]:
    return await many(
        conn,
        Command,
        f"""
        select {columns(Command)} from command where station_id = $1
        order by id desc limit $2
        """,
        station_id,
        limit,
    )


async def update(
    conn: Conn, station_id: int, *, name: str | None, site_id: int | None, tariff_id: int | None
) -> None:
    await conn.execute(
        "update station set name = $2, site_id = $3, tariff_id = $4 where id = $1",
        station_id,
        name,
        site_id,
        tariff_id,
    )


async def set_switches(
    conn: Conn,
    station_id: int,
    *,
    is_strict: bool,
    assume_1_6: bool,
    says_kwh: bool,
    clock_offset_h: int,
    is_out_of_service: bool,
) -> None:
    """`is_out_of_service`: drivers are not offered it any more; what it says is kept as before."""
    await conn.execute(
        """
        update station
        set strict = $2, assume_1_6 = $3, says_kwh = $4, clock_offset_h = $5,
            out_of_service_at = case when $6 then coalesce(out_of_service_at, now()) end
        where id = $1
        """,
        station_id,
        is_strict,
        assume_1_6,
        says_kwh,
        clock_offset_h,
        is_out_of_service,
    )


async def set_connector(
    conn: Conn,
    station_id: int,
    *,
    evse: int,
    connector: int = 1,
    type: str | None,
    max_power_w: int | None,
) -> None:
    """What is on the sticker; running sessions keep the bound that they began with."""
    await conn.execute("insert into evse values ($1, $2) on conflict do nothing", station_id, evse)
    await conn.execute(
        """
        insert into connector (station_id, evse, connector, type, max_power_w)
        values ($1, $2, $3, $4, $5)
        on conflict (station_id, evse, connector) do update
        set type = excluded.type, max_power_w = excluded.max_power_w
        """,
        station_id,
        evse,
        connector,
        type,
        max_power_w,
    )


async def remove_connector(conn: Conn, station_id: int, *, evse: int, connector: int) -> None:
    """
    Its EVSE goes with the last one; sessions keep their numbers.

    Raises Conflict while a session runs at the EVSE.
    """
    is_used = await conn.fetchval(
        "select exists (select from session_live where station_id = $1 and evse = $2)",
        station_id,
        evse,
    )
    if is_used:
        raise Conflict("a session runs there")
    await conn.execute(
        "delete from connector where station_id = $1 and evse = $2 and connector = $3",
        station_id,
        evse,
        connector,
    )
    await conn.execute(
        """
        delete from evse where station_id = $1 and evse = $2 and not exists (
            select from connector where connector.station_id = $1 and connector.evse = $2
        )
        """,
        station_id,
        evse,
    )


async def set_key(conn: Conn, station_id: int, *, salt: bytes, digest: bytes) -> None:
    await conn.execute(
        "update station set key_salt = $2, key_hash = $3 where id = $1", station_id, salt, digest
    )


async def set_registration(conn: Conn, station_id: int, registration: Registration) -> None:
    await conn.execute(
        "update station set registration = $2 where id = $1", station_id, registration
    )

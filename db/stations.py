"""Stations, their EVSEs and connectors."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from db.errors import Conflict
from db.model.stations import Connector, ConnectorStatus, Profile, Registration, Station
from db.rows import Conn, columns, many, maybe, one

STATION = columns(Station)
CONNECTOR = columns(Connector)

# No 0, O, 1, I: people read a sticker aloud on the phone.
_PUBLIC_ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class StatusReport(NamedTuple):
    """
    What a station said of one connector.

    `evse` None is the box as a whole; `connector` None an EVSE as a whole.
    """

    station_id: int
    evse: int | None
    connector: int | None
    status: ConnectorStatus
    reported: str
    error: str | None
    at: datetime
    received_at: datetime


async def add(
    conn: Conn,
    *,
    identity: str,
    name: str | None = None,
    site_id: int | None = None,
    registration: Registration = "Accepted",
    key_salt: bytes | None = None,
    key_hash: bytes | None = None,
    least_profile: Profile = 0,
) -> Station:
    """Raises Conflict when the identity is taken."""
    public_id = "".join(secrets.choice(_PUBLIC_ID_LETTERS) for _ in range(8))
    try:
        return await one(
            conn,
            Station,
            f"""
            insert into station
                (identity, public_id, name, site_id, registration, key_salt, key_hash,
                least_profile)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            returning {STATION}
            """,
            identity,
            public_id,
            name,
            site_id,
            registration,
            key_salt,
            key_hash,
            least_profile,
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"a station with the identity {identity} exists already") from error


async def find(conn: Conn, identity: str) -> Station | None:
    return await maybe(
        conn, Station, f"select {STATION} from station where identity = $1", identity
    )


async def get(conn: Conn, identity: str) -> Station:
    return await one(conn, Station, f"select {STATION} from station where identity = $1", identity)


async def set_least_profile(conn: Conn, station_id: int, least_profile: Profile) -> None:
    """It holds from its next connection on."""
    await conn.execute(
        "update station set least_profile = $2 where id = $1", station_id, least_profile
    )


async def record_boot(
    conn: Conn,
    station_id: int,
    *,
    vendor: str | None,
    model: str | None,
    serial_number: str | None,
    firmware: str | None,
    booted_at: datetime,
) -> Station:
    return await one(
        conn,
        Station,
        f"""
        update station
        set vendor = $2, model = $3, serial_number = coalesce($4, serial_number), firmware = $5,
            booted_at = $6, last_seen_at = $6,
            boots = case
                when boots_since > $6::timestamptz - interval '1 hour' then boots + 1 else 1
            end,
            boots_since = case
                when boots_since > $6::timestamptz - interval '1 hour' then boots_since else $6
            end
        where id = $1
        returning {STATION}
        """,
        station_id,
        vendor,
        model,
        serial_number,
        firmware,
        booted_at,
    )


async def set_seen(conn: Conn, station_ids: Sequence[int], at: datetime) -> None:
    """Any frame or pong counts as seen."""
    await conn.execute(
        """
        update station set last_seen_at = $2
        where id in (
            select id from station
            where id = any($1) and (last_seen_at is null or last_seen_at < $2)
            order by id
            for no key update
        )
        """,
        station_ids,
        at,
    )


async def add_connector(
    conn: Conn,
    station_id: int,
    *,
    evse: int,
    connector: int,
    type: str | None = None,
    max_power_w: int | None = None,
) -> None:
    """Declare a connector; one that a charger named before keeps its status."""
    await add_evses(conn, [(station_id, evse)])
    await conn.execute(
        """
        insert into connector (station_id, evse, connector, type, max_power_w)
        values ($1, $2, $3, $4, $5)
        on conflict (station_id, evse, connector)
            do update set type = excluded.type, max_power_w = excluded.max_power_w
        """,
        station_id,
        evse,
        connector,
        type,
        max_power_w,
    )


async def add_evses(conn: Conn, evses: Sequence[tuple[int, int]]) -> None:
    await conn.execute(
        """
        insert into evse (station_id, evse)
        select * from unnest($1::bigint[], $2::int[])
        on conflict do nothing
        """,
        [station_id for station_id, _ in evses],
        [evse for _, evse in evses],
    )


async def list_connectors(conn: Conn, station_ids: Sequence[int]) -> list[Connector]:
    return await many(
        conn,
        Connector,
        f"""
        select {CONNECTOR} from connector
        where station_id = any($1)
        order by station_id, evse, connector
        """,
        station_ids,
    )


async def max_power_w(
    conn: Conn, station_id: int, evse: int | None, connector: int | None
) -> int | None:
    """Of the connector, else the strongest of its EVSE, else of the station."""
    power: int | None = await conn.fetchval(
        """
        select max_power_w from connector
        where station_id = $1 and max_power_w is not null
        order by coalesce(evse = $2 and connector = $3, false) desc,
            coalesce(evse = $2, false) desc, max_power_w desc
        limit 1
        """,
        station_id,
        evse,
        connector,
    )
    return power


async def record_statuses(conn: Conn, reports: Sequence[StatusReport]) -> None:
    """
    Keep the newest status of each connector, by the charger's clock.

    A clock that is ahead counts as the time of receipt: else it would keep out what is said once it
    is right. `status_received_at` is when the connector came to be so: a repeat does not move it,
    but the first one that is heard after a message of the session that still runs there does.
    Connectors that nobody declared are made. `reports` may name a connector several times.
    """
    newest: dict[tuple[int, int, int], StatusReport] = {}
    for said in await _of_connectors(conn, reports):
        report = said._replace(at=min(said.at, said.received_at))
        key = (report.station_id, report.evse or 0, report.connector or 0)
        if key not in newest or newest[key].at <= report.at:
            newest[key] = report
    boxes = [newest[key] for key in sorted(newest) if key[1] == 0]
    plugs = [newest[key] for key in sorted(newest) if key[1] != 0]
    if plugs:
        await add_evses(conn, sorted({(plug.station_id, plug.evse or 0) for plug in plugs}))
        await conn.execute(
            """
            insert into connector
                (station_id, evse, connector, status, reported, error, status_at,
                status_received_at)
            select * from unnest($1::bigint[], $2::int[], $3::int[], $4::connector_status[],
                $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[])
            on conflict (station_id, evse, connector) do update
            set status = excluded.status, reported = excluded.reported, error = excluded.error,
                status_at = excluded.status_at,
                status_received_at = case
                    when connector.status = excluded.status and not exists (
                        select from session_live live
                        where live.station_id = excluded.station_id and live.evse = excluded.evse
                            and live.updated_at >= connector.status_received_at
                    )
                    then connector.status_received_at
                    else excluded.status_received_at
                end
            where connector.status_at is null or connector.status_at <= excluded.status_at
            """,
            [plug.station_id for plug in plugs],
            [plug.evse for plug in plugs],
            [plug.connector for plug in plugs],
            [plug.status for plug in plugs],
            [plug.reported for plug in plugs],
            [plug.error for plug in plugs],
            [plug.at for plug in plugs],
            [plug.received_at for plug in plugs],
        )
    for box in boxes:
        await conn.execute(
            """
            update station set status = $2, reported = $3, error = $4, status_at = $5
            where id = $1 and (status_at is null or status_at <= $5)
            """,
            box.station_id,
            box.status,
            box.reported,
            box.error,
            box.at,
        )


async def _of_connectors(conn: Conn, reports: Sequence[StatusReport]) -> list[StatusReport]:
    """
    What is said of an EVSE is said of each of its connectors, of the first where none is known.

    Except that of several only one is taken or reserved: then which one is said of itself.
    """
    wholes = {(said.station_id, said.evse) for said in reports if said.evse and not said.connector}
    if not wholes:
        return list(reports)
    known: dict[tuple[int, int | None], list[int]] = {key: [] for key in wholes}
    for each in await list_connectors(conn, sorted({station_id for station_id, _ in wholes})):
        known.setdefault((each.station_id, each.evse), []).append(each.connector)
    out = []
    for said in reports:
        if said.evse is None or said.connector is not None:
            out.append(said)
            continue
        plugs = known[said.station_id, said.evse] or [1]
        if len(plugs) == 1 or said.status not in ("Occupied", "Reserved"):
            out += [said._replace(connector=plug) for plug in plugs]
    return out


async def list_page(conn: Conn, *, after: str | None, limit: int) -> list[Station]:
    """Stations in the order of their identities, from the first one past `after`."""
    return await many(
        conn,
        Station,
        f"""
        select {STATION} from station
        where identity > coalesce($1::text, '')
        order by identity
        limit $2
        """,
        after,
        limit,
    )


async def connected_since(conn: Conn, station_ids: Sequence[int]) -> dict[int, datetime]:
    """Of those stations that a process holds a socket of."""
    records = await conn.fetch(
        "select station_id, since from link where station_id = any($1)", station_ids
    )
    return {record["station_id"]: record["since"] for record in records}


async def list_evses(conn: Conn, station_id: int) -> list[int]:
    records = await conn.fetch(
        "select evse from evse where station_id = $1 order by evse", station_id
    )
    return [record["evse"] for record in records]

"""What the demo writes and reads: much at once, and rows as they were in the past."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime

from db.model.id_tokens import IdToken, Purpose
from db.model.readings import Reading
from db.model.sessions import Session
from db.rows import Conn, columns, many

_LOCK = 3


@dataclass(frozen=True, slots=True)
class PastDecision:
    station_id: int
    at: datetime
    uid: str
    type: str
    purpose: Purpose
    status: str
    reason: str
    session_id: int


@dataclass(frozen=True, slots=True)
class PastAccount:
    email: str
    name: str
    role: str
    created_at: datetime
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class PastCard:
    uid: str
    label: str
    status: str
    expires_at: datetime | None
    account_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PastStation:
    """What a station said of itself when it last booted."""

    id: int
    vendor: str
    model: str
    firmware: str
    ocpp_version: str
    status: str
    created_at: datetime
    last_seen_at: datetime


async def lock(conn: Conn) -> None:
    """One loader at a time, until the end of its transaction; LockNotAvailableError after 60 s."""
    await conn.execute("set local lock_timeout = '60s'")
    await conn.execute("select pg_advisory_xact_lock($1, 0)", _LOCK)


async def has_stations(conn: Conn) -> bool:
    found: bool = await conn.fetchval("select exists (select from station)")
    return found


async def is_loaded(conn: Conn, email: str, identities: Sequence[str]) -> bool:
    """Whether chargers of these are there, and the account that only the demo makes."""
    found: bool = await conn.fetchval(
        """
        select exists (select from account where lower(email) = $1)
            and exists (select from station where identity = any($2))
        """,
        email,
        identities,
    )
    return found


async def station_ids(conn: Conn, identities: Sequence[str]) -> dict[str, int]:
    """Of those that exist."""
    records = await conn.fetch(
        "select identity, id from station where identity = any($1)", identities
    )
    return {record["identity"]: record["id"] for record in records}


async def station_keys(conn: Conn, identities: Sequence[str]) -> dict[str, tuple[bytes, bytes]]:
    """Salt and hash of the password of those that exist; empty without a password."""
    records = await conn.fetch(
        """
        select identity, coalesce(key_salt, '') as salt, coalesce(key_hash, '') as hash
        from station where identity = any($1)
        """,
        identities,
    )
    return {record["identity"]: (record["salt"], record["hash"]) for record in records}


async def set_station_key(conn: Conn, identity: str, *, salt: bytes, key_hash: bytes) -> None:
    await conn.execute(
        "update station set key_salt = $2, key_hash = $3 where identity = $1",
        identity,
        salt,
        key_hash,
    )


async def add_sites(conn: Conn, rows: Sequence[tuple[str, str, str, str]]) -> dict[str, int]:
    """(name, zone, currency, address) to ids by name; one that is there already is taken."""
    records = await conn.fetch(
        """
        with new as (
            select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
                as t (name, zone, currency, address)
        ), added as (
            insert into site (name, zone, currency, address)
            select name, zone, currency, address from new
            on conflict do nothing
            returning name, id
        )
        select name, id from added
        union all
        select new.name, site.id from new join site on lower(site.name) = lower(new.name)
        """,
        *_columns(rows, 4),
    )
    return {record["name"]: record["id"] for record in records}


async def add_accounts(conn: Conn, rows: Sequence[PastAccount]) -> dict[str, int]:
    """Ids by e-mail; an account that is there already stays as it is."""
    await conn.execute(
        """
        insert into account (email, name, role, created_at, password_hash)
        select * from unnest($1::text[], $2::text[], $3::account_role[], $4::timestamptz[],
            $5::text[])
        on conflict do nothing
        """,
        *_columns([astuple(row) for row in rows], 5),
    )
    records = await conn.fetch(
        "select lower(email) as email, id from account where lower(email) = any($1)",
        [row.email for row in rows],
    )
    return {record["email"]: record["id"] for record in records}


async def add_cards(conn: Conn, rows: Sequence[PastCard]) -> dict[str, IdToken]:
    """Cards by uid; one that was registered or seen already is taken over."""
    await conn.execute(
        """
        insert into id_token (uid, type, label, status, expires_at, account_id, created_at)
        select uid, 'ISO14443', label, status, expires_at, account_id, created_at
        from unnest($1::text[], $2::text[], $3::id_token_status[], $4::timestamptz[],
            $5::bigint[], $6::timestamptz[])
            as t (uid, label, status, expires_at, account_id, created_at)
        on conflict (lower(uid), type) do update
        set label = excluded.label, status = excluded.status, expires_at = excluded.expires_at,
            account_id = excluded.account_id
        """,
        *_columns([astuple(row) for row in rows], 6),
    )
    found = await many(
        conn,
        IdToken,
        f"select {columns(IdToken)} from id_token where type = 'ISO14443' and uid = any($1)",
        [row.uid for row in rows],
    )
    return {row.uid: row for row in found}


async def describe_stations(conn: Conn, rows: Sequence[PastStation]) -> None:
    await conn.execute(
        """
        update station
        set vendor = new.vendor, model = new.model, firmware = new.firmware,
            ocpp_version = new.ocpp_version, created_at = new.created_at,
            last_seen_at = new.last_seen_at, booted_at = new.created_at
        from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::timestamptz[], $8::timestamptz[])
            as new (id, vendor, model, firmware, ocpp_version, status, created_at, last_seen_at)
        where station.id = new.id
        """,
        *_columns([astuple(row) for row in rows], 8),
    )
    await conn.execute(
        """
        update connector
        set status = new.status, reported = new.status::text, status_at = new.last_seen_at,
            status_received_at = new.last_seen_at
        from unnest($1::bigint[], $2::connector_status[], $3::timestamptz[])
            as new (station_id, status, last_seen_at)
        where connector.station_id = new.station_id
        """,
        [row.id for row in rows],
        [row.status for row in rows],
        [row.last_seen_at for row in rows],
    )


async def set_site_tariff(conn: Conn, site_id: int, tariff_id: int) -> None:
    await conn.execute("update site set tariff_id = $2 where id = $1", site_id, tariff_id)


async def backdate_assignments(conn: Conn, since: datetime) -> None:
    """What this transaction assigned was in force since then."""
    await conn.execute("update tariff_assignment set since = $1 where since = now()", since)


async def next_numbers(conn: Conn, count: int) -> list[int]:
    records = await conn.fetch(
        "select nextval('charging_session_number') from generate_series(1, $1)", count
    )
    return sorted(record[0] for record in records)


async def add_sessions(conn: Conn, rows: Iterable[Session]) -> None:
    names = [field.name for field in fields(Session)]
    await conn.copy_records_to_table(
        "charging_session", records=[astuple(row) for row in rows], columns=names
    )


async def add_readings(conn: Conn, rows: Iterable[Reading]) -> None:
    await conn.copy_records_to_table(
        "reading",
        records=[row._replace(flags=row.flags.split()) for row in rows],  # type: ignore[arg-type]
        columns=Reading._fields,
    )


async def add_decisions(conn: Conn, rows: Sequence[PastDecision]) -> None:
    await conn.copy_records_to_table(
        "authorization_decision",
        records=[astuple(row) for row in rows],
        columns=[field.name for field in fields(PastDecision)],
    )


def _columns(rows: Sequence[Sequence[object]], count: int) -> list[list[object]]:
    return [[row[n] for row in rows] for n in range(count)]

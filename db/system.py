"""How the system itself is: processes, messages, work in the background, size and versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.rows import Conn, many, one

_HEARD_LAST = 50
_MESSAGES_IN = timedelta(days=1)
_TABLES = 8


@dataclass(frozen=True, slots=True)
class Node:
    """A csms process. `is_alive`: its lease still runs; `links`: sockets that it holds."""

    name: str
    started_at: datetime | None
    lease_until: datetime | None
    is_alive: bool
    links: int


@dataclass(frozen=True, slots=True)
class SaidMessage:
    station_id: int
    id: int
    identity: str
    charger: str
    received_at: datetime
    is_ours: bool
    action: str | None
    body: bytes
    answer: bytes | None
    took_ms: int | None


@dataclass(frozen=True, slots=True)
class JobRow:
    name: str
    next_at: datetime
    ran_at: datetime | None
    took_ms: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Ingest:
    """What is left to do with what chargers said."""

    heard_at: datetime | None  # the newest reading of a session that runs
    to_recompute: int
    to_price: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class MailQueue:
    waiting: int
    oldest_at: datetime | None
    failing: int  # tried, and to be tried again
    sent_in_a_day: int
    dead: int


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    size: int  # bytes, with its indexes and partitions
    rows: int  # as PostgreSQL estimates them


@dataclass(frozen=True, slots=True)
class Database:
    server: str
    schema: str  # the newest migration
    size: int  # bytes


async def list_nodes(conn: Conn) -> list[Node]:
    """Also those that only their links are left of."""
    return await many(
        conn,
        Node,
        """
        select coalesce(node.name, held.node) as name, started_at, lease_until,
            coalesce(lease_until > now(), false) as is_alive, coalesce(links, 0) as links
        from node
        full join (select node, count(*) as links from link group by node) held
            on held.node = node.name
        order by is_alive desc, name
        """,
    )


async def list_messages(conn: Conn, *, identity: str | None, limit: int) -> list[SaidMessage]:
    """
    The newest first: of one charger, or of those that were heard last.

    There is no index of all messages by time: each charger's own is read.
    """
    return await many(
        conn,
        SaidMessage,
        f"""
        select station.id as station_id, said.id, identity,
            coalesce(station.name, identity) as charger, received_at, is_ours, action, body,
            answer, took_ms
        from (
            select id, identity, name from station
            where $1::text is null or identity = $1
            order by last_seen_at desc nulls last limit {_HEARD_LAST}
        ) station
        cross join lateral (
            select id, received_at, is_ours, action, body, answer, took_ms from message
            where message.station_id = station.id
                and ($1::text is not null or received_at > now() - $3::interval)
            order by received_at desc, id desc limit $2
        ) said
        order by received_at desc, said.id desc limit $2
        """,
        identity,
        limit,
        _MESSAGES_IN,
    )


async def list_jobs(conn: Conn) -> list[JobRow]:
    return await many(
        conn, JobRow, "select name, next_at, ran_at, took_ms, error from job order by name"
    )


async def ingest(conn: Conn) -> Ingest:
    return await one(
        conn,
        Ingest,
        """
        select (select max(updated_at) from session_live) as heard_at,
            (select count(*) from charging_session where is_recompute_due) as to_recompute,
            (select count(*) from charging_session where is_price_due) as to_price,
            (select count(*) from quarantine where looked_at is null) as quarantined
        """,
    )


async def mail_queue(conn: Conn) -> MailQueue:
    return await one(
        conn,
        MailQueue,
        """
        select waiting.*,
            (
                select count(*) from mail
                where created_at > now() - interval '1 day' and sent_at is not null
            ) as sent_in_a_day,
            (select count(*) from mail where died_at is not null) as dead
        from (
            select count(*) as waiting, min(created_at) as oldest_at,
                count(*) filter (where tries > 0) as failing
            from mail where sent_at is null and died_at is null
        ) waiting
        """,
    )


async def database(conn: Conn) -> Database:
    return await one(
        conn,
        Database,
        """
        select current_setting('server_version') as server,
            (select name from schema_migration order by number desc limit 1) as schema,
            pg_database_size(current_database()) as size
        """,
    )


async def list_tables(conn: Conn) -> list[Table]:
    """The largest first; a partition counts for what it is a part of."""
    return await many(
        conn,
        Table,
        f"""
        select coalesce(whole.relname, part.relname)::text as name,
            sum(pg_total_relation_size(part.oid))::bigint as size,
            sum(greatest(part.reltuples, 0))::bigint as rows
        from pg_class part
        left join pg_inherits on inhrelid = part.oid
        left join pg_class whole on whole.oid = inhparent
        where part.relkind = 'r' and part.relnamespace = 'public'::regnamespace
        group by 1 order by 2 desc, 1 limit {_TABLES}
        """,
    )

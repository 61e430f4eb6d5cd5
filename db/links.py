"""Which process holds which station's socket, and which processes are alive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.connection_attempts import TRIED, Tried
from db.model.stations import Link, Station
from db.rows import Conn, columns, maybe, one

LINK = columns(Link)
_LET_IN_IN = timedelta(hours=1)
#: More of them within this time are two chargers with one identity, or worse (reliability T02).
MOST_TAKEOVERS, TAKEOVERS_IN = 3, timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Comer:
    """A station that wants to come in: whether it is connected now, and how often it came."""

    station: Station
    is_held: bool
    held_from: str | None
    let_in: int  # within an hour; at most 1,000
    takeovers: int  # within TAKEOVERS_IN


async def find_comer(conn: Conn, identity: str, *, now: datetime) -> Comer | None:
    """All that is asked about a handshake, at once: after a restart thousands come."""
    row = await conn.fetchrow(
        f"""
        select exists (select from link where station_id = station.id),
            (select remote_address from link where station_id = station.id),
            (select count(*) from (
                select from connection_attempt
                where identity = $1 and at > $2::timestamptz - $3::interval
                    and http_status = 101 and reason like 'let in%'
                limit 1000
            ) let_in),
            (select count(*) from connection_attempt
                where identity = $1 and at > $2::timestamptz - $4::interval and is_takeover),
            {columns(Station)}
        from station where identity = $1
        """,
        identity,
        now,
        _LET_IN_IN,
        TAKEOVERS_IN,
    )
    if row is None:
        return None
    is_held, held_from, let_in, takeovers, *station = row
    return Comer(Station(*station), is_held, held_from, let_in, takeovers)


async def take(conn: Conn, tried: Tried, *, node: str, ocpp_version: str) -> Link:
    """
    All that is written about a handshake, at once: the attempt, the link, the station's version.

    The newest authenticated socket wins; the epoch fences whoever held it before. Raises NotFound
    when a newer one has it already.
    """
    return await one(
        conn,
        Link,
        f"""
        with tried as (
            insert into connection_attempt ({TRIED}, is_takeover)
            values ($3, $4, $5, $6, $7, $8, $9, $10, $11,
                exists (select from link where station_id = $7))
        ), versioned as (
            update station set ocpp_version = $2
            where id = $7 and ocpp_version is distinct from $2
        ), taken as (
            insert into link (station_id, node, ocpp_version, remote_address)
            values ($7, $1, $2, $8)
            on conflict (station_id) do update
            set node = excluded.node, epoch = excluded.epoch,
                ocpp_version = excluded.ocpp_version,
                remote_address = excluded.remote_address, since = excluded.since
            where link.epoch < excluded.epoch
            returning {LINK}
        )
        select {LINK} from taken
        """,
        node,
        ocpp_version,
        *tried,
    )


async def take_back(conn: Conn, node: str, versions: dict[int, str]) -> dict[int, int]:
    """
    Rows for sockets that lost theirs: the new epochs by station.

    A station that has a row again stays with whoever made it.
    """
    records = await conn.fetch(
        """
        insert into link (station_id, node, ocpp_version)
        select number, $1, version from unnest($2::bigint[], $3::text[]) as lost (number, version)
        order by number
        on conflict do nothing
        returning station_id, epoch
        """,
        node,
        list(versions),
        list(versions.values()),
    )
    return {record["station_id"]: record["epoch"] for record in records}


async def release(conn: Conn, *, station_id: int, epoch: int) -> bool:
    """Only the socket that holds the link gives it up; False when a newer one has it."""
    done = await conn.execute(
        "delete from link where station_id = $1 and epoch = $2", station_id, epoch
    )
    return done == "DELETE 1"


async def find(conn: Conn, station_id: int) -> Link | None:
    return await maybe(conn, Link, f"select {LINK} from link where station_id = $1", station_id)


async def epochs(conn: Conn, station_ids: list[int]) -> dict[int, int]:
    records = await conn.fetch(
        "select station_id, epoch from link where station_id = any($1)", station_ids
    )
    return {record["station_id"]: record["epoch"] for record in records}


async def release_strays(conn: Conn, node: str, *, held: list[int], after: timedelta) -> list[int]:
    """A node's rows of stations that it does not hold, as the stations; young ones may be."""
    gone = await conn.fetch(
        """
        delete from link
        where node = $1 and since < now() - $3::interval
            and not exists (select from unnest($2::bigint[]) as held (id) where id = station_id)
        returning station_id
        """,
        node,
        held,
        after,
    )
    return [record["station_id"] for record in gone]


async def start_node(conn: Conn, node: str, lease: timedelta) -> list[int]:
    """Enter a process; what an earlier one of this name held is gone. The stations it held."""
    await conn.execute(
        """
        insert into node (name, started_at, lease_until) values ($1, now(), now() + $2)
        on conflict (name) do update
        set started_at = excluded.started_at, lease_until = excluded.lease_until
        """,
        node,
        lease,
    )
    gone = await conn.fetch("delete from link where node = $1 returning station_id", node)
    return [record["station_id"] for record in gone]


async def renew_lease(conn: Conn, node: str, lease: timedelta) -> None:
    await conn.execute("update node set lease_until = now() + $2 where name = $1", node, lease)


async def end_node(conn: Conn, node: str) -> None:
    await conn.execute("delete from link where node = $1", node)
    await conn.execute("delete from node where name = $1", node)


async def release_dead(conn: Conn) -> list[int]:
    """Links of processes whose lease is over, as the stations that they held."""
    gone = await conn.fetch(
        """
        delete from link
        where not exists (select from node where node.name = link.node and lease_until > now())
        returning station_id
        """
    )
    await conn.execute("delete from node where lease_until < now() - interval '1 day'")
    return [record["station_id"] for record in gone]

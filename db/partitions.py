"""Partitions by day of `reading` and `message`: made ahead, dropped whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from db.rows import Conn

Parent = Literal["reading", "message"]
_COLUMN = {"reading": "at", "message": "received_at"}
DAYS_AHEAD = 14


def _name(parent: Parent, day: date) -> str:
    return f"{parent}_{day:%Y%m%d}"


async def add_ahead(conn: Conn, parent: Parent, today: date) -> list[str]:
    """
    Make the partitions of today and the next 14 days that are missing.

    Rows of such a day that wait in the default partition move over in the same transaction, which
    is the caller's.
    """
    # One process at a time: several start at once.
    await conn.execute("select pg_advisory_xact_lock(2, hashtext($1))", parent)
    made = []
    for ahead in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        if await conn.fetchval("select to_regclass($1) is null", _name(parent, day)):
            await _add(conn, parent, day)
            made.append(_name(parent, day))
    return made


async def add_day(conn: Conn, parent: Parent, day: date) -> None:
    """Of any day, also one that is past; nothing if it is there. In the caller's transaction."""
    if await conn.fetchval("select to_regclass($1) is null", _name(parent, day)):
        await _add(conn, parent, day)


async def _add(conn: Conn, parent: Parent, day: date) -> None:
    name, column = _name(parent, day), _COLUMN[parent]
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    span = f"{column} >= '{start.isoformat()}' and {column} < '{end.isoformat()}'"
    # Attaching refuses while the default partition holds rows of the day: they come along first.
    await conn.execute(f"lock table {parent}_default in access exclusive mode")
    await conn.execute(f"create table {name} (like {parent} including defaults)")
    columns: str = await conn.fetchval(
        """
        select string_agg(quote_ident(column_name), ', ' order by ordinal_position)
        from information_schema.columns
        where table_name = $1 and table_schema = current_schema() and is_identity = 'NO'
        """,
        parent,
    )
    if parent == "message":
        columns = f"{columns}, id"
    await conn.execute(
        f"""
        with moved as (delete from {parent}_default where {span} returning {columns})
        insert into {name} ({columns}) select {columns} from moved
        """
    )
    await conn.execute(
        f"""
        alter table {parent} attach partition {name}
        for values from ('{start.isoformat()}') to ('{end.isoformat()}')
        """
    )


async def list_days(conn: Conn, parent: Parent) -> list[tuple[date, int]]:
    """(day, bytes with indexes) of each partition, the oldest first."""
    records = await conn.fetch(
        """
        select child.relname as name, pg_total_relation_size(child.oid) as size
        from pg_inherits
        join pg_class child on child.oid = inhrelid
        where inhparent = to_regclass($1) and child.relname ~ '_[0-9]{8}$'
        order by child.relname
        """,
        parent,
    )
    return [
        (datetime.strptime(record["name"][-8:], "%Y%m%d").date(), record["size"])  # noqa: DTZ007
        for record in records
    ]


async def drop(conn: Conn, parent: Parent, day: date) -> None:
    await conn.execute(f"drop table {_name(parent, day)}")


async def delete_default_before(conn: Conn, parent: Parent, before: datetime) -> None:
    """What lies outside every day, such as replays of long ago, goes row by row."""
    await conn.execute(f"delete from {parent}_default where {_COLUMN[parent]} < $1", before)

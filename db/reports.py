"""What stations tell in several parts: each report with its state, and the parts that came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.model.reports import ReportKind, ReportState
from db.rows import Conn, columns, many, maybe, one


@dataclass(frozen=True, slots=True)
class Report:
    """`missing`, in words, of one that is incomplete; `request_id` None: none that can be read."""

    station_id: int
    id: int
    kind: ReportKind
    request_id: int | None
    generation: int
    state: ReportState
    generated_at: datetime | None
    started_at: datetime
    heard_at: datetime
    last_seq_no: int | None
    parts: int
    items: int
    missing: str | None


_REPORT = columns(Report)


async def find_latest(
    conn: Conn, station_id: int, *, kind: ReportKind, request_id: int | None
) -> Report | None:
    """The latest of this number, held until the transaction ends."""
    return await maybe(
        conn,
        Report,
        f"""
        select {_REPORT} from report
        where station_id = $1 and kind = $2 and request_id is not distinct from $3
        order by generation desc limit 1
        for update
        """,
        station_id,
        kind,
        request_id,
    )


async def begin(
    conn: Conn,
    station_id: int,
    *,
    kind: ReportKind,
    request_id: int | None,
    generation: int,
    generated_at: datetime | None,
    started_at: datetime,
) -> Report:
    """When another transaction began the same one, a unique violation: do it all again."""
    return await one(
        conn,
        Report,
        f"""
        insert into report
            (station_id, kind, request_id, generation, generated_at, started_at, heard_at)
        values ($1, $2, $3, $4, $5, $6, $6)
        returning {_REPORT}
        """,
        station_id,
        kind,
        request_id,
        generation,
        generated_at,
        started_at,
    )


async def has_part(conn: Conn, report: Report, *, seq_no: int, fingerprint: bytes) -> bool:
    found: bool = await conn.fetchval(
        """
        select exists (
            select from report_part
            where station_id = $1 and report_id = $2 and seq_no = $3 and fingerprint = $4
        )
        """,
        report.station_id,
        report.id,
        seq_no,
        fingerprint,
    )
    return found


async def seq_nos(conn: Conn, station_id: int, report_id: int) -> set[int]:
    found = await conn.fetch(
        "select distinct seq_no from report_part where station_id = $1 and report_id = $2",
        station_id,
        report_id,
    )
    return {row["seq_no"] for row in found}


async def add_part(
    conn: Conn,
    report: Report,
    *,
    seq_no: int,
    fingerprint: bytes,
    items: int,
    body: str | None,
    received_at: datetime,
) -> None:
    await conn.execute(
        """
        insert into report_part
            (station_id, report_id, seq_no, fingerprint, items, body, received_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        report.station_id,
        report.id,
        seq_no,
        fingerprint,
        items,
        body,
        received_at,
    )


async def move_on(
    conn: Conn,
    report: Report,
    *,
    state: ReportState,
    last_seq_no: int | None,
    more_items: int,
    heard_at: datetime,
) -> Report:
    """After a part was added."""
    return await one(
        conn,
        Report,
        f"""
        update report
        set state = $3, last_seq_no = $4, parts = parts + 1, items = items + $5, heard_at = $6,
            missing = null
        where station_id = $1 and id = $2
        returning {_REPORT}
        """,
        report.station_id,
        report.id,
        state,
        last_seq_no,
        more_items,
        heard_at,
    )


async def list_silent(conn: Conn, *, before: datetime, limit: int) -> list[Report]:
    """Those that wait for parts, of which none came since; held until the transaction ends."""
    return await many(
        conn,
        Report,
        f"""
        select {_REPORT} from report where state = 'collecting' and heard_at < $1
        order by heard_at limit $2
        for update skip locked
        """,
        before,
        limit,
    )


async def set_incomplete(conn: Conn, report: Report, *, missing: str) -> None:
    await conn.execute(
        """
        update report set state = 'incomplete', missing = $3
        where station_id = $1 and id = $2
        """,
        report.station_id,
        report.id,
        missing,
    )


async def number_used_at(conn: Conn, report: Report) -> datetime | None:
    """When the report before it that has its number began."""
    at: datetime | None = await conn.fetchval(
        """
        select max(started_at) from report
        where station_id = $1 and kind = $2 and request_id = $3 and generation < $4
        """,
        report.station_id,
        report.kind,
        report.request_id,
        report.generation,
    )
    return at


async def get(conn: Conn, station_id: int, report_id: int) -> Report:
    return await one(
        conn,
        Report,
        f"select {_REPORT} from report where station_id = $1 and id = $2",
        station_id,
        report_id,
    )


async def text_of(conn: Conn, report: Report) -> str:
    """What its parts say one after the other; "" of kinds that have tables for it."""
    text: str = await conn.fetchval(
        """
        select coalesce(string_agg(body, '' order by seq_no, id), '') from report_part
        where station_id = $1 and report_id = $2
        """,
        report.station_id,
        report.id,
    )
    return text


async def list_by_station(
    conn: Conn,
    station_id: int,
    *,
    limit: int,
    before: int | None = None,
    kind: ReportKind | None = None,
) -> list[Report]:
    """The one that began last first."""
    return await many(
        conn,
        Report,
        f"""
        select {_REPORT} from report
        where station_id = $1 and id < coalesce($2::bigint, 9223372036854775807)
            and ($3::text is null or kind = $3)
        order by id desc
        limit $4
        """,
        station_id,
        before,
        kind,
        limit,
    )

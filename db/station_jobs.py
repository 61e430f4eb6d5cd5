"""Jobs of stations that report how far they are: firmware, logs, diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.model.reports import JobKind, Progress
from db.rows import Conn, columns, many

MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Job:
    """`request_id` None: the station named none, as in 1.6."""

    id: int
    kind: JobKind
    request_id: int | None
    progress: Progress
    status: str
    detail: str | None
    started_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    job_id: int
    at: datetime
    status: str
    detail: str | None


async def record(
    conn: Conn,
    station_id: int,
    *,
    kind: JobKind,
    request_id: int | None,
    progress: Progress,
    status: str,
    detail: str | None,
    at: datetime,
) -> bool:
    """
    Move a job on; False when that is what it said last.

    That nothing runs (idle) is noted and does not move a job back (digest 5.8).
    """
    job_id = await conn.fetchval(
        """
        insert into station_job
            (station_id, kind, request_id, progress, status, detail, started_at, changed_at)
        values ($1, $2, $3, $4, $5, $6, $7, $7)
        on conflict on constraint station_job_key do update
        -- Writing it holds the row: who says the same at the same time comes after.
        set kind = excluded.kind
        returning id
        """,
        station_id,
        kind,
        request_id,
        progress,
        status,
        detail,
        at,
    )
    last = await conn.fetchrow(
        """
        select status, detail from station_job_step
        where station_id = $1 and job_id = $2 order by id desc limit 1
        """,
        station_id,
        job_id,
    )
    if last is not None and (last["status"], last["detail"]) == (status, detail):
        return False
    await conn.execute(
        """
        insert into station_job_step (station_id, job_id, at, status, detail)
        values ($1, $2, $3, $4, $5)
        """,
        station_id,
        job_id,
        at,
        status,
        detail,
    )
    if progress != "idle":
        await conn.execute(
            """
            update station_job set progress = $3, status = $4, detail = $5, changed_at = $6
            where station_id = $1 and id = $2
            """,
            station_id,
            job_id,
            progress,
            status,
            detail,
            at,
        )
    return True


async def list_by_station(
    conn: Conn, station_id: int, *, limit: int, before: int | None = None
) -> list[Job]:
    """The one that began last first."""
    return await many(
        conn,
        Job,
        f"""
        select {columns(Job)} from station_job
        where station_id = $1 and id < coalesce($2::bigint, 9223372036854775807)
        order by id desc
        limit $3
        """,
        station_id,
        before,
        limit,
    )


async def list_steps(conn: Conn, station_id: int, job_ids: Sequence[int]) -> list[Step]:
    """The latest steps of each, oldest first."""
    return await many(
        conn,
        Step,
        f"""
        select {columns(Step, "step.")} from unnest($2::bigint[]) as job (id)
        cross join lateral (
            select id, job_id, at, status, detail from station_job_step
            where station_id = $1 and job_id = job.id
            order by station_job_step.id desc limit {MOST_STEPS}
        ) step
        order by step.job_id, step.id
        """,
        station_id,
        job_ids,
    )

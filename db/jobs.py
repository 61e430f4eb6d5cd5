"""Background work: rows taken by whoever comes first when their time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

import structlog

from db.errors import is_away
from db.rows import Conn, Pool

log = structlog.get_logger()

_POLL_S = 1.0


@dataclass(frozen=True)
class Job:
    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]


class Runner:
    """
    `run` is its one task. Every process offers its jobs; each runs in one of them at a time.

    Within a runner they run one after the other: a job that may wait long gets a runner of its own.
    """

    def __init__(self, pool: Pool, jobs: Iterable[Job]) -> None:
        self._pool = pool
        self._jobs = {job.name: job for job in jobs}

    async def run(self) -> None:
        """Until it is cancelled. A job that fails says why in its row, and stops no other."""
        names = list(self._jobs)
        is_known = False
        while True:
            try:
                if not is_known:
                    async with self._pool.acquire(timeout=5) as conn:
                        for name in names:
                            await add(conn, name)
                    is_known = True
                while await self._run_one(names):
                    pass
            except Exception as error:
                if not is_away(error):
                    log.exception("jobs.failed")
            await asyncio.sleep(_POLL_S)

    async def _run_one(self, names: list[str]) -> bool:
        async with self._pool.acquire(timeout=5) as conn, conn.transaction():
            name = await take(conn, names)
            if name is None:
                return False
            started, why = perf_counter(), None
            job = self._jobs[name]
            try:
                await job.run()
            except Exception as error:
                if is_away(error):
                    raise
                why = repr(error)[:500]
                log.exception("job.failed", job=name)
            took_ms = int((perf_counter() - started) * 1_000)
            await record_run(conn, name, again_after=job.every, took_ms=took_ms, error=why)
            return True


async def add(conn: Conn, name: str) -> None:
    await conn.execute(
        "insert into job (name, next_at) values ($1, now()) on conflict do nothing", name
    )


async def take(conn: Conn, names: list[str]) -> str | None:
    """A job whose time has come, locked until the caller's transaction ends."""
    name: str | None = await conn.fetchval(
        """
        select name from job
        where name = any($1) and next_at <= now()
        order by next_at
        limit 1
        for update skip locked
        """,
        names,
    )
    return name


async def record_run(
    conn: Conn, name: str, *, again_after: timedelta, took_ms: int, error: str | None
) -> None:
    await conn.execute(
        """
        update job set next_at = now() + $2, ran_at = now(), took_ms = $3, error = $4
        where name = $1
        """,
        name,
        again_after,
        took_ms,
        error,
    )

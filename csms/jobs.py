"""
Background work of this process: sessions that ended without a word, figures to be read again,
partitions, expiry. Every csms process offers to do it; each job runs in one at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from csms import charging, doubtful
from csms.config import Config
from csms.ocpp import kept_frames
from csms.ocpp.runner import hide_secrets
from csms.rules import doubts, parts
from db import (
    changes,
    commands,
    expiry,
    links,
    partitions,
    quarantine,
    reports,
    session_closing,
    session_doubts,
    sessions,
)
from db.changes import Notifier
from db.errors import is_away
from db.jobs import Job, Runner
from db.model.sessions import Session
from db.rows import Conn, Pool

log = structlog.get_logger()

_RECOMPUTE_BATCH = 100
_CLOSE_BATCH = 100
_REPORT_BATCH = 100
# Longer than any station has to answer: a process that was only cut off may still hear it.
_SENT_FOR = timedelta(minutes=3)
_GAPS_EVERY = timedelta(seconds=60)


class Jobs(Runner):
    """`run` is its one task."""

    def __init__(self, config: Config, pool: Pool, notifier: Notifier) -> None:
        self._config = config
        self._notifier = notifier
        super().__init__(
            pool,
            (
                Job("energy", timedelta(seconds=2), self.read_energy_again),
                Job("sessions", timedelta(seconds=15), self.end_doubtful_sessions),
                Job("gaps", _GAPS_EVERY, self.ask_for_lost_events),
                Job("closing", timedelta(seconds=1), self.close_asked_sessions),
                Job("quarantine", timedelta(seconds=1), self.settle_quarantine),
                Job("links", timedelta(seconds=10), self.release_dead_links),
                Job("reports", timedelta(seconds=10), self.give_up_silent_reports),
                Job("partitions", timedelta(hours=1), self.keep_partitions),
                Job("expiry", timedelta(hours=1), self.expire),
            ),
        )

    async def read_energy_again(self) -> None:
        """Sessions in which something out of the ordinary was measured."""
        async with self._pool.acquire(timeout=5) as conn:
            due = await sessions.list_recompute_due(conn, _RECOMPUTE_BATCH)

        async def again(conn: Conn, topics: set[str], session: Session) -> None:
            if session.is_recompute_due:
                await charging.read_again(conn, topics, session)

        await self._of_each("energy", due, again)

    async def end_doubtful_sessions(self) -> None:
        """
        Sessions whose charger never said the end: closed at what was last heard, with a flag.

        The charger's own end, when it comes, replaces it. One that can be asked first is asked.
        """
        async with self._pool.acquire(timeout=5) as conn:
            found = await session_doubts.list_doubtful(
                conn,
                now=datetime.now(UTC),
                silent_for=doubts.SILENT_FOR,
                fresh=doubts.FRESH,
            )

        await self._of_each("sessions", found, doubtful.judge)

    async def ask_for_lost_events(self) -> None:
        """
        2.x: an ended session of which events are missing: does its charger still have them?

        Told by the numbers of those that the message log has, a minute after the end (E14;
        digest 9.58). It is asked once; what it still has, it says itself.
        """
        until = datetime.now(UTC) - doubts.ASK_AFTER
        async with self._pool.acquire(timeout=5) as conn:
            found = await session_doubts.list_ended(
                conn, since=until - 2 * _GAPS_EVERY, until=until
            )

        await self._of_each("gaps", found, doubtful.ask_for_gaps)

    async def close_asked_sessions(self) -> None:
        """Sessions that a person closes, for their charger never said the end."""
        async with self._pool.acquire(timeout=5) as conn:
            asked = await session_closing.list_asked(conn, _CLOSE_BATCH)

        await self._of_each("closing", asked, doubtful.close)

    async def settle_quarantine(self) -> None:
        """Messages of which a person said whose they are."""
        async with self._pool.acquire(timeout=5) as conn:
            assigned = await quarantine.list_assigned(conn, _CLOSE_BATCH)

        async def give(conn: Conn, topics: set[str], session: Session) -> None:
            now = datetime.now(UTC)
            for kept in await quarantine.take_assigned(conn, session.station_id, session.id, now):
                current = await sessions.get(conn, session.id)
                await kept_frames.apply(conn, topics, current, kept)
                log.info("quarantine.applied", id=kept.id, session=session.id)

        await self._of_each("quarantine", assigned, give)

    async def release_dead_links(self) -> None:
        """What processes held, and had asked, that died and did not come back."""
        async with self._pool.acquire(timeout=5) as conn:
            gone = await links.release_dead(conn)
            expired = await commands.expire_sent(conn, older_than=_SENT_FOR)
            await hide_secrets(conn, expired)
        self._notifier.changed(
            *(changes.topic("station", station_id) for station_id in gone),
            *(commands.topic(command) for command in expired),
        )

    async def give_up_silent_reports(self) -> None:
        """Reports of which no part came for a minute: what is missing is said (D-P51)."""
        before = datetime.now(UTC) - parts.SILENT_FOR
        async with self._pool.acquire(timeout=5) as conn, conn.transaction():
            silent = await reports.list_silent(conn, before=before, limit=_REPORT_BATCH)
            for report in silent:
                present = await reports.seq_nos(conn, report.station_id, report.id)
                missing = parts.missing(present, report.last_seq_no)
                await reports.set_incomplete(conn, report, missing=missing)
                log.info(
                    "report.incomplete",
                    station_id=report.station_id,
                    kind=report.kind,
                    request_id=report.request_id,
                    missing=missing,
                )
        stations_ = {report.station_id for report in silent}
        self._notifier.changed(*(changes.topic("reports", each) for each in stations_))

    async def keep_partitions(self) -> None:
        """Days ahead are made; days past their time, or beyond the size, are dropped whole."""
        now = datetime.now(UTC)
        async with self._pool.acquire(timeout=5) as conn:
            for parent in ("reading", "message"):
                async with conn.transaction():
                    # Chargers wait behind this: better to try again in an hour.
                    await conn.execute("set local lock_timeout = '3s'")
                    await partitions.add_ahead(conn, parent, now.date())
        if self._config.readings_days:
            await self._drop("reading", now - timedelta(days=self._config.readings_days), None)
        await self._drop(
            "message",
            now - timedelta(days=self._config.message_log_days),
            int(self._config.message_log_gb * 2**30),
        )

    async def _drop(
        self, parent: partitions.Parent, before: datetime, most_bytes: int | None
    ) -> None:
        async with self._pool.acquire(timeout=5) as conn:
            days = await partitions.list_days(conn, parent)
            size = sum(size for _, size in days)
            for day, day_size in days:
                is_old = day < before.date()
                is_too_much = (
                    most_bytes is not None and size > most_bytes and day < datetime.now(UTC).date()
                )
                if is_old or is_too_much:
                    await partitions.drop(conn, parent, day)
                    size -= day_size
                    log.info("partition.dropped", table=parent, day=str(day), bytes=day_size)
            await partitions.delete_default_before(conn, parent, before)

    async def expire(self) -> None:
        async with self._pool.acquire(timeout=5) as conn:
            await expiry.delete_old(conn)

    async def _of_each(
        self,
        job: str,
        keys: Sequence[tuple[int, int]],
        run: Callable[[Conn, set[str], Session], Awaitable[None]],
    ) -> None:
        """
        Do it for each session, with its station's lock and a transaction of its own.

        One that is busy, or fails, waits for the next time and stops no other.
        """
        for station_id, session_id in keys:
            topics: set[str] = set()
            try:
                async with self._pool.acquire(timeout=5) as conn, conn.transaction():
                    if await sessions.try_lock_station(conn, station_id):
                        await run(conn, topics, await sessions.get(conn, session_id))
            except Exception as error:
                if is_away(error):
                    raise
                log.exception("job.session_failed", job=job, session=session_id)
                continue
            self._notifier.changed(*topics)

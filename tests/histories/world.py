"""One csms for thousands of histories: batches of boxes that live at the same time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from csms.jobs import Jobs
from db import connect, station_keys
from db.changes import Notifier
from db.rows import Pool
from tests.histories.oracle import differences
from tests.histories.physical import History
from tests.histories.play import Box
from tests.wire import KEY, Csms, csms

_DUE = """
    select exists (
        select from charging_session s join station on station.id = s.station_id
        where identity = any ($1::text[]) and is_recompute_due
    )
"""
_SILENCE = """
    update session_live set updated_at = session_live.updated_at - $2::interval
    from station where station.id = station_id and identity = any ($1::text[])
"""


@dataclass
class World:
    server: Csms
    pool: Pool
    jobs: Jobs
    played: int = 0
    _names: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def play(self, histories: Sequence[History]) -> str:
        """
        All at the same time; what differs from the truth, as a text to read; "" if nothing.

        Looked at a minute after the last word, and after two days of silence.
        """
        names = [f"BOX-{next(self._names)}" for _ in histories]
        await self._add_boxes(names)
        boxes = [
            Box(self.server.url, name, history)
            for name, history in zip(names, histories, strict=True)
        ]
        async with asyncio.TaskGroup() as lives:
            for box in boxes:
                lives.create_task(box.live())
        self.played += len(histories)
        told = []
        for silence, is_given_up in ((timedelta(seconds=61), False), (timedelta(days=2), True)):
            await self._pass(names, silence)
            for history, box in zip(histories, boxes, strict=True):
                found = await differences(self.pool, history, box, is_given_up=is_given_up)
                if found:
                    told.append(_read(history, box, [f"after {silence}:", *found]))
        return "\n\n".join(told)

    async def _add_boxes(self, names: Sequence[str]) -> None:
        salt, digest = station_keys.make(KEY)
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute(
                """
                insert into station (identity, public_id, key_salt, key_hash)
                select box, 'B' || lpad(substr(box, 5), 7, '0'), $2, $3
                from unnest($1::text[]) box
                """,
                list(names),
                salt,
                digest,
            )
            await conn.execute(
                """
                insert into id_token (uid, type, account_id)
                select card || '-' || box, 'ISO14443', account.id
                from unnest($1::text[]) box, unnest('{ADA,OMAR}'::text[]) card
                join account on account.email = lower(card) || '@example.org'
                """,
                list(names),
            )

    async def _pass(self, names: Sequence[str], silence: timedelta) -> None:
        """What the jobs do while nothing is heard, at once."""
        await self.pool.execute(_SILENCE, list(names), silence)
        await self.jobs.end_doubtful_sessions()
        async with asyncio.timeout(60):
            while await self.pool.fetchval(_DUE, list(names)):
                await self.jobs.read_energy_again()


@asynccontextmanager
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with csms(database_url, tmp_path, hold_s=120) as server:
        pool = await connect.create_pool(database_url, min_size=1, max_size=4)
        try:
            await pool.execute(
                "insert into account (email) values ('ada@example.org'), ('omar@example.org')"
            )
            notifier = Notifier(database_url)
            yield World(server, pool, Jobs(server.config, pool, notifier))
        finally:
            await pool.close()


def _read(history: History, box: Box, found: Sequence[str]) -> str:
    """A history as a conversation."""
    lines = [
        f"OCPP {history.dialect.version}, {box.identity}:",
        *(f"  in truth: {charge}" for charge in history.charges),
        *box.told,
        *(f"!! {difference}" for difference in found),
    ]
    return "\n".join(lines)

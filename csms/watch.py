"""Keep this process's word: its lease, its links' epochs, and when its stations were seen."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import structlog

from csms.config import Config
from csms.ocpp.links import Links
from csms.ocpp.runner import Runner
from db import changes, links, stations
from db.changes import Notifier
from db.errors import is_away
from db.rows import Conn, Pool

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
_LEASE_EVERY_S = 10.0
_SEEN_EVERY_S = 60.0
_STRAY_AFTER = timedelta(seconds=60)


class Watch:
    """`run` is its one task; `heard` is the listener's call."""

    def __init__(
        self, config: Config, pool: Pool, here: Links, runner: Runner, notifier: Notifier
    ) -> None:
        self._config = config
        self._pool = pool
        self._here = here
        self._runner = runner
        self._notifier = notifier
        self._doubted: set[int] = set()
        self._look = asyncio.Event()
        self._lease_at = self._seen_at = asyncio.get_running_loop().time()
        self.is_stopping = False

    def heard(self, topics: set[str]) -> None:
        """Another process may have taken a station, or somebody asked something of one."""
        for name in topics:
            kind, _, rest = name.partition(":")
            if kind == "command":
                self._runner.wake()
            elif kind == "link" and rest.isdigit() and self._here.get(int(rest)):
                self._doubted.add(int(rest))
                self._look.set()
            elif name == changes.RELOAD:
                self._runner.wake()
                self._doubted.update(self._here.station_ids())
                self._look.set()

    async def why_not_ready(self) -> str | None:
        if self.is_stopping:
            return "stopping"
        try:
            async with asyncio.timeout(2), self._pool.acquire() as conn:
                await conn.execute("select 1")
        except Exception as error:
            return f"the database does not answer: {error or type(error).__name__}"
        return None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, self._lease_at - loop.time())):
                    await self._look.wait()
            self._look.clear()
            try:
                async with self._pool.acquire(timeout=5) as conn:
                    await self._keep(conn, loop.time())
            except Exception as error:
                if not is_away(error):
                    log.exception("watch.failed")
                await asyncio.sleep(1)

    async def _keep(self, conn: Conn, now: float) -> None:
        """What failed is due again at once."""
        if now >= self._lease_at:
            await links.renew_lease(conn, self._config.node, LEASE)
            await self._release_strays(conn)
            self._doubted.update(self._here.station_ids())
            self._lease_at = now + _LEASE_EVERY_S
        if now >= self._seen_at:
            # An open link was heard within the ping's time: any frame or pong counts.
            await stations.set_seen(conn, self._here.station_ids(), datetime.now(UTC))
            self._seen_at = now + _SEEN_EVERY_S
        asked = list(self._doubted)
        if asked:
            self._doubted.clear()
            try:
                await self._fence(conn, asked)
            except BaseException:
                self._doubted.update(asked)
                raise

    async def _release_strays(self, conn: Conn) -> None:
        """Rows whose socket has ended while they could not be deleted."""
        strays = await links.release_strays(
            conn, self._config.node, held=self._here.station_ids(), after=_STRAY_AFTER
        )
        for station_id in strays:
            log.info("link.released_late", station_id=station_id)
            self._notifier.changed(changes.topic("station", station_id))

    async def _fence(self, conn: Conn, asked: list[int]) -> None:
        epochs = await links.epochs(conn, asked)
        self._here.fence(epochs, asked)
        lost = {
            station_id: link
            for station_id in asked
            if station_id not in epochs and (link := self._here.get(station_id))
        }
        if not lost:
            return
        # We were thought dead and are not. Whoever took a station meanwhile keeps it.
        held = await links.take_back(
            conn, self._config.node, {number: link.version for number, link in lost.items()}
        )
        for station_id, epoch in held.items():
            if self._here.get(station_id) is lost[station_id]:
                lost[station_id].epoch = epoch
            else:  # it ended, or was replaced, meanwhile
                await links.release(conn, station_id=station_id, epoch=epoch)
            self._notifier.changed(changes.topic("station", station_id))

"""Who is connected here now: the newest authenticated socket of a station wins."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from csms.ocpp.link import Link

REPLACED = 1008, "replaced"


class Links:
    def __init__(self) -> None:
        self._links: dict[int, Link] = {}
        self._coming: Counter[int] = Counter()
        self._closing: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._links.values()))

    def get(self, station_id: int) -> Link | None:
        return self._links.get(station_id)

    def station_ids(self) -> list[int]:
        return list(self._links)

    @contextmanager
    def coming(self, station_id: int) -> Iterator[None]:
        """From before its row in the database is there until it has entered, or has not."""
        self._coming[station_id] += 1
        try:
            yield
        finally:
            self._coming[station_id] -= 1
            if not self._coming[station_id]:
                del self._coming[station_id]

    def unready(self) -> list[int]:
        """Stations that must not be asked anything yet, as far as they are here."""
        return [*self._coming, *(link.station.id for link in self if not link.is_ready)]

    def enter(self, link: Link) -> bool:
        """Take the station's place here; False when a newer socket has it already."""
        held = self._links.get(link.station.id)
        if held is not None and held.epoch > link.epoch:
            return False
        self._links[link.station.id] = link
        if held is not None:
            self._close(held)
        return True

    def leave(self, link: Link) -> None:
        """The late close of an old socket must not unregister the new one."""
        if self._links.get(link.station.id) is link:
            del self._links[link.station.id]

    def fence(self, epochs: dict[int, int], asked: list[int]) -> None:
        """Close what another process has taken over; `epochs` is what the database says."""
        for station_id in asked:
            link = self._links.get(station_id)
            if link is not None and epochs.get(station_id, 0) > link.epoch:
                del self._links[station_id]
                self._close(link)

    def _close(self, link: Link) -> None:
        task = asyncio.create_task(link.close(*REPLACED))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def finish_all(self, code: int, reason: str) -> None:
        """Close each once what it was asked is answered; the caller bounds it."""
        await asyncio.gather(*(link.finish(code, reason) for link in self), return_exceptions=True)

    async def close_all(self, code: int, reason: str) -> None:
        await asyncio.gather(*(link.close(code, reason) for link in self), return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)

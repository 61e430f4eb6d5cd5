"""Who waits for what ingest writes: told once, of the commit, or that it took too long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from csms.items import Item, Settled

log = structlog.get_logger()

_LOOK_S = 0.25


class Waiting:
    """One look a moment at who waits longest: a timer for each message costs more."""

    def __init__(self) -> None:
        self._items: list[Item] = []  # and some who no longer wait

    def add(self, item: Item, settled: Settled, give_up_at: float) -> None:
        item.settled, item.give_up_at = settled, give_up_at
        self._items.append(item)

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            now = asyncio.get_running_loop().time()
            self._items = [item for item in self._items if item.settled is not None]
            settle([item for item in self._items if item.give_up_at <= now], TimeoutError())


def settle(items: Iterable[Item], error: Exception | None) -> None:
    """Tell who waits, but after the next batch is on its way: the database need not wait too."""
    told = []
    for item in items:
        if item.settled is not None:
            told.append(item.settled)
            item.settled = None
    if told:
        asyncio.get_running_loop().call_soon(_tell, told, error)


def _tell(told: list[Settled], error: Exception | None) -> None:
    for settled in told:
        try:
            settled(error)
        except Exception:
            log.exception("ingest.not_told")

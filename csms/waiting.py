"""Who waits for what ingest writes is told once: of the commit, or that it took too long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from csms.items import Item, Settled

log = structlog.get_logger()


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

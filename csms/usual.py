"""
The usual batch: well-dated measurements of running sessions that we know.

The running figures of a session are remembered between batches, so that it reads nothing: it
inserts readings, and moves each live row on from the version that it knows, in one statement. All
of it but the statement can be done while the batch before is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from csms.items import Item, Outcome, Sessions, advance, row
from db import changes, hot_path
from db.hot_path import Usual
from db.messages import Message
from db.model.readings import Reading
from db.model.sessions import SessionLive
from db.rows import Conn


def live_of(known: Sessions, item: Item) -> SessionLive | None:
    """The session of a well-dated measurement of one that runs and that we know, and no more."""
    live = known.get(item)
    if (
        live is None
        or not item.is_metering
        or item.quarantine is not None
        or item.statuses
        or (live.evse is None and item.evse is not None)
    ):
        return None
    for measured in item.measured:
        if measured.flags:
            return None
    return live


class Ready(NamedTuple):
    """A batch as its statement takes it."""

    items: list[Item]
    steps: list[Usual]
    parameters: list[object]


def prepare(pairs: list[tuple[Item, SessionLive]], logged: Sequence[Message]) -> Ready:
    """Move the figures on in memory. Whoever does not write it forgets the sessions' stations."""
    # In one order, so that two processes with the same readings cannot deadlock.
    pairs.sort(key=lambda pair: pair[0].station_id)
    rows: list[Reading] = []
    seen: set[tuple[int, bytes]] = set()
    sums: dict[int, list[Any]] = {}  # live, its energy before, readings, is odd
    for item, live in pairs:
        item.session_id = session_id = live.session_id
        sum_ = sums.get(session_id)
        if sum_ is None:
            sum_ = sums[session_id] = [live, live.energy_wh, 0, False]
        keys = set()
        for measured in item.measured:
            key = item.station_id, measured.fingerprint
            if key not in seen:
                seen.add(key)
                keys.add(key)
                rows.append(row(item, measured, session_id))
        sum_[2] += len(keys)
        sum_[3] |= not advance(live, item, keys)
    steps = [
        (live, live.energy_wh - before, count, is_odd)
        for live, before, count, is_odd in sums.values()
    ]
    hour = pairs[0][0].received_at.replace(minute=0, second=0, microsecond=0)
    parameters = hot_path.parameters(rows, steps, logged, hour)
    return Ready([item for item, _ in pairs], steps, parameters)


async def write(conn: Conn, known: Sessions, ready: Ready) -> Outcome:
    """The same as `batch.write`, in one statement that is its own transaction."""
    out = Outcome()
    moved = await hot_path.write(conn, ready.parameters)
    for live, _, _, _ in ready.steps:
        out.topics.add(changes.topic("session", live.session_id, account_id=live.account_id))
        if live.session_id in moved:
            live.version += 1
        else:
            known.forget_stations([live.station_id])
    return out

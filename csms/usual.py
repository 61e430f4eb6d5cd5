"""
The usual batch: well-dated measurements of running sessions that we know.

The running figures of a session are remembered between batches, so that it reads nothing: it
inserts readings, and moves each live row on from the version that it knows, in one statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.items import Item, Outcome, Sessions, advance, row
from db import changes, hot_path
from db.hot_path import Usual
from db.messages import Message
from db.model.readings import Reading
from db.rows import Conn
from db.session_live import Step


def is_usual(known: Sessions, item: Item) -> bool:
    """A well-dated measurement of a running session that we know, and nothing else."""
    live = known.get(item)
    return (
        live is not None
        and item.is_metering
        and item.quarantine is None
        and item.status is None
        and (live.evse is not None or item.evse is None)
        and not any(measured.flags for measured in item.measured)
    )


async def write(
    conn: Conn, known: Sessions, items: Sequence[Item], logged: Sequence[Message]
) -> Outcome:
    """The same as `batch.write`, in one statement that is its own transaction."""
    out = Outcome()
    rows: list[Reading] = []
    seen: set[tuple[int, bytes]] = set()
    sums: dict[int, list[Any]] = {}  # live, its energy before, readings, is odd
    for item in items:
        live = known.get(item)
        assert live is not None, "a usual item has one"
        sum_ = sums.setdefault(live.session_id, [live, live.energy_wh, 0, False])
        item.session_id = live.session_id
        new = [m for m in item.measured if (item.station_id, m.fingerprint) not in seen]
        keys = {(item.station_id, measured.fingerprint) for measured in new}
        seen |= keys
        rows.extend([row(item, measured, live.session_id) for measured in new])
        sum_[2] += len(keys)
        sum_[3] |= not advance(live, item, keys)
    steps = [
        Usual(Step(live, live.energy_wh - before), count, is_odd)
        for live, before, count, is_odd in sums.values()
    ]
    hour = items[0].received_at.replace(minute=0, second=0, microsecond=0)
    moved = await hot_path.write(conn, rows, steps, logged, hour)
    for step, _, _ in steps:
        live = step.live
        out.topics.add(changes.topic("session", live.session_id, account_id=live.account_id))
        if live.session_id in moved:
            live.version += 1
        else:
            known.forget_stations([live.station_id])
    return out

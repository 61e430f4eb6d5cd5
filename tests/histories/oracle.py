"""The rows of a box against what physically happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from db.rows import Pool
from tests.histories.physical import Charge, History
from tests.histories.play import Box

_SESSIONS = """
    select s.*, account.email, live.energy_wh as live_wh
    from charging_session s
    join station on station.id = s.station_id
    left join account on account.id = s.account_id
    left join session_live live on live.station_id = s.station_id and live.session_id = s.id
    where station.identity = $1
    order by s.started_at, s.evse, s.id
"""
_READ_TWICE = """
    select evse, said_at from reading join station on station.id = station_id
    where identity = $1 group by evse, session_id, said_at, samples having count(*) > 1
"""


async def differences(pool: Pool, history: History, box: Box, *, is_given_up: bool) -> list[str]:
    """
    One sentence for each difference between the rows and the truth.

    Args:
        is_given_up: the box was silent for so long that what it did not end has ended.
    """
    rows = [dict(row) for row in await pool.fetch(_SESSIONS, box.identity)]
    charges = sorted(history.charges, key=lambda charge: (charge.began_s, charge.evse))
    found = [f"never refused: {refused}" for refused in box.refusals]
    found += [
        f"a start was answered with the numbers {sorted(numbers)}"
        for numbers in box.numbers.values()
        if len(numbers) > 1
    ]
    twice = await pool.fetch(_READ_TWICE, box.identity)
    found += [f"the reading of {row['said_at']} is there twice" for row in twice]
    if len(rows) != len(charges):
        began = [f"{row['started_at']:%H:%M:%S}" for row in rows]
        return [*found, f"{len(charges)} charges are {len(rows)} sessions, begun at {began}"]
    for charge, row in zip(charges, rows, strict=True):
        later = [c for c in charges if c.evse == charge.evse and c.began_s > charge.began_s]
        facts = _facts(history, charge, row, box.identity)
        if not charge.is_end_said and (is_given_up or not later):
            facts = itertools.chain(facts, [("is_finalized", row["is_finalized"], is_given_up)])
        for what, is_so, truth in facts:
            if is_so != truth:
                found.append(
                    f"session {row['id']} ({charge.started_at:%H:%M:%S} on EVSE {charge.evse}, "
                    f"flags {row['flags']}): {what} is {is_so}, in truth {truth}"
                )
    return found


def _facts(
    history: History, charge: Charge, row: Mapping[str, Any], name: str
) -> Iterator[tuple[str, object, object]]:
    """(what, as the row has it, as it was)."""
    yield "evse", row["evse"], charge.evse
    yield "started_at", row["started_at"], charge.started_at
    yield "id_token", row["id_token"], f"{charge.card}-{name}"
    yield "account", row["email"], f"{charge.card.lower()}@example.org"
    if charge.is_end_said:
        yield "ended_at", row["ended_at"], charge.ended_at
        yield "energy_wh", row["energy_wh"], charge.energy_wh
        yield "stop_reason", row["stop_reason"], charge.reason
        yield "is_finalized", row["is_finalized"], True
        # That an end was guessed stays said, until a person looks (decision on digest 9.3).
        yield "is_end_inferred", row["is_end_inferred"], history.never_hears_start_answer
        return
    # Nobody knows more than the last reading; a later session ends it if it runs by then.
    heard_wh = charge.readings[-1][1] if charge.readings else 0
    is_ended = row["is_finalized"]
    yield "is_end_inferred", row["is_end_inferred"], is_ended
    if is_ended and charge.readings:
        heard_at = charge.started_at + timedelta(seconds=charge.readings[-1][0])
        yield "it ended after what was heard", row["ended_at"] >= heard_at, True
    yield "energy_wh", row["energy_wh"] if is_ended else int(row["live_wh"]), heard_wh

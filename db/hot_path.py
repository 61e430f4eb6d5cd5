"""
The usual batch in one statement: readings of running sessions, and their figures.

One statement is one round trip and one commit: while the event loop is busy with frames, each
further round trip would wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import asyncpg

from db.arrays import Table
from db.messages import MESSAGES, Message
from db.model.readings import Reading
from db.model.sessions import SessionLive
from db.readings import READINGS
from db.rows import Conn
from db.session_live import STEPS, moving, row

#: A live row as it is to be, from the version that it was made of; by how many Wh it grew, with how
#: many readings; and whether the series must be read again.
Usual = tuple[SessionLive, Decimal, int, bool]


async def connect(url: str) -> asyncpg.Connection[asyncpg.Record]:
    """A connection for it: nothing may keep it for long."""
    return await asyncpg.connect(
        url,
        timeout=5,
        server_settings={
            "lock_timeout": "2s",
            "statement_timeout": "20s",
            "idle_in_transaction_session_timeout": "20s",
            # The same few statements for ever, and planning costs more than they do.
            "plan_cache_mode": "force_generic_plan",
            "jit": "off",
        },
    )


def parameters(
    readings: Sequence[Reading],
    steps: Sequence[Usual],
    messages: Sequence[Message],
    hour: datetime,
) -> list[object]:
    """What `write` takes; to make it takes time, which need not be the database's."""
    return [
        *READINGS.parameters(readings),
        *_STEPS.parameters(
            [(*row(live, grown_wh), count, is_odd) for live, grown_wh, count, is_odd in steps]
        ),
        *MESSAGES.parameters(messages),
        hour,
    ]


async def write(conn: Conn, parameters: Sequence[object]) -> set[int]:
    """
    Write it all; the ids of the sessions whose figures were moved on.

    A live row of another version, one that somebody holds, and one whose readings were not all new
    is left alone, and its session is marked to be read again: in the same commit.
    """
    return {record[0] for record in await conn.fetch(_STATEMENT, *parameters)}


_STEPS = Table(**STEPS.kinds, readings="int", is_odd="boolean")
_FIRST_STEP = 1 + READINGS.size
_FIRST_MESSAGE = _FIRST_STEP + _STEPS.size
_HOUR = _FIRST_MESSAGE + MESSAGES.size

_ALL_NEW = """
    left join counted using (station_id, session_id)
    where coalesce(counted.readings, 0) = step.readings
"""

_STATEMENT = f"""
    with new as materialized (
        {READINGS.select()}
    ), added as (
        insert into reading ({READINGS.names}) select {READINGS.names} from new
        on conflict do nothing
        returning station_id, session_id
    ), counted as (
        select station_id, session_id, count(*) as readings from added group by 1, 2
    ), step as materialized (
        {_STEPS.select(_FIRST_STEP)}
    ), {moving(f"${_HOUR}", _ALL_NEW)}, marked as (
        update charging_session session
        set is_recompute_due = true,
            updated_at = case
                when session.is_finalized then greatest(session.updated_at, now())
                else session.updated_at
            end
        from step
        where session.station_id = step.station_id and session.id = step.session_id
            and (
                step.is_odd
                -- Not a join: each step would be compared with each row that was moved.
                or (step.station_id, step.session_id) not in (
                    select station_id, session_id from mine
                )
            )
    ), logged as (
        insert into message ({MESSAGES.names}) {MESSAGES.select(_FIRST_MESSAGE)}
    )
    select session_id from moved
"""

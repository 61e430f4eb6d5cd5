"""
The usual batch in one statement: readings of running sessions, and their figures.

One statement is one round trip and one commit: while the event loop is busy with frames, each
further round trip would wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from db import arrays
from db.messages import Message
from db.model.readings import Reading
from db.readings import READING
from db.rows import Conn
from db.session_live import Step


class Usual(NamedTuple):
    """A step of a session with what it was made of: how many readings; and whether it is odd."""

    step: Step
    readings: int
    is_odd: bool


async def write(
    conn: Conn,
    readings: Sequence[Reading],
    steps: Sequence[Usual],
    messages: Sequence[Message],
    hour: datetime,
) -> set[int]:
    """
    Write it all; the ids of the sessions whose figures were moved on.

    A live row of another version, one that somebody holds, and one whose readings were not all new
    is left alone, and its session is marked to be read again: in the same commit.
    """
    lives = [usual.step.live for usual in steps]
    records = await conn.fetch(
        _STATEMENT,
        arrays.integers([row.station_id for row in readings]),
        arrays.times([row.at for row in readings]),
        [row.fingerprint for row in readings],
        arrays.times([row.received_at for row in readings]),
        arrays.texts([row.said_at for row in readings]),
        arrays.integers([row.session_id for row in readings]),
        arrays.integers([row.evse for row in readings]),
        arrays.integers([row.connector for row in readings]),
        arrays.texts([row.transaction_id for row in readings]),
        arrays.texts([row.context for row in readings]),
        arrays.integers([row.energy_wh for row in readings]),
        arrays.integers([row.power_w for row in readings]),
        arrays.decimals([row.soc_pct for row in readings]),
        [row.samples for row in readings],
        arrays.texts([row.flags for row in readings]),
        arrays.integers([live.station_id for live in lives]),
        arrays.integers([live.session_id for live in lives]),
        arrays.integers([live.version for live in lives]),
        arrays.texts([live.series for live in lives]),
        arrays.decimals([live.register_wh for live in lives]),
        arrays.times([live.register_at for live in lives]),
        arrays.decimals([live.energy_wh for live in lives]),
        arrays.integers([live.power_w for live in lives]),
        arrays.decimals([live.soc_pct for live in lives]),
        arrays.texts([live.charging_state for live in lives]),
        arrays.times([live.updated_at for live in lives]),
        arrays.decimals([usual.step.grown_wh for usual in steps]),
        arrays.integers([usual.readings for usual in steps]),
        arrays.integers([int(usual.is_odd) for usual in steps]),
        hour,
        arrays.integers([message.station_id for message in messages]),
        arrays.times([message.received_at for message in messages]),
        arrays.integers([int(message.is_ours) for message in messages]),
        arrays.texts([message.message_id for message in messages]),
        arrays.texts([message.action for message in messages]),
        [message.body for message in messages],
        [message.answer for message in messages],
        arrays.integers([message.took_ms for message in messages]),
    )
    return {record[0] for record in records}


_STATEMENT = f"""
    with new as materialized (
        select station_id, {arrays.time_of("at_us")} as at, fingerprint,
            {arrays.time_of("received_us")} as received_at, said_at, session_id, evse, connector,
            transaction_id, context, energy_wh, power_w, soc_pct, samples,
            string_to_array(flags, ' ') as flags
        from unnest($1::text::bigint[], $2::text::bigint[], $3::bytea[], $4::text::bigint[],
            $5::text::text[], $6::text::bigint[], $7::text::int[], $8::text::int[],
            $9::text::text[], $10::text::text[], $11::text::bigint[], $12::text::int[],
            $13::text::numeric[], $14::bytea[], $15::text::text[])
            as t (station_id, at_us, fingerprint, received_us, said_at, session_id, evse,
                connector, transaction_id, context, energy_wh, power_w, soc_pct, samples, flags)
    ), added as (
        insert into reading ({READING}) select {READING} from new
        on conflict do nothing
        returning station_id, session_id
    ), counted as (
        select station_id, session_id, count(*) as readings from added group by 1, 2
    ), step as materialized (
        select * from unnest($16::text::bigint[], $17::text::bigint[], $18::text::int[],
            $19::text::text[], $20::text::numeric[], $21::text::bigint[], $22::text::numeric[],
            $23::text::int[], $24::text::numeric[], $25::text::text[], $26::text::bigint[],
            $27::text::numeric[], $28::text::int[], $29::text::int[])
            as t (station_id, session_id, version, series, register_wh, register_us, energy_wh,
                power_w, soc_pct, charging_state, updated_us, grown_wh, readings, is_odd)
    ), mine as materialized (
        select live.station_id, live.session_id
        from session_live live
        join step using (station_id, session_id)
        left join counted using (station_id, session_id)
        where live.version = step.version and coalesce(counted.readings, 0) = step.readings
        order by live.station_id, live.session_id
        for update of live skip locked
    ), moved as (
        update session_live live
        set version = live.version + 1, series = step.series, register_wh = step.register_wh,
            register_at = {arrays.time_of("step.register_us")}, energy_wh = step.energy_wh,
            power_w = step.power_w, soc_pct = step.soc_pct, charging_state = step.charging_state,
            updated_at = {arrays.time_of("step.updated_us")}
        from step join mine using (station_id, session_id)
        where live.station_id = step.station_id and live.session_id = step.session_id
        returning live.station_id, live.session_id, step.grown_wh
    ), hourly as (
        insert into energy_hourly (station_id, hour, energy_wh)
        select station_id, $30, sum(grown_wh) from moved
        group by station_id
        having sum(grown_wh) <> 0
        order by station_id
        on conflict (station_id, hour) do update
        set energy_wh = energy_hourly.energy_wh + excluded.energy_wh
    ), marked as (
        update charging_session session
        set is_recompute_due = true,
            updated_at = case when is_finalized then greatest(updated_at, now()) else updated_at end
        from step
        left join mine using (station_id, session_id)
        where session.station_id = step.station_id and session.id = step.session_id
            and (step.is_odd = 1 or mine.session_id is null)
    ), logged as (
        insert into message
            (station_id, received_at, is_ours, message_id, action, body, answer, took_ms)
        select station_id, {arrays.time_of("received_us")}, is_ours = 1, message_id, action, body,
            answer, took_ms
        from unnest($31::text::bigint[], $32::text::bigint[], $33::text::int[], $34::text::text[],
            $35::text::text[], $36::bytea[], $37::bytea[], $38::text::int[])
            as t (station_id, received_us, is_ours, message_id, action, body, answer, took_ms)
    )
    select session_id from moved
"""

"""The four counters above the admin's sessions: of all sessions, whatever the filters are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from db.rows import Conn, one

#: Seven days are 168 hours that end now (decision 17).
WINDOW = timedelta(hours=168)


@dataclass(frozen=True, slots=True)
class Counters:
    """
    `today`: sessions heard of since midnight. `energy_wh`: what arrived in the window, from hourly
    roll-ups. `recent`: sessions with an update in it. `quiet_for`: how long the active session that
    was not heard of for longest has been silent.
    """

    today: int
    energy_wh: Decimal
    recent: int
    active: int
    silent: int
    quiet_for: timedelta | None

    @property
    def average_wh(self) -> Decimal:
        """Of a session; 0 where there is none (S59)."""
        if not self.recent:
            return Decimal(0)
        return self.energy_wh / self.recent


async def read(conn: Conn, *, midnight: datetime, now: datetime, silent_s: int) -> Counters:
    """
    `midnight` is the last local one. An hour of the roll-up is in the window if it begins in it:
    168 of them, with the one that runs.
    """
    return await one(
        conn,
        Counters,
        """
        select
            (
                select count(*) from charging_session
                where is_finalized and updated_at >= $1
            ) + running.today as today,
            (
                select coalesce(sum(energy_wh), 0) from energy_hourly where hour > $2
            ) as energy_wh,
            (
                select count(*) from charging_session
                where is_finalized and updated_at > $2
            ) + running.recent as recent,
            running.active, running.silent, $4 - running.quietest_at as quiet_for
        from (
            select count(*) as active,
                count(*) filter (where at >= $1) as today,
                count(*) filter (where at > $2) as recent,
                count(*) filter (where at < $3) as silent,
                min(at) filter (where at < $3) as quietest_at
            from (
                select coalesce(live.updated_at, s.updated_at) as at
                from charging_session s left join session_live live
                    on live.station_id = s.station_id and live.session_id = s.id
                where not s.is_finalized
            ) open
        ) running
        """,
        midnight,
        now - WINDOW,
        now - timedelta(seconds=silent_s),
        now,
    )

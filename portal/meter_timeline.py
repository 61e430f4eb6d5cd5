"""The meter timeline of a session, made of what the database has of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from csms.rules.timeline import Bounds, Read, Timeline, timeline
from db.model.stations import UNKNOWN_MAX_POWER_W
from db.session_readings import Figures


class Measured(Protocol):
    """A session as any page has it. `max_power_w` is of its connector, where that is known."""

    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def meter_start_wh(self) -> int | None: ...
    @property
    def meter_stop_wh(self) -> int | None: ...
    @property
    def max_power_w(self) -> int | None: ...


def read(session: Measured, figures: Sequence[Figures]) -> Timeline:
    return timeline(
        [
            Read(
                row.at,
                row.received_at,
                row.energy_wh,
                row.power_w,
                row.context,
                frozenset(row.flags),
                row.soc_pct,
            )
            for row in figures
        ],
        Bounds(
            session.started_at,
            session.ended_at,
            session.meter_start_wh,
            session.meter_stop_wh,
            session.max_power_w or UNKNOWN_MAX_POWER_W,
        ),
    )

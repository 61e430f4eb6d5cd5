"""What one message brings to ingest, and the running sessions that this process has met."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from csms.rules import metering
from csms.rules.series import Figures
from db.model.readings import Reading
from db.model.reports import StationEvent
from db.model.sessions import Family, SessionLive
from db.stations import StatusReport

_MOST_STATIONS = 50_000


class Measured(msgspec.Struct):
    """One moment, normalised; its session is found when it is written."""

    at: datetime
    said_at: str | None
    fingerprint: bytes
    samples: bytes  # as they are stored
    figures: Figures
    flags: str  # joined by spaces


Settled = Callable[[Exception | None], None]


class Item(msgspec.Struct):
    """What one message brings; `transaction_id` None means by EVSE and time."""

    station_id: int
    family: Family
    received_at: datetime
    evse: int | None = None
    connector: int | None = None
    transaction_id: str | None = None
    measured: list[Measured] = []  # each has its own
    charging_state: str | None = None
    statuses: tuple[StatusReport, ...] = ()
    needs_session: bool = False  # else what has no session is kept without one
    quarantine: tuple[str, str, bytes, str] | None = None  # action, message id, body, problem
    # Action, message id and body: kept apart if its transaction is another station's.
    said: tuple[str, str, bytes] | None = None
    events: tuple[StationEvent, ...] = ()
    settled: Settled | None = None  # who waits for the commit, until told
    give_up_at: float = 0.0  # by the loop's clock
    session_id: int | None = None  # found when written

    @property
    def is_metering(self) -> bool:
        return self.needs_session or bool(self.measured)


@dataclass(slots=True)
class Outcome:
    refused: set[int] = field(default_factory=set)  # id(item): needs a session that is not there
    topics: set[str] = field(default_factory=set)


class Sessions:
    """The running sessions that this process has met, by station, as it last wrote them."""

    def __init__(self) -> None:
        self._lives: dict[int, dict[tuple[Family, str], SessionLive]] = {}

    def get(self, item: Item) -> SessionLive | None:
        if item.transaction_id is None:
            return None
        lives = self._lives.get(item.station_id)
        return None if lives is None else lives.get((item.family, item.transaction_id))

    def remember(self, lives: Iterable[SessionLive]) -> None:
        if len(self._lives) > _MOST_STATIONS:
            self._lives.clear()
        for live in lives:
            station = self._lives.setdefault(live.station_id, {})
            station[live.family, live.transaction_id] = live

    def forget_stations(self, station_ids: Iterable[int]) -> None:
        for station_id in station_ids:
            self._lives.pop(station_id, None)


def row(item: Item, measured: Measured, session_id: int | None, flags: str = "") -> Reading:
    figures = measured.figures
    return Reading(
        item.station_id,
        measured.at,
        measured.fingerprint,
        item.received_at,
        measured.said_at,
        session_id,
        item.evse,
        item.connector,
        item.transaction_id,
        figures.context,
        figures.energy_wh,
        figures.power_w,
        figures.soc_pct,
        measured.samples,
        f"{measured.flags} {flags}".strip() if flags else measured.flags,
    )


def advance(live: SessionLive, item: Item, added: set[tuple[int, bytes]]) -> bool:
    """Move the live figures on by what is new; False when the series must be read again."""
    is_regular = True
    measured_in_order = (
        item.measured
        if len(item.measured) < 2
        else sorted(item.measured, key=lambda measured: measured.at)
    )
    for measured in measured_in_order:
        if (item.station_id, measured.fingerprint) in added:
            is_regular &= metering.advance(live, measured.at, measured.figures)
    if item.charging_state is not None:
        live.charging_state = item.charging_state
    live.updated_at = max(live.updated_at, item.received_at)
    return is_regular

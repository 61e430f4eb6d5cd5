"""A session is one charge of one vehicle; its live figures are a row of their own while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Family = Literal["v16", "v2"]


@dataclass(frozen=True, slots=True)
class Session:
    station_id: int
    id: int
    family: Family
    transaction_id: str
    generation: int
    start_key: bytes | None
    evse: int | None
    connector: int | None
    id_token: str | None
    stop_id_token: str | None
    account_id: int | None
    authorization_status: str | None
    started_at: datetime
    start_received_at: datetime
    ended_at: datetime | None
    end_received_at: datetime | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    energy_wh: int | None
    is_finalized: bool
    is_end_inferred: bool
    is_recompute_due: bool
    stop_reason: str | None
    flags: list[str]
    updated_at: datetime
    stop_key: bytes | None = None
    authorized_at: datetime | None = None
    read_from: datetime | None = None


@dataclass(slots=True)
class SessionLive:
    """The running figures; not frozen: ingest advances it reading by reading within one batch."""

    station_id: int
    session_id: int
    transaction_id: str
    evse: int | None
    started_at: datetime
    max_power_w: int
    series: str | None
    register_wh: Decimal | None
    register_at: datetime | None
    energy_wh: Decimal
    power_w: int | None
    soc_pct: Decimal | None
    charging_state: str | None
    updated_at: datetime
    account_id: int | None = None  # whose pages may show it
    family: Family = "v16"
    version: int = 0  # moves with every write


@dataclass(frozen=True, slots=True)
class EndSigns:
    """
    What speaks for the end of a session that runs by what we know.

    `booted_at`, `boots_since` (the first of the boots in this hour) and `free_since` by our clock;
    `free_at` and `next_started_at` by the charger's: when its EVSE was free, and when a later
    session began on it.
    """

    booted_at: datetime | None = None
    boots_since: datetime | None = None
    free_since: datetime | None = None
    free_at: datetime | None = None
    next_started_at: datetime | None = None
    can_be_asked: bool = False  # its station is here

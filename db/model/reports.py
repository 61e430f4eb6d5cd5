"""What stations report beside sessions, as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

EventKind = Literal["security", "event", "grid"]
JobKind = Literal["firmware", "publish_firmware", "log", "diagnostics"]
Progress = Literal["running", "done", "failed", "cancelled", "idle"]


class StationEvent(NamedTuple):
    """One event as it is written; `fingerprint` covers all that makes two the same one."""

    station_id: int
    fingerprint: bytes
    kind: EventKind
    type: str  # the station's own word
    at: datetime
    said_at: str | None
    received_at: datetime
    is_critical: bool
    flags: str = ""  # joined by spaces
    is_cleared: bool | None = None
    severity: int | None = None  # 0 danger to 9 debug
    trigger: str | None = None
    event_number: int | None = None
    cause_number: int | None = None
    monitor_number: int | None = None
    source: str | None = None
    component: str | None = None
    component_instance: str | None = None
    evse: int | None = None
    connector: int | None = None
    variable: str | None = None
    variable_instance: str | None = None
    value: str | None = None
    tech_code: str | None = None
    tech_info: str | None = None
    transaction_id: str | None = None

"""What stations report beside sessions, as rows."""

from __future__ import annotations

from dataclasses import dataclass
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


ReportKind = Literal[
    "variables",
    "monitors",
    "charging_profiles",
    "der_controls",
    "display_messages",
    "customer_information",
]
ReportState = Literal["collecting", "complete", "incomplete"]


@dataclass(frozen=True, slots=True)
class Variable:
    """One attribute of one variable; "" and 0 mean none."""

    component: str
    component_instance: str
    evse: int
    connector: int
    variable: str
    variable_instance: str
    attribute: str
    value: str | None
    mutability: str
    is_persistent: bool
    is_constant: bool
    unit: str | None
    data_type: str | None
    min_limit: float | None
    max_limit: float | None
    max_elements: int | None
    values_list: str | None
    supports_monitoring: bool | None


@dataclass(frozen=True, slots=True)
class Monitor:
    """What a station watches by itself; `number` is its own."""

    number: int
    component: str
    component_instance: str | None
    evse: int | None
    connector: int | None
    variable: str
    variable_instance: str | None
    type: str
    value: float | None
    severity: int | None
    is_in_transactions_only: bool
    source: str | None


StatementKind = Literal[
    "charging_limit",
    "charging_profile",
    "priority_charging",
    "der_control",
    "der_activity",
    "battery_swap",
    "settlement",
    "display_message",
    "reservation",
]


@dataclass(frozen=True, slots=True)
class Statement:
    """
    What a station states of one thing; `facts` is JSON in our words.

    `subject` says which thing of its kind, so that the next statement of it takes its place.
    """

    kind: StatementKind
    subject: str
    state: str
    fingerprint: bytes  # of state and facts
    at: datetime
    evse: int | None
    transaction_id: str | None
    facts: bytes

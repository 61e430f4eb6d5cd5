"""A station is the box that holds one socket; it has EVSEs, and those have connectors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Registration = Literal["Accepted", "Pending", "Rejected"]
#: OCPP's security profiles: without a password, Basic, Basic over TLS, TLS with a certificate.
Profile = Literal[0, 1, 2, 3]
ConnectorStatus = Literal["Available", "Occupied", "Reserved", "Unavailable", "Faulted"]
#: What a connector without a known power may give at most.
UNKNOWN_MAX_POWER_W = 400_000


@dataclass(frozen=True, slots=True)
class Station:
    id: int
    identity: str
    public_id: str
    name: str | None
    site_id: int | None
    registration: Registration
    key_salt: bytes | None
    key_hash: bytes | None
    assume_1_6: bool
    strict: bool
    says_kwh: bool  # its energy, where it names no unit
    clock_offset_h: int  # how far ahead of UTC the times are that it calls UTC
    least_profile: Profile
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None
    ocpp_version: str | None
    status: ConnectorStatus | None
    reported: str | None
    error: str | None
    status_at: datetime | None
    booted_at: datetime | None
    last_seen_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Connector:
    station_id: int
    evse: int
    connector: int
    type: str | None
    max_power_w: int | None
    status: ConnectorStatus | None
    reported: str | None
    error: str | None
    status_at: datetime | None
    status_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Link:
    station_id: int
    node: str
    epoch: int
    ocpp_version: str
    remote_address: str | None
    since: datetime

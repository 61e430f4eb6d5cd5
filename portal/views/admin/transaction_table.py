"""A session as a line of a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from db.session_exports import ExportRow

Cell = str | int | Decimal | None

#: With unit and zone, for a file outlives the page.
HEADER = (
    "Session",
    "Status",
    "EV card",
    "Driver",
    "E-mail",
    "Charger",
    "Identity",
    "Site",
    "EVSE",
    "Started",
    "Ended",
    "Energy, kWh",
    "Cost",
    "Credit",
    "Currency",
    "Stop reason",
    "Flags",
    "Transaction",
    "Last synced",
)


def cells(row: ExportRow, zone: str) -> Sequence[Cell]:
    """Times are of the operator's zone, each with its offset from UTC."""
    return (
        row.number,
        "Completed" if row.is_finalized else "In progress",
        row.id_token,
        row.driver,
        row.email,
        row.charger,
        row.identity,
        row.site,
        row.evse,
        _time(row.started_at, zone),
        _time(row.ended_at, zone),
        None if row.energy_wh is None else Decimal(row.energy_wh) / 1000,
        row.total,
        row.credited or None,
        row.currency,
        row.stop_reason,
        ", ".join(row.flags),
        row.transaction_id,
        _time(row.updated_at, zone),
    )


def _time(at: datetime | None, zone: str) -> str | None:
    return None if at is None else at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")

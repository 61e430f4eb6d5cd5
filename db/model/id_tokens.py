"""What a driver presents: RFID, app, contract. "EV card" in pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

IdTokenStatus = Literal["Accepted", "Blocked", "Expired", "Invalid", "Unknown"]
Purpose = Literal["authorize", "start", "stop"]


@dataclass(frozen=True, slots=True)
class IdToken:
    id: int
    uid: str
    type: str
    status: IdTokenStatus
    expires_at: datetime | None
    group_uid: str | None
    account_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind a card: whose it is, and the card that its group is named by."""

    is_account_active: bool = True
    group_status: IdTokenStatus | None = None  # None: no such card is registered
    group_expires_at: datetime | None = None

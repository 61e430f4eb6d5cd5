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

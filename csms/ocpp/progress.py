"""How far a station's jobs are: firmware, logs, diagnostics; the same in every version."""

from __future__ import annotations

from typing import Any

from csms.masking import clean
from csms.ocpp.handling import Call, Rare
from csms.ocpp.salvage import integer, text
from csms.rules.progress import progress
from csms.say import Payload
from db import changes, station_jobs
from db.model.reports import JobKind
from db.rows import Conn

_STATUS_CHARACTERS = 100
_DETAIL_CHARACTERS = 4_096


def of(kind: JobKind) -> Rare:
    """The handler of one kind of job. Nobody needs to know its number (reliability D-P48)."""

    async def status_notification(call: Call, conn: Conn) -> Payload:
        said = clean(call.payload)
        status = text(said.get("status"), _STATUS_CHARACTERS) or "unknown"
        is_news = await station_jobs.record(
            conn,
            call.station.id,
            kind=kind,
            request_id=integer(said.get("requestId")),
            progress=progress(status),
            status=status,
            detail=_detail(said),
            at=call.received_at,
        )
        if is_news:
            call.topics.add(changes.topic("reports", call.station.id))
        return {}

    return Rare(status_notification)


def _detail(said: dict[str, Any]) -> str | None:
    """A reason (2.1), and where published firmware lies."""
    info = said.get("statusInfo")
    parts = [info.get("reasonCode"), info.get("additionalInfo")] if isinstance(info, dict) else []
    location = said.get("location")
    parts += location if isinstance(location, list) else [location]
    words = [part for part in parts if isinstance(part, str) and part]
    return text(", ".join(words), _DETAIL_CHARACTERS)

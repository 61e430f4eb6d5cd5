"""The message log of the charger that fell silent before anybody looked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from db.messages import Message
from portal.demo.cast import Charger

_HEARTBEAT = timedelta(minutes=5)
_HEARTBEATS = 9


def before(charger: Charger, station_id: int, last_at: datetime) -> list[Message]:
    """What it said in its last three quarters of an hour (2.0.1)."""
    said: list[tuple[datetime, str, dict[str, object]]] = [
        (
            last_at - _HEARTBEATS * _HEARTBEAT + timedelta(seconds=2 + evse),
            "StatusNotification",
            {"connectorStatus": "Available", "evseId": evse, "connectorId": 1},
        )
        for evse, _ in enumerate(charger.plugs, 1)
    ]
    said += [(last_at - n * _HEARTBEAT, "Heartbeat", {}) for n in range(_HEARTBEATS)]
    return [
        _message(station_id, number, at, action, payload)
        for number, (at, action, payload) in enumerate(sorted(said, key=lambda one: one[0]), 1)
    ]


def _message(
    station_id: int, number: int, at: datetime, action: str, payload: dict[str, object]
) -> Message:
    message_id = f"{4100 + number}"
    said_at = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    heard = {"currentTime": said_at} if action == "Heartbeat" else {}
    payload = payload if action == "Heartbeat" else {"timestamp": said_at, **payload}
    return Message(
        station_id,
        at,
        False,
        message_id,
        action,
        json.dumps([2, message_id, action, payload]).encode(),
        json.dumps([3, message_id, heard]).encode(),
        3,
    )

"""A charger that names another charger's transaction: told to admins with its security events."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from db.model.reports import StationEvent

TYPE = "TransactionOfAnotherStation"
#: By whom it was noticed: no charger says it of itself.
SOURCE = "csms"
_MOST_AN_HOUR = 16  # of one action; each message is in quarantine anyway


def named(station_id: int, action: str, number: str, received_at: datetime) -> StationEvent:
    """
    Reliability D-P33, T09. 1.6 alone: its numbers are ours.

    Once an hour for a number that is said again and again. Who tries many numbers fills no table:
    those of one remainder share an event.
    """
    hour = received_at.strftime("%Y-%m-%dT%H")
    same = f"{TYPE} {action} {hour} {int(number) % _MOST_AN_HOUR}"
    return StationEvent(
        station_id=station_id,
        fingerprint=blake2b(same.encode(), digest_size=16).digest(),
        kind="security",
        type=TYPE,
        at=received_at,
        said_at=None,
        received_at=received_at,
        is_critical=True,
        source=SOURCE,
        tech_info=f"{action} named transaction {number}, which is another charger's",
    )

"""OCPP 1.6's words, and ours for them."""

from __future__ import annotations

from typing import Any

from csms.ocpp.salvage import integer
from csms.rules.authorization import Decision
from csms.rules.samples import normalise
from csms.rules.usual_samples import UsualSamples
from db.model.readings import Sample
from db.model.stations import ConnectorStatus

# Digest 2.3: 1.6 mixes the session into the status of the connector.
STATUS: dict[str, ConnectorStatus] = {
    "Available": "Available",
    "Preparing": "Occupied",
    "Charging": "Occupied",
    "SuspendedEVSE": "Occupied",
    "SuspendedEV": "Occupied",
    "Finishing": "Occupied",
    "Reserved": "Reserved",
    "Unavailable": "Unavailable",
    "Faulted": "Faulted",
}

# Digest 2.5: 1.6 has one word for a card that is unknown and one that is bad.
CARD_STATUS = {
    "Accepted": "Accepted",
    "Blocked": "Blocked",
    "Expired": "Expired",
    "ConcurrentTx": "ConcurrentTx",
}

# More outlets than any box has: what is beyond is a mistake.
MOST_CONNECTORS = 250


def card_status(decision: Decision) -> str:
    return CARD_STATUS.get(decision.status, "Invalid")


def evse_of(connector_id: Any) -> int | None:
    """1.6's connector n is EVSE n; 0 is the box itself, and so is what no box has."""
    number = integer(connector_id)
    return number if number is not None and 1 <= number <= MOST_CONNECTORS else None


def transaction_id_of(said: Any) -> str | None:
    """None where the charger does not know it: absent, 0 or negative (digest 3.7)."""
    number = integer(said)
    return str(number) if number is not None and number > 0 else None


def _usual_words(said: Any, unsaid: object = None) -> tuple[object, ...]:
    return said.measurand, said.unit or unsaid, said.phase, said.location, said.context, said.format


usual_samples = UsualSamples(_usual_words)


def usual_sample(said: Any, unsaid: object) -> Sample:
    return normalise(said.value, _usual_words(said, unsaid))


def sample(said: dict[str, Any], unsaid: object) -> Sample:
    get = said.get
    unit = get("unit")
    words = (
        get("measurand"),
        unsaid if unit is None else unit,
        get("phase"),
        get("location"),
        get("context"),
        get("format"),
    )
    return normalise(get("value"), words)

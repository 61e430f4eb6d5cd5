"""The meter values of one message, element by element, as ingest takes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from csms.items import Measured
from csms.ocpp.salvage import text
from csms.rules import clocks
from csms.rules.series import figures, summarise
from db.model.readings import Sample

# Keys in one order: a charger that replays its queue may write them in another.
_encode = msgspec.json.Encoder(order="deterministic").encode
_SAID_CHARACTERS = 100


def measured(
    elements: Any,
    read_sample: Callable[[dict[str, Any]], Sample],
    *,
    evse: int | None,
    connector: int | None,
    transaction_id: str | None,
    received_at: datetime,
) -> list[Measured]:
    """
    One Measured for each `meterValue` element that says a value; others are left to quarantine.

    A frame has room for 300,000 that say nothing: they must not cost more than reading them.

    The fingerprint covers what makes two readings the same one (decision 14): EVSE, connector,
    transaction, the charger's own text of the time, and every sample.
    """
    if not isinstance(elements, list):
        return []
    out = []
    where = (evse, connector, transaction_id)
    for element in elements:
        if not isinstance(element, dict):
            continue
        values = element.get("sampledValue")
        if not isinstance(values, list):
            continue
        samples = [
            read_sample(value) for value in values if isinstance(value, dict) and "value" in value
        ]
        if not samples:
            continue
        said = element.get("timestamp")
        at, flags = clocks.when(said, received_at)
        found = figures(samples)
        fingerprint = blake2b(_encode((where, element)), digest_size=16).digest()
        out.append(
            Measured(
                at,
                text(said, _SAID_CHARACTERS),
                fingerprint,
                samples,
                found,
                summarise(samples, found),
                " ".join(flags) if flags else "",
            )
        )
    return out

"""SecurityEventNotification, which is the same in every version; what events of any kind share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any

from csms.items import Item
from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.salvage import text
from csms.rules import clocks
from csms.rules.security_events import is_critical
from csms.say import Payload
from db.model.reports import StationEvent

TYPE_CHARACTERS = 255
TEXT_CHARACTERS = 65_536  # what is longer is cut: reliability D-P47
SAID_CHARACTERS = 100


def security_event(call: Call) -> tuple[Item, Payload]:
    """OCPP 2.0.1 A04, 1.6 security whitepaper. The type is a free text (reliability D-P49)."""
    said = clean(call.payload)
    type_ = text(said.get("type"), TYPE_CHARACTERS) or "unknown"
    at, flags = call.when(said.get("timestamp"))
    event = StationEvent(
        station_id=call.station.id,
        fingerprint=fingerprint("security", said, flags, call.received_at),
        kind="security",
        type=type_,
        at=at,
        said_at=text(said.get("timestamp"), SAID_CHARACTERS),
        received_at=call.received_at,
        is_critical=is_critical(call.family, type_),
        flags=" ".join(flags),
        tech_info=text(said.get("techInfo"), TEXT_CHARACTERS),
    )
    return item_of(call, [event]), {}


def item_of(call: Call, events: Iterable[StationEvent]) -> Item:
    item = Item(call.station.id, call.family, call.received_at)
    item.events = tuple(events)
    return item


def fingerprint(
    kind: str, said: dict[str, Any], flags: tuple[str, ...], received_at: datetime
) -> bytes:
    """
    Of everything that was said.

    A station without a clock dates each of its starts alike: there what comes in another hour is
    another event, and a repeat comes sooner.
    """
    hour = received_at.strftime("%Y-%m-%dT%H") if set(flags) & clocks.UNDATED else ""
    whole = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return blake2b(f"{kind} {hour} {whole}".encode(), digest_size=16).digest()

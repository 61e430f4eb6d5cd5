"""Messages that only report: kept as received until they have a home of their own (decision 12)."""

from __future__ import annotations

from csms.items import Item
from csms.masking import masked
from csms.ocpp.handling import Call
from csms.say import Payload


def acknowledge(call: Call) -> tuple[Item, Payload]:
    item = Item(call.station.id, call.family, call.received_at)
    item.notification = call.action, masked(call.body)
    return item, {}

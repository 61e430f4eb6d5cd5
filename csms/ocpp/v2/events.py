"""NotifyEvent, and 2.1's NotifyDERAlarm: what happened, with its severity and its place."""

from __future__ import annotations

from typing import Any

from csms.items import Item
from csms.masking import clean
from csms.ocpp.events import (
    SAID_CHARACTERS,
    TEXT_CHARACTERS,
    TYPE_CHARACTERS,
    fingerprint,
    item_of,
)
from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer, text
from csms.ocpp.v2 import words
from csms.say import Payload
from db.model.reports import StationEvent
from db.stations import StatusReport

_CRITICAL = 3  # and what is worse: 2.1 N07, severities 0 danger to 9 debug


def notify_event(call: Call) -> tuple[Item, Payload]:
    """
    OCPP 2.0.1 N07. Each event stands by itself: parts and their order do not matter.

    A thousand of them are one message like any other (reliability D-P52).
    """
    said = clean(call.payload).get("eventData")
    listed = said if isinstance(said, list) else []
    events = [_event(call, each) for each in listed if isinstance(each, dict)]
    item = item_of(call, events)
    item.statuses = tuple(report for event in events if (report := _status(event)) is not None)
    return item, {}


def _status(event: StationEvent) -> StatusReport | None:
    """
    The status of a connector, an EVSE or the box, if that is what an event tells (digest 2.3).

    2.1 prefers it to StatusNotification, and stations send both.
    """
    component = (event.component or "").lower()
    status = words.STATUSES.get((event.value or "").strip().lower())
    if (event.variable or "").lower() != "availabilitystate" or status is None:
        return None
    is_there = {
        "connector": event.evse is not None and event.connector is not None,
        "evse": event.evse is not None,
        "chargingstation": True,
    }
    if not is_there.get(component):
        return None
    evse = None if component == "chargingstation" else event.evse
    connector = event.connector if component == "connector" else None
    return words.status_report(
        event.station_id, evse, connector, status, event.at, event.received_at
    )


def _event(call: Call, said: dict[str, Any]) -> StationEvent:
    at, flags = call.when(said.get("timestamp"))
    component, component_instance, evse, connector = words.component_of(said.get("component"))
    variable, variable_instance = words.variable_of(said.get("variable"))
    severity = integer(said.get("severity"))
    cleared = said.get("cleared")
    is_severe = severity is not None and 0 <= severity <= _CRITICAL
    return StationEvent(
        station_id=call.station.id,
        fingerprint=fingerprint("event", said, flags, call.received_at),
        kind="event",
        type=f"{component}.{variable}",
        at=at,
        said_at=text(said.get("timestamp"), SAID_CHARACTERS),
        received_at=call.received_at,
        is_critical=is_severe and cleared is not True,
        flags=" ".join(flags),
        is_cleared=cleared if isinstance(cleared, bool) else None,
        severity=severity if severity is not None and 0 <= severity <= 9 else None,
        trigger=text(said.get("trigger"), TYPE_CHARACTERS),
        event_number=integer(said.get("eventId")),
        cause_number=integer(said.get("cause")),
        monitor_number=integer(said.get("variableMonitoringId")),
        source=text(said.get("eventNotificationType"), TYPE_CHARACTERS),
        component=component,
        component_instance=component_instance or None,
        evse=evse,
        connector=connector,
        variable=variable,
        variable_instance=variable_instance or None,
        value=text(said.get("actualValue"), TEXT_CHARACTERS),
        tech_code=text(said.get("techCode"), TYPE_CHARACTERS),
        tech_info=text(said.get("techInfo"), TEXT_CHARACTERS),
        transaction_id=text(said.get("transactionId"), words.TRANSACTION_ID_CHARACTERS),
    )


def notify_der_alarm(call: Call) -> tuple[Item, Payload]:
    """OCPP 2.1 R04: the grid is not as it should be, or is again."""
    said = clean(call.payload)
    at, flags = call.when(said.get("timestamp"))
    is_over = said.get("alarmEnded") is True
    event = StationEvent(
        station_id=call.station.id,
        fingerprint=fingerprint("grid", said, flags, call.received_at),
        kind="grid",
        type=text(said.get("gridEventFault"), TYPE_CHARACTERS) or "unknown",
        at=at,
        said_at=text(said.get("timestamp"), SAID_CHARACTERS),
        received_at=call.received_at,
        is_critical=not is_over,
        flags=" ".join(flags),
        is_cleared=is_over,
        variable=text(said.get("controlType"), TYPE_CHARACTERS),
        tech_info=text(said.get("extraInfo"), TEXT_CHARACTERS),
    )
    return item_of(call, [event]), {}

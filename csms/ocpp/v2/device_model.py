"""NotifyReport and NotifyMonitoringReport: what a station is made of, and what it watches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer, text
from csms.ocpp.v2 import words
from csms.ocpp.v2.assembling import take
from csms.ocpp.v2.stating import objects
from csms.say import Payload
from db import commands, reports, variables
from db.model.reports import Monitor, Variable
from db.reports import Report
from db.rows import Conn

log = structlog.get_logger()

_ASKED_WITHIN = timedelta(hours=1)
_MOST_TOLD = 50
_VALUE_CHARACTERS = 65_536
_WORD_CHARACTERS = 100


async def notify_report(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 B07, B08: each part is worth having, whether the others come or not."""
    said = objects(clean(call.payload).get("reportData"))
    report = await take(call, conn, "variables", items=len(said), is_numbered=True)
    if report is not None:
        found = [variable for each in said for variable in _attributes(each)]
        await variables.record(
            conn, call.station.id, found, report_id=report.id, reported_at=call.received_at
        )
        if report.state == "complete" and report.items and await _names_all(conn, report):
            gone = await variables.delete_others(
                conn, call.station.id, report_id=report.id, before=report.started_at
            )
            if gone:
                log.info("variables.gone", station=call.station.identity, names=gone[:_MOST_TOLD])
    return {}


async def _names_all(conn: Conn, report: Report) -> bool:
    """
    Whether we asked for everything under the number of a report (B07).

    What it left out is gone then (digest 5.6). Numbers are used again: only what was asked since
    the report before of the same number counts.
    """
    used_at = await reports.number_used_at(conn, report)
    since = max(report.started_at - _ASKED_WITHIN, used_at or report.started_at - _ASKED_WITHIN)
    asked = await commands.list_said(
        conn, report.station_id, actions=["GetBaseReport", "GetReport"], since=since
    )
    for command in asked:
        said = msgspec.json.decode(command.payload or b"{}")
        if report.request_id is not None and said.get("requestId") == report.request_id:
            return bool(said.get("reportBase") == "FullInventory")
    return False


async def notify_monitoring_report(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 N02."""
    said = objects(clean(call.payload).get("monitor"))
    report = await take(call, conn, "monitors", items=len(said), is_numbered=True)
    if report is not None:
        found = [monitor for each in said for monitor in _monitors(each)]
        await variables.record_monitors(
            conn, call.station.id, found, report_id=report.id, reported_at=call.received_at
        )
    return {}


def _attributes(said: dict[str, Any]) -> Iterator[Variable]:
    component, component_instance, evse, connector = words.component_of(said.get("component"))
    variable, variable_instance = words.variable_of(said.get("variable"))
    about = said.get("variableCharacteristics")
    if not isinstance(about, dict):
        about = {}
    for attribute in objects(said.get("variableAttribute")):
        yield Variable(
            component=component,
            component_instance=component_instance,
            evse=evse or 0,
            connector=connector or 0,
            variable=variable,
            variable_instance=variable_instance,
            attribute=text(attribute.get("type"), _WORD_CHARACTERS) or "Actual",
            value=_value(attribute.get("value")),
            mutability=text(attribute.get("mutability"), _WORD_CHARACTERS) or "ReadWrite",
            is_persistent=attribute.get("persistent") is True,
            is_constant=attribute.get("constant") is True,
            unit=text(about.get("unit"), _WORD_CHARACTERS),
            data_type=text(about.get("dataType"), _WORD_CHARACTERS),
            min_limit=_number(about.get("minLimit")),
            max_limit=_number(about.get("maxLimit")),
            max_elements=integer(about.get("maxElements")),
            values_list=text(about.get("valuesList"), _VALUE_CHARACTERS),
            supports_monitoring=_truth(about.get("supportsMonitoring")),
        )


def _monitors(said: dict[str, Any]) -> Iterator[Monitor]:
    component, component_instance, evse, connector = words.component_of(said.get("component"))
    variable, variable_instance = words.variable_of(said.get("variable"))
    for each in objects(said.get("variableMonitoring")):
        number = integer(each.get("id"))
        if number is None:
            continue  # without its number nobody can speak of it
        severity = integer(each.get("severity"))
        yield Monitor(
            number=number,
            component=component,
            component_instance=component_instance or None,
            evse=evse,
            connector=connector,
            variable=variable,
            variable_instance=variable_instance or None,
            type=text(each.get("type"), _WORD_CHARACTERS) or "unknown",
            value=_number(each.get("value")),
            severity=severity if severity is not None and 0 <= severity <= 9 else None,
            is_in_transactions_only=each.get("transaction") is True,
            source=text(each.get("eventNotificationType"), _WORD_CHARACTERS),
        )


def _value(said: Any) -> str | None:
    """An empty text is a value; none is none."""
    return "" if said == "" else text(said, _VALUE_CHARACTERS)


def _number(said: Any) -> float | None:
    if type(said) not in (int, float):
        return None
    try:
        number = float(said)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _truth(said: Any) -> bool | None:
    return said if isinstance(said, bool) else None

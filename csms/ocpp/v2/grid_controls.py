"""OCPP 2.1 R: what a station does for the grid, and when it does it."""

from __future__ import annotations

from typing import Any

from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.v2.assembling import take
from csms.ocpp.v2.stating import objects, record, statement
from csms.say import Payload
from db.model.reports import Statement
from db.rows import Conn

# The lists of a report: our word for what is in them, and where each keeps its settings.
_LISTS = {
    "curve": ("curve", "curve"),
    "enterService": ("enter_service", "enterService"),
    "fixedPFAbsorb": ("fixed_power_factor_absorbing", "fixedPF"),
    "fixedPFInject": ("fixed_power_factor_injecting", "fixedPF"),
    "fixedVar": ("fixed_reactive_power", "fixedVar"),
    "freqDroop": ("frequency_droop", "freqDroop"),
    "gradient": ("gradient", "gradient"),
    "limitMaxDischarge": ("discharge_limit", "limitMaxDischarge"),
}


async def report_der_control(call: Call, conn: Conn) -> Payload:
    """R04: its parts have no numbers."""
    said = clean(call.payload)
    found = [
        _control(call, type_, each, each.get(settings))
        for name, (type_, settings) in _LISTS.items()
        for each in objects(said.get(name))
    ]
    report = await take(call, conn, "der_controls", items=len(found), is_numbered=False)
    if report is not None:
        await record(call, conn, *found, report_id=report.id)
    return {}


def _control(call: Call, type_: str, said: dict[str, Any], settings: Any) -> Statement:
    is_superseded, is_default = said.get("isSuperseded") is True, said.get("isDefault") is True
    state = "superseded" if is_superseded else "default" if is_default else "scheduled"
    facts = {
        "control_id": said.get("id"),
        "type": type_,
        "curve_type": said.get("curveType"),
        "is_default": said.get("isDefault"),
        "settings": settings,
    }
    return statement(call, "der_control", said.get("id"), state, facts)


async def notify_der_start_stop(call: Call, conn: Conn) -> Payload:
    """R04: a control begins or ends to act, and which others it takes the place of."""
    said = clean(call.payload)
    facts = {"control_id": said.get("controlId"), "superseded_ids": said.get("supersededIds")}
    state = "started" if said.get("started") is True else "ended"
    await record(
        call,
        conn,
        statement(
            call,
            "der_activity",
            said.get("controlId"),
            state,
            facts,
            said_at=said.get("timestamp"),
        ),
    )
    return {}

"""Charging limits, profiles and priority, as stations say that they hold."""

from __future__ import annotations

from typing import Any

from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.v2 import words
from csms.ocpp.v2.assembling import take
from csms.ocpp.v2.stating import moment, objects, record, statement
from csms.say import Payload
from db.model.reports import Statement
from db.rows import Conn


async def notify_charging_limit(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 K12: somebody else limits the station, such as the grid's operator."""
    said = clean(call.payload)
    limit = said.get("chargingLimit")
    if not isinstance(limit, dict):
        limit = {}
    facts = {
        "source": limit.get("chargingLimitSource"),
        "is_grid_critical": limit.get("isGridCritical"),
        "is_local_generation": limit.get("isLocalGeneration"),
        "schedules": said.get("chargingSchedule"),
    }
    await record(call, conn, _limit(call, said, facts, "set"))
    return {}


async def cleared_charging_limit(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 K13."""
    said = clean(call.payload)
    facts = {"source": said.get("chargingLimitSource")}
    await record(call, conn, _limit(call, said, facts, "cleared"))
    return {}


def _limit(call: Call, said: dict[str, Any], facts: dict[str, Any], state: str) -> Statement:
    evse = words.number_of(said.get("evseId"))
    subject = f"{facts['source']}, EVSE {evse}" if evse else f"{facts['source']}, station"
    return statement(call, "charging_limit", subject, state, facts, evse=evse)


async def report_charging_profiles(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 K09: its parts have no numbers."""
    said = clean(call.payload)
    profiles = objects(said.get("chargingProfile"))
    report = await take(call, conn, "charging_profiles", items=len(profiles), is_numbered=False)
    if report is not None:
        found = [_profile(call, said, each) for each in profiles]
        await record(call, conn, *found, report_id=report.id)
    return {}


def _profile(call: Call, said: dict[str, Any], profile: dict[str, Any]) -> Statement:
    facts = {
        "profile_id": profile.get("id"),
        "source": said.get("chargingLimitSource"),
        "stack_level": profile.get("stackLevel"),
        "purpose": profile.get("chargingProfilePurpose"),
        "kind": profile.get("chargingProfileKind"),
        "recurrency": profile.get("recurrencyKind"),
        "valid_from": moment(profile.get("validFrom")),
        "valid_to": moment(profile.get("validTo")),
        "schedules": profile.get("chargingSchedule"),
    }
    return statement(
        call,
        "charging_profile",
        profile.get("id"),
        "reported",
        facts,
        evse=words.number_of(said.get("evseId")),
        transaction_id=profile.get("transactionId"),
    )


async def notify_priority_charging(call: Call, conn: Conn) -> Payload:
    """OCPP 2.1 K21: whether a session charges with priority now, whoever asked for it."""
    said = clean(call.payload)
    number = said.get("transactionId")
    state = "on" if said.get("activated") is True else "off"
    await record(
        call,
        conn,
        statement(call, "priority_charging", number, state, {}, transaction_id=number),
    )
    return {}

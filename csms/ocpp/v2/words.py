"""The words of OCPP 2.0.1 and 2.1, and ours for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from csms.ocpp import salvage
from csms.ocpp.salvage import integer, text
from csms.ocpp.typed import is_object
from csms.rules import authorization, clocks
from csms.rules.authorization import Decision
from csms.rules.samples import normalise
from csms.rules.usual_samples import UsualSamples
from csms.say import Payload
from db.model.readings import Sample
from db.model.stations import ConnectorStatus
from db.stations import StatusReport

STATUSES: dict[str, ConnectorStatus] = {
    "available": "Available",
    "occupied": "Occupied",
    "reserved": "Reserved",
    "unavailable": "Unavailable",
    "faulted": "Faulted",
}

# More outlets than any station has: what is beyond is a mistake.
MOST_NUMBER = 250
TRANSACTION_ID_CHARACTERS = 255
_NAME_CHARACTERS = 100  # twice what the standard has; an index has room for four
_INFO_CHARACTERS = 512


def number_of(said: Any) -> int | None:
    """An EVSE or connector from 1; 0 is the station itself."""
    number = integer(said)
    return number if number is not None and 1 <= number <= MOST_NUMBER else None


def evse_of(said: Any) -> tuple[int | None, int | None]:
    """(evse, connector) of an EVSEType."""
    if not is_object(said):
        return None, None
    return number_of(said.get("id")), number_of(said.get("connectorId"))


def status_report(
    station_id: int,
    evse: int | None,
    connector: int | None,
    status: ConnectorStatus,
    at: datetime,
    received_at: datetime,
) -> StatusReport:
    """The same, whether a StatusNotification or a NotifyEvent tells it (digest 2.3, 9.86)."""
    error = "Faulted" if status == "Faulted" else None
    return StatusReport(station_id, evse, connector, status, status, error, at, received_at)


def component_of(said: Any) -> tuple[str, str, int | None, int | None]:
    """(name, instance or "", evse, connector) of a ComponentType."""
    if not isinstance(said, dict):
        return "unknown", "", None, None
    name = text(said.get("name"), _NAME_CHARACTERS) or "unknown"
    return name, text(said.get("instance"), _NAME_CHARACTERS) or "", *evse_of(said.get("evse"))


def variable_of(said: Any) -> tuple[str, str]:
    """(name, instance or "") of a VariableType."""
    if not isinstance(said, dict):
        return "unknown", ""
    name = text(said.get("name"), _NAME_CHARACTERS) or "unknown"
    return name, text(said.get("instance"), _NAME_CHARACTERS) or ""


def transaction_id_of(payload: Payload) -> str | None:
    info = payload.get("transactionInfo")
    if not is_object(info):
        return None
    return text(info.get("transactionId"), TRANSACTION_ID_CHARACTERS)


def id_token_of(said: Any) -> tuple[str, str] | None:
    """(uid, type); None when no token was presented."""
    if not isinstance(said, dict):
        return None
    uid = salvage.uid(said.get("idToken")) or ""
    return uid, text(said.get("type"), 50) or "Central"


def id_token_info(decision: Decision, now: datetime) -> Payload:
    info: Payload = {
        "status": decision.status,
        "cacheExpiryDateTime": clocks.wire(authorization.cache_until(decision, now)),
    }
    if decision.group_uid and len(decision.group_uid) <= 36:
        info["groupIdToken"] = {"idToken": decision.group_uid, "type": "Central"}
    return info


def status_info(reason_code: str, additional_info: str) -> Payload:
    """Why we say no: one of the standard's codes, and a sentence."""
    return {"reasonCode": reason_code, "additionalInfo": additional_info[:_INFO_CHARACTERS]}


def _usual_words(said: Any, unsaid: object = None) -> tuple[tuple[object, ...], int | None]:
    """With the multiplier."""
    unit = said.unitOfMeasure
    name, multiplier = (unsaid, None) if unit is None else (unit.unit, unit.multiplier)
    return (said.measurand, name, said.phase, said.location, said.context, None), multiplier


def _unmultiplied(said: Any) -> tuple[object, ...] | None:
    words, multiplier = _usual_words(said)
    return None if multiplier else words


usual_samples = UsualSamples(_unmultiplied)


def usual_sample(said: Any, unsaid: object) -> Sample:
    return normalise(said.value, *_usual_words(said, unsaid))


def sample(said: dict[str, Any], unsaid: object) -> Sample:
    get = said.get
    unit = get("unitOfMeasure")
    if not isinstance(unit, dict):
        unit = {"unit": unsaid}
    words = (
        get("measurand"),
        unit.get("unit"),
        get("phase"),
        get("location"),
        get("context"),
        None,
    )
    return normalise(get("value"), words, unit.get("multiplier"), get("signedMeterValue"))

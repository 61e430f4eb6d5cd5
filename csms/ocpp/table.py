"""
Which message of which version ends in which kind of handler, and where what it says is stored.

`python -m csms.ocpp.table` prints it; ARCHITECTURE.md holds it between two marks.
"""

from __future__ import annotations

import sys

from csms.ocpp import gate
from csms.ocpp.handling import Chosen, Frequent, Handler, Rare
from csms.say import SUBPROTOCOLS

BEGIN, END = "<!-- messages: made by python -m csms.ocpp.table -->", "<!-- /messages -->"

_STORED = {
    "Authorize": "authorization_decision",
    "BatterySwap": "station_statement",
    "BootNotification": "station",
    "ClearedChargingLimit": "station_statement",
    "ClosePeriodicEventStream": "event_stream",
    "DataTransfer": "the message log",
    "DiagnosticsStatusNotification": "station_job",
    "FirmwareStatusNotification": "station_job",
    "Get15118EVCertificate": "station_request",
    "GetCertificateChainStatus": "station_request",
    "GetCertificateStatus": "station_request",
    "Heartbeat": "station (last_seen_at)",
    "LogStatusNotification": "station_job",
    "MeterValues": "reading, session_live",
    "NotifyChargingLimit": "station_statement",
    "NotifyCustomerInformation": "report, report_part (30 days at most)",
    "NotifyDERAlarm": "station_event",
    "NotifyDERStartStop": "station_statement",
    "NotifyDisplayMessages": "report, station_statement",
    "NotifyEVChargingNeeds": "charging_need",
    "NotifyEVChargingSchedule": "charging_need",
    "NotifyEvent": "station_event, connector, station",
    "NotifyMonitoringReport": "report, monitor",
    "NotifyPeriodicEventStream": "event_stream_value",
    "NotifyPriorityCharging": "station_statement",
    "NotifyReport": "report, variable",
    "NotifySettlement": "station_statement",
    "OpenPeriodicEventStream": "event_stream",
    "PublishFirmwareStatusNotification": "station_job",
    "PullDynamicScheduleUpdate": "station_request",
    "ReportChargingProfiles": "report, station_statement",
    "ReportDERControl": "report, station_statement",
    "ReservationStatusUpdate": "station_statement, reservation, notice",
    "SecurityEventNotification": "station_event",
    "SignCertificate": "certificate_request",
    "SignedFirmwareStatusNotification": "station_job",
    "StartTransaction": "charging_session, session_live, authorization_decision",
    "StatusNotification": "connector, station",
    "StopTransaction": "charging_session, reading",
    "TransactionEvent": "charging_session, session_live, reading, authorization_decision",
    "VatNumberValidation": "station_request",
}


def table() -> str:
    """Markdown: an action a row, a version a column; raises KeyError for one without a store."""
    versions = list(SUBPROTOCOLS.values())
    heads = ["message", *versions, "stored in"]
    lines = [_row(heads), _row(["---"] * len(heads))]
    actions = sorted({action for version in versions for action in gate.said_by_stations(version)})
    for action in actions:
        kinds = [_kind(version, action) for version in versions]
        lines.append(_row([action, *kinds, _STORED[action]]))
    return "\n".join(lines) + "\n"


def within(text: str) -> str:
    """What stands between the marks of a text. Raises ValueError when they are not there."""
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip() + "\n"


def _kind(version: str, action: str) -> str:
    if action not in gate.said_by_stations(version):
        return ""
    return _word(gate.handler_of(version, action))


def _word(handler: Handler | Chosen) -> str:
    match handler:
        case Chosen():
            return "by content"
        case Rare():
            return "rare"
        case Frequent():
            return "frequent"
    return "quick"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(table())

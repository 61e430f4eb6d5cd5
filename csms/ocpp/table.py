"""
Which message of which version ends in which kind of handler, and where what it says is stored.

`python -m csms.ocpp.table` prints it; ARCHITECTURE.md holds it between two marks.
"""

from __future__ import annotations

import sys

from csms.ocpp import gate
from csms.ocpp.handling import Chosen, Frequent, Handler, Rare
from csms.ocpp.notifications import acknowledge
from csms.say import SUBPROTOCOLS, Version

BEGIN, END = "<!-- messages: made by python -m csms.ocpp.table -->", "<!-- /messages -->"

_STORED = {
    "Authorize": "authorization_decision",
    "BatterySwap": "station_statement",
    "BootNotification": "station",
    "ClearedChargingLimit": "station_statement",
    "DataTransfer": "the message log",
    "DiagnosticsStatusNotification": "station_job",
    "FirmwareStatusNotification": "station_job",
    "Heartbeat": "station (last_seen_at)",
    "LogStatusNotification": "station_job",
    "MeterValues": "reading, session_live",
    "NotifyChargingLimit": "station_statement",
    "NotifyCustomerInformation": "report, report_part (30 days at most)",
    "NotifyDERAlarm": "station_event",
    "NotifyDERStartStop": "station_statement",
    "NotifyDisplayMessages": "report, station_statement",
    "NotifyEvent": "station_event",
    "NotifyMonitoringReport": "report, monitor",
    "NotifyPriorityCharging": "station_statement",
    "NotifyReport": "report, variable",
    "NotifySettlement": "station_statement",
    "PublishFirmwareStatusNotification": "station_job",
    "ReportChargingProfiles": "report, station_statement",
    "ReportDERControl": "report, station_statement",
    "ReservationStatusUpdate": "station_statement, reservation",
    "SecurityEventNotification": "station_event",
    "SignedFirmwareStatusNotification": "station_job",
    "StartTransaction": "charging_session, session_live, authorization_decision",
    "StatusNotification": "connector, station",
    "StopTransaction": "charging_session, reading",
    "TransactionEvent": "charging_session, session_live, reading, authorization_decision",
}


def table() -> str:
    """Markdown: an action a row, a version a column; raises KeyError for one without a store."""
    versions = list(SUBPROTOCOLS.values())
    heads = ["message", *versions, "stored in"]
    lines = [_row(heads), _row(["---"] * len(heads))]
    actions = sorted({action for version in versions for action in gate.said_by_stations(version)})
    for action in actions:
        kinds = [_kind(version, action) for version in versions]
        lines.append(_row([action, *kinds, _stored(action, versions)]))
    return "\n".join(lines) + "\n"


def within(text: str) -> str:
    """What stands between the marks of a text. Raises ValueError when they are not there."""
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip() + "\n"


def _stored(action: str, versions: list[Version]) -> str:
    handlers = [gate.find_handler(version, action) for version in versions]
    if not any(handlers):
        return ""
    if any(isinstance(each, Frequent) and each.run is acknowledge for each in handlers):
        return "notification, as received"
    return _STORED[action]


def _kind(version: str, action: str) -> str:
    if action not in gate.said_by_stations(version):
        return ""
    handler = gate.find_handler(version, action)
    return "not implemented" if handler is None else _word(handler)


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

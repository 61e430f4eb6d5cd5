"""OCPP 1.6J: what a station may say, and who answers it."""

from __future__ import annotations

from csms.ocpp.handling import Chosen, Frequent, Handler, Quick, Rare
from csms.ocpp.notifications import acknowledge
from csms.ocpp.v16 import provisioning, transactions

HANDLERS: dict[str, Handler | Chosen] = {
    "Authorize": Rare(transactions.authorize),
    "BootNotification": Rare(provisioning.boot_notification),
    "DataTransfer": Quick(provisioning.data_transfer),
    "DiagnosticsStatusNotification": Frequent(acknowledge),
    "FirmwareStatusNotification": Frequent(acknowledge),
    "Heartbeat": Quick(provisioning.heartbeat),
    "LogStatusNotification": Frequent(acknowledge),
    "MeterValues": Frequent(transactions.meter_values),
    "SecurityEventNotification": Frequent(acknowledge),
    "SignedFirmwareStatusNotification": Frequent(acknowledge),
    "StartTransaction": Rare(transactions.start_transaction),
    "StatusNotification": Frequent(provisioning.status_notification),
    "StopTransaction": Rare(transactions.stop_transaction),
}

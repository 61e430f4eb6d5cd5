"""OCPP 1.6J: what a station may say, and who answers it."""

from __future__ import annotations

from csms.ocpp import events, progress
from csms.ocpp.handling import Chosen, Frequent, Handler, Quick, Rare
from csms.ocpp.v16 import certificates, provisioning, transactions

HANDLERS: dict[str, Handler | Chosen] = {
    "Authorize": Rare(transactions.authorize),
    "BootNotification": Rare(provisioning.boot_notification),
    "DataTransfer": Quick(provisioning.data_transfer),
    "DiagnosticsStatusNotification": progress.of("diagnostics"),
    "FirmwareStatusNotification": progress.of("firmware"),
    "Heartbeat": Quick(provisioning.heartbeat),
    "LogStatusNotification": progress.of("log"),
    "MeterValues": Frequent(transactions.meter_values),
    "SecurityEventNotification": Frequent(events.security_event),
    "SignCertificate": Rare(certificates.sign_certificate),
    "SignedFirmwareStatusNotification": progress.of("firmware"),
    "StartTransaction": Rare(transactions.start_transaction),
    "StatusNotification": Frequent(provisioning.status_notification),
    "StopTransaction": Rare(transactions.stop_transaction),
}

"""OCPP 2.0.1, and 2.1 which is 2.0.1 with additions: what a station may say, and who answers it."""

from __future__ import annotations

from csms.ocpp.handling import Chosen, Frequent, Handler, Quick, Rare
from csms.ocpp.notifications import acknowledge
from csms.ocpp.v2 import provisioning, transactions

HANDLERS: dict[str, Handler | Chosen] = {
    "Authorize": Rare(provisioning.authorize),
    "BootNotification": Rare(provisioning.boot_notification),
    "ClearedChargingLimit": Frequent(acknowledge),
    "DataTransfer": Quick(provisioning.data_transfer),
    "FirmwareStatusNotification": Frequent(acknowledge),
    "Heartbeat": Quick(provisioning.heartbeat),
    "LogStatusNotification": Frequent(acknowledge),
    "MeterValues": Frequent(transactions.meter_values),
    "NotifyChargingLimit": Frequent(acknowledge),
    "NotifyCustomerInformation": Frequent(acknowledge),
    "NotifyDisplayMessages": Frequent(acknowledge),
    "NotifyEvent": Frequent(acknowledge),
    "NotifyMonitoringReport": Frequent(acknowledge),
    "NotifyReport": Frequent(acknowledge),
    "PublishFirmwareStatusNotification": Frequent(acknowledge),
    "ReportChargingProfiles": Frequent(acknowledge),
    "ReservationStatusUpdate": Frequent(acknowledge),
    "SecurityEventNotification": Frequent(acknowledge),
    "StatusNotification": Frequent(provisioning.status_notification),
    "TransactionEvent": Chosen(transactions.by_content),
}

ADDED_IN_2_1: dict[str, Handler | Chosen] = {
    "BatterySwap": Frequent(acknowledge),
    "ClosePeriodicEventStream": Frequent(acknowledge),
    "NotifyDERAlarm": Frequent(acknowledge),
    "NotifyDERStartStop": Frequent(acknowledge),
    "NotifyPeriodicEventStream": Frequent(acknowledge),  # a SEND: kept, never answered
    "NotifyPriorityCharging": Frequent(acknowledge),
    "NotifySettlement": Frequent(acknowledge),
    "ReportDERControl": Frequent(acknowledge),
}

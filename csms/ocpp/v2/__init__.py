"""OCPP 2.0.1, and 2.1 which is 2.0.1 with additions: what a station may say, and who answers it."""

from __future__ import annotations

from csms.ocpp import progress
from csms.ocpp.events import security_event
from csms.ocpp.handling import Chosen, Frequent, Handler, Quick, Rare
from csms.ocpp.notifications import acknowledge
from csms.ocpp.v2 import device_model, events, provisioning, transactions

HANDLERS: dict[str, Handler | Chosen] = {
    "Authorize": Rare(provisioning.authorize),
    "BootNotification": Rare(provisioning.boot_notification),
    "ClearedChargingLimit": Frequent(acknowledge),
    "DataTransfer": Quick(provisioning.data_transfer),
    "FirmwareStatusNotification": progress.of("firmware"),
    "Heartbeat": Quick(provisioning.heartbeat),
    "LogStatusNotification": progress.of("log"),
    "MeterValues": Frequent(transactions.meter_values),
    "NotifyChargingLimit": Frequent(acknowledge),
    "NotifyCustomerInformation": Frequent(acknowledge),
    "NotifyDisplayMessages": Frequent(acknowledge),
    "NotifyEvent": Frequent(events.notify_event),
    "NotifyMonitoringReport": Rare(device_model.notify_monitoring_report),
    "NotifyReport": Rare(device_model.notify_report),
    "PublishFirmwareStatusNotification": progress.of("publish_firmware"),
    "ReportChargingProfiles": Frequent(acknowledge),
    "ReservationStatusUpdate": Frequent(acknowledge),
    "SecurityEventNotification": Frequent(security_event),
    "StatusNotification": Frequent(provisioning.status_notification),
    "TransactionEvent": Chosen(transactions.by_content),
}

ADDED_IN_2_1: dict[str, Handler | Chosen] = {
    "BatterySwap": Frequent(acknowledge),
    "ClosePeriodicEventStream": Frequent(acknowledge),
    "NotifyDERAlarm": Frequent(events.notify_der_alarm),
    "NotifyDERStartStop": Frequent(acknowledge),
    "NotifyPeriodicEventStream": Frequent(acknowledge),  # a SEND: kept, never answered
    "NotifyPriorityCharging": Frequent(acknowledge),
    "NotifySettlement": Frequent(acknowledge),
    "ReportDERControl": Frequent(acknowledge),
}

"""OCPP 2.0.1, and 2.1 which is 2.0.1 with additions: what a station may say, and who answers it."""

from __future__ import annotations

from csms.ocpp import progress
from csms.ocpp.events import security_event
from csms.ocpp.handling import Chosen, Frequent, Handler, Quick, Rare
from csms.ocpp.notifications import acknowledge
from csms.ocpp.v2 import (
    charging_limits,
    device_model,
    display,
    events,
    grid_controls,
    provisioning,
    reservations,
    swaps,
    transactions,
)

HANDLERS: dict[str, Handler | Chosen] = {
    "Authorize": Rare(provisioning.authorize),
    "BootNotification": Rare(provisioning.boot_notification),
    "ClearedChargingLimit": Rare(charging_limits.cleared_charging_limit),
    "DataTransfer": Quick(provisioning.data_transfer),
    "FirmwareStatusNotification": progress.of("firmware"),
    "Heartbeat": Quick(provisioning.heartbeat),
    "LogStatusNotification": progress.of("log"),
    "MeterValues": Frequent(transactions.meter_values),
    "NotifyChargingLimit": Rare(charging_limits.notify_charging_limit),
    "NotifyCustomerInformation": Rare(display.notify_customer_information),
    "NotifyDisplayMessages": Rare(display.notify_display_messages),
    "NotifyEvent": Frequent(events.notify_event),
    "NotifyMonitoringReport": Rare(device_model.notify_monitoring_report),
    "NotifyReport": Rare(device_model.notify_report),
    "PublishFirmwareStatusNotification": progress.of("publish_firmware"),
    "ReportChargingProfiles": Rare(charging_limits.report_charging_profiles),
    "ReservationStatusUpdate": Rare(reservations.reservation_status_update),
    "SecurityEventNotification": Frequent(security_event),
    "StatusNotification": Frequent(provisioning.status_notification),
    "TransactionEvent": Chosen(transactions.by_content),
}

ADDED_IN_2_1: dict[str, Handler | Chosen] = {
    "BatterySwap": Rare(swaps.battery_swap),
    "ClosePeriodicEventStream": Frequent(acknowledge),
    "NotifyDERAlarm": Frequent(events.notify_der_alarm),
    "NotifyDERStartStop": Rare(grid_controls.notify_der_start_stop),
    "NotifyPeriodicEventStream": Frequent(acknowledge),  # a SEND: kept, never answered
    "NotifyPriorityCharging": Rare(charging_limits.notify_priority_charging),
    "NotifySettlement": Rare(swaps.notify_settlement),
    "ReportDERControl": Rare(grid_controls.report_der_control),
}

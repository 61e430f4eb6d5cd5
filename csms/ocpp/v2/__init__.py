"""OCPP 2.0.1, and 2.1 which is 2.0.1 with additions: what a station may say, and who answers it."""

from __future__ import annotations

from csms.ocpp import progress
from csms.ocpp.events import security_event
from csms.ocpp.handling import Chosen, Frequent, Handler, Quick, Rare
from csms.ocpp.v2 import (
    certificates,
    charging_limits,
    charging_needs,
    device_model,
    display,
    event_streams,
    events,
    grid_controls,
    provisioning,
    reservations,
    swaps,
    transactions,
    undecided,
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
    # Whose answer carries a decision:
    "Get15118EVCertificate": undecided.answered(undecided.get_15118_ev_certificate),
    "GetCertificateStatus": undecided.answered(undecided.get_certificate_status),
    "NotifyEVChargingNeeds": Rare(charging_needs.notify_needs),
    "NotifyEVChargingSchedule": Rare(charging_needs.notify_schedule),
    "SignCertificate": Rare(certificates.sign_certificate),
}

ADDED_IN_2_1: dict[str, Handler | Chosen] = {
    "BatterySwap": Rare(swaps.battery_swap),
    "NotifyDERAlarm": Frequent(events.notify_der_alarm),
    "NotifyDERStartStop": Rare(grid_controls.notify_der_start_stop),
    "NotifyPriorityCharging": Rare(charging_limits.notify_priority_charging),
    "NotifySettlement": Rare(swaps.notify_settlement),
    "ReportDERControl": Rare(grid_controls.report_der_control),
    # Whose answer carries a decision:
    "ClosePeriodicEventStream": Rare(event_streams.close_stream),
    "GetCertificateChainStatus": undecided.answered(undecided.get_certificate_chain_status),
    "NotifyPeriodicEventStream": Rare(event_streams.notify),
    "OpenPeriodicEventStream": Rare(event_streams.open_stream),
    "PullDynamicScheduleUpdate": undecided.answered(undecided.pull_dynamic_schedule_update),
    "VatNumberValidation": undecided.answered(undecided.vat_number_validation),
}

#: What 2.1 says in a SEND, which nobody answers.
SENT = frozenset({"NotifyPeriodicEventStream"})

"""What stations report, in plain words; their own word where we have none."""

from __future__ import annotations

import re
from typing import Final

from db.model.reports import JobKind, Progress, Variable

_SECURITY: Final = {
    "FirmwareUpdated": "Its firmware was updated",
    "FailedToAuthenticateAtCsms": "It could not sign in here",
    "FailedToAuthenticateAtCentralSystem": "It could not sign in here",
    "CsmsFailedToAuthenticate": "It did not trust this system",
    "CentralSystemFailedToAuthenticate": "It did not trust this system",
    "SettingSystemTime": "Its clock was set",
    "StartupOfTheDevice": "It started",
    "ResetOrReboot": "It was reset",
    "SecurityLogWasCleared": "Its security log was cleared",
    "ReconfigurationOfSecurityParameters": "Its security settings were changed",
    "MemoryExhaustion": "Its memory is full",
    "InvalidMessages": "It got messages that it could not read",
    "AttemptedReplayAttacks": "Somebody replayed messages to it",
    "TamperDetectionActivated": "Somebody tampered with it",
    "InvalidFirmwareSignature": "The signature of a firmware was wrong",
    "InvalidFirmwareSigningCertificate": "The certificate of a firmware was wrong",
    "InvalidCsmsCertificate": "Our certificate was wrong for it",
    "InvalidCentralSystemCertificate": "Our certificate was wrong for it",
    "InvalidChargingStationCertificate": "It got a certificate that was wrong",
    "InvalidChargePointCertificate": "It got a certificate that was wrong",
    "DiscardedRenewedClientCertificate": "It threw away its new certificate",
    "InvalidTLSVersion": "Somebody offered it too old a TLS",
    "InvalidTLSCipherSuite": "Somebody offered it too weak a TLS",
    "MaintenanceLoginAccepted": "Somebody signed in for maintenance",
    "MaintenanceLoginFailed": "Somebody failed to sign in for maintenance",
    # What we notice ourselves.
    "TransactionOfAnotherStation": "It named another charger's session",
}
_JOBS: Final[dict[JobKind, str]] = {
    "firmware": "Firmware update",
    "publish_firmware": "Firmware for other chargers",
    "log": "Log upload",
    "diagnostics": "Diagnostics upload",
}
#: Word, tone and icon of a badge.
_PROGRESS: Final[dict[Progress, tuple[str, str, str]]] = {
    "running": ("Running", "live", "sync"),
    "done": ("Done", "ok", "check"),
    "failed": ("Failed", "fault", "x"),
    "cancelled": ("Cancelled", "off", "x"),
    "idle": ("Nothing runs", "off", "held"),
}


def security_words(type_: str) -> str:
    return _SECURITY.get(type_, type_)


def job_words(kind: JobKind) -> str:
    return _JOBS[kind]


def progress_badge(progress: Progress) -> tuple[str, str, str]:
    return _PROGRESS[progress]


def status_words(status: str) -> str:
    """ "DownloadFailed" as "download failed"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", status).lower()


def variable_name(row: Variable) -> str:
    """Such as "Power (L1), EVSE 2, Target"."""
    name = f"{row.variable} ({row.variable_instance})" if row.variable_instance else row.variable
    parts = [name]
    if row.component_instance:
        parts.append(row.component_instance)
    if row.evse:
        parts.append(f"EVSE {row.evse}")
    if row.connector:
        parts.append(f"connector {row.connector}")
    if row.attribute != "Actual":
        parts.append(row.attribute)
    return ", ".join(parts)


def variable_value(row: Variable) -> str:
    if row.value is None:
        return "can only be set" if row.mutability == "WriteOnly" else "no value"
    if row.value == "":
        return "empty"
    return f"{row.value} {row.unit}" if row.unit else row.value

"""Security events that a person must hear of (OCPP 2.1 part 2 appendix 1; 1.6 whitepaper)."""

from __future__ import annotations

from db.model.sessions import Family

_ALWAYS = {
    "FirmwareUpdated",
    "MemoryExhaustion",
    "ResetOrReboot",
    "SecurityLogWasCleared",
    "SettingSystemTime",
    "StartupOfTheDevice",
    "TamperDetectionActivated",
}
_IN_2 = {
    "DiscardedRenewedClientCertificate",
    "InvalidChargingStationCertificate",
    "InvalidCsmsCertificate",
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "InvalidTLSCipherSuite",
    "InvalidTLSVersion",
    "MaintenanceLoginAccepted",
    "MaintenanceLoginFailed",
}
_CRITICAL: dict[Family, frozenset[str]] = {
    "v16": frozenset(name.casefold() for name in _ALWAYS),
    "v2": frozenset(name.casefold() for name in _ALWAYS | _IN_2),
}


def is_critical(family: Family, type: str) -> bool:
    """The type is a free text: what the standards do not name is not critical."""
    return type.strip().casefold() in _CRITICAL[family]

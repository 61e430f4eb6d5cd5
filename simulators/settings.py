"""What a central system may read and change, under its name in each version."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulators.meter import UNITS


@dataclass(frozen=True)
class Setting:
    """One setting; `key` is its name in 1.6, the rest its place in 2.x; empty where it has none."""

    name: str
    key: str
    component: str
    variable: str
    default: str
    kind: str = "string"
    access: str = "ReadWrite"
    instance: str | None = None


TABLE = (
    Setting("heartbeat_s", "HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", "300",
            "integer"),
    Setting("sample_s", "MeterValueSampleInterval", "SampledDataCtrlr", "TxUpdatedInterval", "60",
            "integer"),
    Setting("measurands", "MeterValuesSampledData", "SampledDataCtrlr", "TxUpdatedMeasurands",
            "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC",
            "MemberList"),
    Setting("plug_in_s", "ConnectionTimeOut", "TxCtrlr", "EVConnectionTimeOut", "60", "integer"),
    Setting("authorize_remote", "AuthorizeRemoteTxRequests", "AuthCtrlr", "AuthorizeRemoteStart",
            "true", "boolean"),
    Setting("offline_known", "LocalAuthorizeOffline", "AuthCtrlr", "LocalAuthorizeOffline",
            "true", "boolean"),
    Setting("offline_unknown", "AllowOfflineTxForUnknownId", "AuthCtrlr",
            "OfflineTxForUnknownIdEnabled", "true", "boolean"),
    Setting("stop_on_invalid", "StopTransactionOnInvalidId", "TxCtrlr", "StopTxOnInvalidId",
            "true", "boolean"),
    Setting("attempts", "TransactionMessageAttempts", "OCPPCommCtrlr", "MessageAttempts", "3",
            "integer", instance="TransactionEvent"),
    Setting("retry_s", "TransactionMessageRetryInterval", "OCPPCommCtrlr",
            "MessageAttemptInterval", "10", "integer", instance="TransactionEvent"),
    Setting("ping_s", "WebSocketPingInterval", "OCPPCommCtrlr", "WebSocketPingInterval", "20",
            "integer"),
    Setting("password", "AuthorizationKey", "SecurityCtrlr", "BasicAuthPassword", "",
            "string", "WriteOnly"),
    Setting("connectors", "NumberOfConnectors", "", "", "1", "integer", "ReadOnly"),
    Setting("profiles", "SupportedFeatureProfiles", "", "", "Core,RemoteTrigger", "MemberList",
            "ReadOnly"),
    Setting("max_keys", "GetConfigurationMaxKeys", "", "", "50", "integer", "ReadOnly"),
    Setting("start_point", "", "TxCtrlr", "TxStartPoint", "PowerPathClosed", "MemberList",
            "ReadOnly"),
    Setting("stop_point", "", "TxCtrlr", "TxStopPoint", "PowerPathClosed", "MemberList",
            "ReadOnly"),
    Setting("items", "", "DeviceDataCtrlr", "ItemsPerMessage", "10", "integer", "ReadOnly",
            instance="GetVariables"),
    Setting("model", "", "ChargingStation", "Model", "Simulator", "string", "ReadOnly"),
    Setting("vendor", "", "ChargingStation", "VendorName", "Polaris Express", "string",
            "ReadOnly"),
)  # fmt: skip
NAMES = {setting.name: setting for setting in TABLE}


class Settings:
    def __init__(
        self,
        values: dict[str, str],
        changed: Callable[[str], None],
        *,
        measurands: frozenset[str] = frozenset(UNITS),
    ) -> None:
        """
        Args:
            values: by name, over the defaults.
            changed: called with a name after the central system changed it.
            measurands: what the box can sample.
        """
        if unknown := sorted(set(values) - set(NAMES)):
            raise ValueError(f"no such setting: {unknown[0]}; there are: {', '.join(NAMES)}")
        self._values = {setting.name: setting.default for setting in TABLE} | values
        self._changed = changed
        self._measurands = measurands

    def text(self, name: str) -> str:
        return self._values[name]

    def number(self, name: str) -> int:
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        return self._values[name] == "true"

    def members(self, name: str) -> list[str]:
        return [part for part in self._values[name].split(",") if part]

    def put(self, name: str, value: str) -> None:
        """Set it from inside: no check, nobody told."""
        self._values[name] = value

    def change(self, setting: Setting, value: str) -> bool:
        """Set it as asked by the central system; false when it may not or the value is no good."""
        if setting.access == "ReadOnly" or not self._fits(setting, value):
            return False
        self._values[setting.name] = value
        self._changed(setting.name)
        return True

    def by_key(self, key: str) -> Setting | None:
        return next((s for s in TABLE if s.key and s.key.casefold() == key.casefold()), None)

    def by_variable(self, component: str, variable: str, instance: str | None) -> Setting | None:
        return next(
            (
                s
                for s in TABLE
                if (s.component, s.variable) == (component, variable)
                and instance in (None, s.instance)
            ),
            None,
        )

    def has_component(self, component: str) -> bool:
        return any(s.component == component for s in TABLE)

    def of_16(self) -> Iterator[Setting]:
        return (s for s in TABLE if s.key and s.access != "WriteOnly")

    def of_2(self) -> Iterator[Setting]:
        return (s for s in TABLE if s.component)

    def _fits(self, setting: Setting, value: str) -> bool:
        match setting.kind:
            case "integer":
                return value.isdecimal() and value.isascii() and len(value) < 10
            case "boolean":
                return value in ("true", "false")
            case "MemberList":
                return all(part in self._measurands for part in value.split(",") if part)
        return setting.name != "password" or 16 <= len(value) <= 40

"""One charge of one vehicle, as it physically was: the oracle of every test."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from simulators.clock import text_of


class Reason(StrEnum):
    """Why a session ended. The words are those of 1.6; 2.x has its own for some."""

    LOCAL = "Local"
    REMOTE = "Remote"
    UNPLUGGED = "EVDisconnected"
    DEAUTHORIZED = "DeAuthorized"
    EMERGENCY = "EmergencyStop"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    SOFT_RESET = "SoftReset"
    HARD_RESET = "HardReset"
    UNLOCKED = "UnlockCommand"
    FAULT = "Other"


class Trigger(StrEnum):
    """What made a station speak of a session. Only 2.x says it."""

    AUTHORIZED = "Authorized"
    CABLE = "CablePluggedIn"
    REMOTE_START = "RemoteStart"
    STATE = "ChargingStateChanged"
    PERIODIC = "MeterValuePeriodic"
    ASKED = "Trigger"
    RESUMED = "TxResumed"
    STOP_AUTHORIZED = "StopAuthorized"
    REMOTE_STOP = "RemoteStop"
    CABLE_OUT = "EVCommunicationLost"
    DEAUTHORIZED = "Deauthorized"
    ABNORMAL = "AbnormalCondition"
    RESET = "ResetCommand"
    UNLOCK = "UnlockCommand"


END_TRIGGER = {
    Reason.LOCAL: Trigger.STOP_AUTHORIZED,
    Reason.REMOTE: Trigger.REMOTE_STOP,
    Reason.UNPLUGGED: Trigger.CABLE_OUT,
    Reason.DEAUTHORIZED: Trigger.DEAUTHORIZED,
    Reason.EMERGENCY: Trigger.ABNORMAL,
    Reason.POWER_LOSS: Trigger.ABNORMAL,
    Reason.REBOOT: Trigger.ABNORMAL,
    Reason.SOFT_RESET: Trigger.RESET,
    Reason.HARD_RESET: Trigger.RESET,
    Reason.UNLOCKED: Trigger.UNLOCK,
    Reason.FAULT: Trigger.ABNORMAL,
}


class ChargingState(StrEnum):
    """What happens to the vehicle, in the words of 2.x."""

    IDLE = "Idle"
    CONNECTED = "EVConnected"
    CHARGING = "Charging"
    SUSPENDED_VEHICLE = "SuspendedEV"
    SUSPENDED_STATION = "SuspendedEVSE"


@dataclass(frozen=True)
class Token:
    """What a driver presents. `kind` is said in 2.x only."""

    uid: str
    kind: str

    def same_as(self, other: "Token") -> bool:
        return self.uid.casefold() == other.uid.casefold()


@dataclass
class Session:
    """The truth about one session; its last fields are set when it ends."""

    station: str
    evse: int
    connector: int
    token: Token
    started_at: datetime
    start_register_wh: int
    register_wh: int
    transaction_id: str | None = None
    """What the wire calls it: in 1.6 the central system's number, unknown until it answers."""
    began_offline: bool = False
    remote_start_id: int | None = None
    ended_at: datetime | None = None
    end_register_wh: int | None = None
    reason: str | None = None
    """The station's own word on the wire, which differs between versions for a few reasons."""
    charging_s: float = 0
    seq_no: int = field(default=0, repr=False)
    group: str | None = None

    @property
    def id_token(self) -> str:
        return self.token.uid

    @property
    def energy_wh(self) -> int:
        return self.register_wh - self.start_register_wh

    @property
    def is_running(self) -> bool:
        return self.ended_at is None

    def facts(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return {
            "station": self.station,
            "evse": self.evse,
            "connector": self.connector,
            "transaction_id": self.transaction_id,
            "id_token": self.id_token,
            "started_at": text_of(self.started_at),
            "ended_at": self.ended_at and text_of(self.ended_at),
            "start_register_wh": self.start_register_wh,
            "end_register_wh": self.end_register_wh,
            "energy_wh": self.energy_wh,
            "reason": self.reason,
            "began_offline": self.began_offline,
        }

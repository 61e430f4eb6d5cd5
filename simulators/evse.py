"""One EVSE with its plug: what is in it, who pays, and whether power flows."""

from dataclasses import dataclass, field
from datetime import datetime

from simulators.meter import Meter, Reading
from simulators.session import ChargingState, Session, Token
from simulators.vehicle import Vehicle


@dataclass(frozen=True)
class Grant:
    """A card that was accepted and waits for the cable."""

    token: Token
    group: str | None = None
    remote_start_id: int | None = None


@dataclass
class Evse:
    id: int
    meter: Meter
    power_w: float
    connector: int = 1
    vehicle: Vehicle | None = None
    session: Session | None = None
    grant: Grant | None = None
    fault: str | None = None
    operative: bool = True
    operative_later: bool | None = None
    """A change of availability that waits for the end of the session."""
    held_by_vehicle: bool = False
    held_by_station: bool = False
    used: bool = False
    """A session ended and the cable is still in."""
    told_status: str | None = None
    told_state: ChargingState = ChargingState.IDLE
    status_since: datetime | None = None
    powered: bool = field(default=True, repr=False)

    @property
    def contactor_closed(self) -> bool:
        return (
            self.powered
            and self.session is not None
            and self.vehicle is not None
            and self.fault is None
            and not self.held_by_station
        )

    @property
    def charging_state(self) -> ChargingState:
        if self.vehicle is None:
            return ChargingState.IDLE
        if self.session is None:
            return ChargingState.CONNECTED
        if not self.contactor_closed:
            return ChargingState.SUSPENDED_STATION
        if self.held_by_vehicle or self.vehicle.is_full:
            return ChargingState.SUSPENDED_VEHICLE
        return ChargingState.CHARGING

    @property
    def drawn_w(self) -> float:
        """The power that flows now."""
        if self.vehicle is None or self.charging_state is not ChargingState.CHARGING:
            return 0.0
        return self.vehicle.power_w(self.power_w)

    def live(self, seconds: float) -> None:
        """Let a short time pass: energy flows, or the vehicle forgets its ramp."""
        if self.vehicle is None or self.session is None:
            return
        if self.charging_state is not ChargingState.CHARGING:
            self.vehicle = self.vehicle.paused()
            return
        self.vehicle, energy_wh = self.vehicle.after(seconds, self.power_w)
        self.meter.count(energy_wh)
        self.session.charging_s += seconds
        self.session.register_wh = self.meter.register_wh

    def read(self, at: datetime, context: str) -> Reading:
        return self.meter.read(
            at,
            power_w=self.drawn_w,
            offered_w=self.power_w,
            soc_pct=self.vehicle.soc_pct if self.vehicle else None,
            context=context,
        )

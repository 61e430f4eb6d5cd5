"""An electric vehicle as the charger sees it: ramp, plateau, taper, full."""

from dataclasses import dataclass, replace

RAMP_START = 0.1
TAPER_END = 0.1


@dataclass(frozen=True)
class Vehicle:
    """
    A battery behind a plug. Immutable: `after` returns the vehicle as it is later.

    It takes a tenth of its power at first and all of it after `ramp_s`; from `taper_from_pct`
    on it takes less and less, down to a tenth; at `full_pct` it takes nothing.
    """

    battery_wh: float = 60_000
    soc_pct: float = 20
    max_power_w: float = 150_000
    ramp_s: float = 10
    taper_from_pct: float = 80
    full_pct: float = 100
    taking_s: float = 0
    """How long it has been taking energy without a pause."""

    def __post_init__(self) -> None:
        if self.battery_wh <= 0 or self.max_power_w <= 0 or self.ramp_s < 0:
            raise ValueError("a vehicle has a battery and a power above zero")
        if not 0 <= self.soc_pct <= 100 or not 0 < self.full_pct <= 100:
            raise ValueError("states of charge are percentages")

    @property
    def is_full(self) -> bool:
        return self.room_wh < 1e-6

    @property
    def room_wh(self) -> float:
        """What it still takes, in Wh."""
        return max(0.0, (self.full_pct - self.soc_pct) / 100 * self.battery_wh)

    def power_w(self, offered_w: float) -> float:
        """What it draws now when `offered_w` is offered."""
        if self.is_full:
            return 0.0
        ramp = 1.0 if self.ramp_s == 0 else min(1.0, self.taking_s / self.ramp_s)
        most = self.max_power_w * self._taper() * (RAMP_START + (1 - RAMP_START) * ramp)
        return max(0.0, min(offered_w * (RAMP_START + (1 - RAMP_START) * ramp), most))

    def after(self, seconds: float, offered_w: float) -> tuple["Vehicle", float]:
        """The vehicle after `seconds` (short ones) at this offer, and the Wh that it took."""
        energy_wh = min(self.power_w(offered_w) * seconds / 3600, self.room_wh)
        soc_pct = min(self.full_pct, self.soc_pct + energy_wh / self.battery_wh * 100)
        soc_pct = max(self.soc_pct, soc_pct)
        return replace(self, soc_pct=soc_pct, taking_s=self.taking_s + seconds), energy_wh

    def paused(self) -> "Vehicle":
        """The vehicle after an interruption: the ramp begins again."""
        return replace(self, taking_s=0)

    def _taper(self) -> float:
        if self.soc_pct <= self.taper_from_pct or self.taper_from_pct >= 100:
            return 1.0
        way = (self.soc_pct - self.taper_from_pct) / (100 - self.taper_from_pct)
        return 1.0 - (1.0 - TAPER_END) * min(1.0, way)

"""The energy meter of one EVSE: a lifetime register, and what it reads at a moment."""

import random
from dataclasses import dataclass, field
from datetime import datetime

REGISTER = "Energy.Active.Import.Register"
UNITS = {
    REGISTER: "Wh",
    "Power.Active.Import": "W",
    "Current.Import": "A",
    "Voltage": "V",
    "SoC": "Percent",
    "Temperature": "Celsius",
    "Current.Offered": "A",
}
VOLTAGE_V = 230.0
ONE_PHASE_UP_TO_W = 7400


@dataclass(frozen=True)
class Reading:
    """What the meter and its neighbours said at one moment."""

    at: datetime
    register_wh: int
    values: dict[str, float]
    """By measurand, in the units of `UNITS`; the register is among them."""
    context: str


@dataclass
class Meter:
    """Counts for its whole life; the start value is believable and follows from the seed."""

    rng: random.Random = field(repr=False)
    exact_wh: float = -1

    def __post_init__(self) -> None:
        if self.exact_wh < 0:
            self.exact_wh = float(self.rng.randrange(200_000, 9_000_000))

    @property
    def register_wh(self) -> int:
        # A hair above: a sum of many small floats may end just below the whole number.
        return int(self.exact_wh + 1e-4)

    def count(self, energy_wh: float) -> None:
        self.exact_wh += energy_wh

    def read(
        self, at: datetime, *, power_w: float, offered_w: float, soc_pct: float | None, context: str
    ) -> Reading:
        voltage_v = VOLTAGE_V + self.rng.uniform(-2, 2)
        phases = 1 if offered_w <= ONE_PHASE_UP_TO_W else 3
        values = {
            REGISTER: float(self.register_wh),
            "Power.Active.Import": round(power_w),
            "Current.Import": round(power_w / voltage_v / phases, 2),
            "Voltage": round(voltage_v, 1),
            "Temperature": round(24 + 12 * power_w / max(1.0, offered_w), 1),
            "Current.Offered": round(offered_w / VOLTAGE_V / phases, 2),
        }
        if soc_pct is not None:
            values["SoC"] = round(soc_pct, 1)
        return Reading(at=at, register_wh=self.register_wh, values=values, context=context)

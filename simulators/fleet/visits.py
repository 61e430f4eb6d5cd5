"""Who comes to a connector, when, and with what: decided by the seed alone."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from simulators.fleet.cast import Plug, Role
from simulators.vehicle import Vehicle

SAMPLE_S = 5
_BATTERIES_KWH = (40, 45, 50, 52, 58, 62, 64, 75, 77, 82)
_AC_W = (7_400, 11_000, 11_000, 22_000)
_DC_W = (50_000, 100_000, 125_000, 170_000)
_MOST_AC_W = 43_000
_LEAST_WH = 20
_LEAST_SOC_PCT = 4.0

#: By life: mean seconds until the next vehicle, and minutes that one charges at full power.
_PAUSE_S = {"busy": 70.0, "quiet": 420.0}
_CHARGE_MIN = {"busy": (6.0, 20.0), "quiet": (5.0, 15.0)}
_REMOTE_MIN = (20.0, 30.0)


@dataclass(frozen=True)
class Visit:
    """
    One vehicle. It charges until it has what its owner wants (its `full_pct`), which is a whole
    number of Wh: so a seed decides the energy too, whatever the exact moments are.
    """

    pause_s: float
    """From the moment when the connector became free."""
    vehicle: Vehicle
    energy_wh: int
    card: str | None
    """None: the session was started from afar."""
    card_after_s: float
    stays_s: float
    """How long it stays when it has what it wants."""
    leaves_s: float
    """How long it stays when its session is over."""
    stops_with_card: bool


def visits(role: Role, evse_id: int, *, seed: int, speed: float) -> Iterator[Visit]:
    """Without end; empty where nobody comes by himself."""
    cards, plug = role.cards_at(evse_id), role.connectors[evse_id - 1]
    if role.life not in _PAUSE_S or not cards:
        return
    rng = random.Random(f"{seed}/{role.identity}/{evse_id}/visits")
    mean_s, minutes = _PAUSE_S[role.life], _CHARGE_MIN[role.life]
    pause_s = rng.uniform(0, mean_s / 3)  # the first one comes soon
    while True:
        yield _visit(rng, plug, pause_s, minutes, rng.choice(cards), speed)
        pause_s = mean_s / 4 + rng.expovariate(4 / (3 * mean_s))


def remote_visits(role: Role, evse_id: int, *, seed: int, speed: float) -> Iterator[Visit]:
    """Those who come because somebody pressed Start."""
    rng = random.Random(f"{seed}/{role.identity}/{evse_id}/remote")
    plug = role.connectors[evse_id - 1]
    while True:
        yield _visit(rng, plug, rng.uniform(2, 4), _REMOTE_MIN, None, speed)


def _visit(
    rng: random.Random,
    plug: Plug,
    pause_s: float,
    minutes: tuple[float, float],
    card: str | None,
    speed: float,
) -> Visit:
    battery_wh = 1000.0 * rng.choice(_BATTERIES_KWH)
    most_w = float(rng.choice(_AC_W if plug.max_power_w <= _MOST_AC_W else _DC_W))
    full_pct = float(rng.randrange(70, 96))
    wanted_wh = min(plug.max_power_w, most_w) * rng.uniform(*minutes) / 60 / speed
    room_wh = (full_pct - _LEAST_SOC_PCT) / 100 * battery_wh
    energy_wh = max(_LEAST_WH, math.floor(min(wanted_wh, room_wh)))
    stays = rng.random() < 0.4
    return Visit(
        pause_s=pause_s / speed,
        vehicle=Vehicle(
            battery_wh=battery_wh,
            soc_pct=full_pct - energy_wh / battery_wh * 100,
            max_power_w=most_w,
            full_pct=full_pct,
        ),
        energy_wh=energy_wh,
        card=card,
        card_after_s=rng.uniform(2, 8) / speed,
        stays_s=(rng.uniform(60, 240) if stays else rng.uniform(5, 15)) / speed,
        leaves_s=rng.uniform(15, 30) / speed,
        stops_with_card=rng.random() < 0.5,
    )

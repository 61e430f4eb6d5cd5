"""Who charged where and when in the last two months, and what the meter showed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from portal.demo.cast import CHARGERS, DRIVERS, GARAGE, Card, Charger, Driver, Plug

SEED = 20_160
DAYS = 60
#: What goes wrong now and then; each is met in turn.
Odd = Literal["refused", "lost_stop", "queued", "spike", "reset"]
ODDITIES: tuple[Odd, ...] = ("refused", "lost_stop", "queued", "spike", "reset")

_EVERY = 23  # visits from one oddity to the next
_SETTLED = timedelta(minutes=20)
_OFFLINE_FOR = timedelta(hours=9)
_LONGEST = timedelta(hours=11)
_ARRIVALS_H = (7.9, 12.4, 17.6)  # by UTC: to work, for lunch, home
_TAPER_FROM_PCT = 80.0


@dataclass(frozen=True, slots=True)
class Mark:
    """What the meter showed at one moment."""

    at: datetime
    register_wh: int
    power_w: int
    soc_pct: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle at one plug; the first mark is at the start, the last at the end."""

    charger: Charger
    evse: int
    driver: Driver
    card: Card
    marks: list[Mark]
    reason: str
    odd: Odd | None

    @property
    def started_at(self) -> datetime:
        return self.marks[0].at

    @property
    def ended_at(self) -> datetime:
        return self.marks[-1].at


@dataclass(slots=True)
class _Place:
    charger: Charger
    evse: int
    plug: Plug
    register_wh: float
    taken_until: datetime | None = None


@dataclass(slots=True)
class _Calendar:
    """Where each driver is: nobody charges in two places at once."""

    busy_until: dict[str, datetime] = field(default_factory=dict)

    def is_free(self, driver: Driver, at: datetime) -> bool:
        until = self.busy_until.get(driver.email)
        return until is None or at >= until + timedelta(hours=1)


def last_seen_at(charger: Charger, now: datetime) -> datetime:
    return now - _OFFLINE_FOR if charger.life == "offline" else now


def invent(now: datetime) -> list[Visit]:
    """All visits that ended before now, by their start; on one day always the same ones."""
    rng = Random(SEED)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    places = [
        _Place(charger, evse, plug, float(rng.randrange(400_000, 9_000_000)))
        for charger in CHARGERS
        for evse, plug in enumerate(charger.plugs, 1)
    ]
    visits: list[Visit] = []
    calendar = _Calendar()
    odd = 0
    for at, place in sorted(_arrivals(rng, today, places), key=lambda arrival: arrival[0]):
        mood = Random(rng.getrandbits(64))  # its own: the next visits stay the same
        free = [
            driver for driver in DRIVERS if calendar.is_free(driver, at) and _cards(driver, at, now)
        ]
        if (place.taken_until is not None and at < place.taken_until) or not free:
            continue
        weights = [2 if d is DRIVERS[0] and place.charger.site == GARAGE.name else 1 for d in free]
        driver = mood.choices(free, weights)[0]
        card = mood.choice(_cards(driver, at, now))
        next_odd = ODDITIES[odd % len(ODDITIES)]
        is_due = len(visits) >= (odd + 1) * _EVERY and _may_happen(next_odd, place)
        kind = next_odd if is_due else None
        visit = _visit(mood, place, at, driver, card, kind)
        last = last_seen_at(place.charger, now) - _SETTLED
        if visit.ended_at > last or (kind and visit.ended_at > last - timedelta(hours=12)):
            continue
        odd += kind is not None
        place.taken_until = visit.ended_at + timedelta(minutes=6)
        place.register_wh = float(visit.marks[-1].register_wh)
        if kind != "refused":
            calendar.busy_until[driver.email] = visit.ended_at
        visits.append(visit)
    return visits


def _arrivals(
    rng: Random, today: datetime, places: list[_Place]
) -> Iterator[tuple[datetime, _Place]]:
    for days_ago in range(DAYS, -1, -1):
        day = today - timedelta(days=days_ago)
        for place in places:
            rate = _rate(place) * (0.6 if day.weekday() >= 5 and not place.plug.is_dc else 1.0)
            for _ in range(3):
                hour = rng.choice(_ARRIVALS_H) + rng.gauss(0, 1.2)
                if rng.random() < rate / 3:
                    yield day + timedelta(seconds=int(hour * 3600)), place


def _rate(place: _Place) -> float:
    """Arrivals a day."""
    if place.plug.is_dc:
        return 1.9 if place.plug.type == "CCS" else 0.5
    return {"busy": 1.0, "quiet": 0.7}.get(place.charger.life, 0.6)


def _cards(driver: Driver, at: datetime, now: datetime) -> list[Card]:
    """Those that are good at that time."""
    return [
        card
        for card in driver.cards
        if card.status == "Accepted" and at < now - timedelta(days=card.expired_days_ago or 0)
    ]


def _may_happen(kind: Odd, place: _Place) -> bool:
    """1.6 alone starts before it hears no; a register that falls would belie its meterStop."""
    is_16 = place.charger.family == "v16"
    return {"refused": is_16, "reset": not is_16}.get(kind, True)


def _visit(
    rng: Random, place: _Place, at: datetime, driver: Driver, card: Card, kind: Odd | None
) -> Visit:
    if kind == "refused":
        driver, card = next((d, c) for d in DRIVERS for c in d.cards if c.status == "Blocked")
        mark = Mark(at, int(place.register_wh), 0, 50.0)
        marks = [mark, Mark(at + timedelta(seconds=8), mark.register_wh, 0, 50.0)]
        return Visit(place.charger, place.evse, driver, card, marks, "DeAuthorized", kind)
    marks = list(_charge(rng, place, at, driver))
    if kind == "reset":
        half = len(marks) // 2
        base = marks[half].register_wh
        marks[half:] = [
            Mark(mark.at, mark.register_wh - base, mark.power_w, mark.soc_pct)
            for mark in marks[half:]
        ]
    reason = rng.choices(("Local", "EVDisconnected", "Remote"), (6, 3, 1))[0]
    return Visit(place.charger, place.evse, driver, card, marks, reason, kind)


def _charge(rng: Random, place: _Place, at: datetime, driver: Driver) -> Iterator[Mark]:
    """Ramp, plateau, taper, and on AC the time that it stays plugged in when it is full."""
    is_dc = place.plug.is_dc
    beat, beats = (20.0, 3) if is_dc else (60.0, 5)  # seconds; beats from mark to mark
    most_w = min(place.plug.max_power_w, driver.battery_wh * 1.6 if is_dc else driver.onboard_w)
    most_w *= rng.uniform(0.95, 0.99)
    soc_pct, until_pct = rng.uniform(25, 65), rng.choice((80.0, 85.0, 90.0, 100.0))
    if is_dc:
        until_pct = rng.uniform(70, 88)
    stays = timedelta(minutes=0 if is_dc else rng.choice((0, 5, 20, 45, 90, 200)))
    register_wh, lasted_s, power_w = place.register_wh, 0.0, 0.0
    full_at: datetime | None = None
    yield Mark(at, int(register_wh), 0, soc_pct)
    for count in range(1, int(_LONGEST.total_seconds() / beat)):
        lasted_s += beat
        if soc_pct < until_pct:
            way = max(0.0, (soc_pct - _TAPER_FROM_PCT) / (100 - _TAPER_FROM_PCT))
            ramp = min(1.0, 0.1 + lasted_s / (150 if is_dc else 90))
            power_w = most_w * ramp * (1 - 0.85 * way) * rng.uniform(0.985, 1.0)
            energy_wh = power_w * beat / 3600
            register_wh += energy_wh
            soc_pct = min(100.0, soc_pct + energy_wh / driver.battery_wh * 100)
            if soc_pct > 99.7:
                soc_pct = until_pct = 100.0
        elif full_at is None:
            power_w, full_at = 0.0, at + timedelta(seconds=lasted_s)
        now = at + timedelta(seconds=lasted_s)
        is_over = full_at is not None and now >= full_at + stays
        if count % beats == 0 or is_over:
            yield Mark(now, int(register_wh), int(power_w), soc_pct)
        if is_over:
            return
    yield Mark(now + timedelta(seconds=beat), int(register_wh), int(power_w), soc_pct)

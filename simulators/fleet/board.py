"""What a fleet looks like from outside: one line, a table, and the sum at the end."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulators.fleet.resident import Resident

_MOST_ROWS = 24
_LAST = 6


@dataclass(frozen=True)
class Figures:
    stations: int
    connected: int
    running: int
    sessions: int
    energy_wh: int
    answered: int
    errors: int

    @classmethod
    def of(cls, residents: Sequence[Resident]) -> "Figures":
        return cls(
            stations=len(residents),
            connected=sum(r.is_connected for r in residents),
            running=sum(r.running for r in residents),
            sessions=sum(len(r.station.sessions) for r in residents),
            energy_wh=sum(r.energy_wh for r in residents),
            answered=sum(r.station.traffic.answered for r in residents),
            errors=sum(r.mistakes for r in residents),
        )

    def __str__(self) -> str:
        return (
            f"{self.connected} of {self.stations} stations connected, {self.running} sessions run, "
            f"{self.energy_wh / 1000:.2f} kWh so far, {self.answered} messages answered, "
            f"{self.errors} errors"
        )


class Board:
    def __init__(self) -> None:
        self.residents: Sequence[Resident] = ()
        self._last: deque[str] = deque(maxlen=_LAST)

    def note(self, identity: str, text: str) -> None:
        self._last.append(f"{identity}  {text}")

    def picture(self) -> RenderableType:
        rows = self.residents[:_MOST_ROWS]
        hidden = len(self.residents) - len(rows)
        parts: list[RenderableType] = [table(rows)]
        if hidden:
            parts.append(Text(f"and {hidden} more", style="dim"))
        parts.append(Text(str(Figures.of(self.residents)), style="bold"))
        parts.extend(
            Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._last
        )
        return Group(*parts)


def table(residents: Sequence[Resident]) -> Table:
    made = Table(box=None, pad_edge=False)
    made.add_column("station", style="bold")
    made.add_column("OCPP")
    made.add_column("life")
    made.add_column("connectors")
    for name in ("kW", "sessions", "kWh", "answered", "errors"):
        made.add_column(name, justify="right")
    for one in residents:
        power_w = sum(evse.drawn_w for evse in one.station.evses)
        made.add_row(
            one.role.identity,
            one.role.version,
            one.role.life,
            _statuses(one),
            f"{power_w / 1000:.1f}" if power_w else "",
            str(len(one.station.sessions)),
            f"{one.energy_wh / 1000:.2f}",
            str(one.station.traffic.answered),
            str(one.mistakes or ""),
        )
    return made


def summary(residents: Sequence[Resident]) -> list[str]:
    """The sum of it all, and each station at which something is left to say."""
    figures = Figures.of(residents)
    lines = [
        f"{figures.stations} stations, {figures.sessions} sessions, "
        f"{figures.energy_wh / 1000:.2f} kWh, {figures.answered} messages answered, "
        f"{figures.errors} errors"
    ]
    for one in residents:
        lines.extend(f"{one.role.identity}: dropped: {line}" for line in one.station.dropped)
        if one.station.waiting:
            lines.append(
                f"{one.role.identity}: {one.station.waiting} transaction messages "
                "were never delivered"
            )
    return lines


def _statuses(one: Resident) -> str:
    if not one.is_connected:
        return "not connected"
    dialect = one.station.firmware.dialect
    words = [
        "Charging" if evse.drawn_w else dialect.status_word(evse) for evse in one.station.evses
    ]
    return ", ".join(words)

"""A station at a glance: as a picture for a terminal, or in plain lines."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from simulators.evse import Evse
from simulators.seen import Seen

_BAR = 16
_COLORS = {
    "Charging": "green",
    "Available": "cyan",
    "Faulted": "red",
    "Unavailable": "red",
    "SuspendedEV": "yellow",
    "SuspendedEVSE": "yellow",
}


def picture(station: Seen) -> Panel:
    table = Table(box=None, pad_edge=False, expand=True)
    for name in ("EVSE", "cable", "state", "power"):
        table.add_column(name, no_wrap=True)
    for name in ("kW", "kWh", "battery"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("card", overflow="ellipsis", no_wrap=True)
    for evse in station.evses:
        table.add_row(*_row(station, evse))
    parts: list[RenderableType] = [table]
    if station.traffic.last:
        parts.append(Text())
        parts.extend(Text(line, style="dim") for line in station.traffic.last)
    firmware = station.firmware
    return Panel(
        Group(*parts),
        title=Text(f"{firmware.identity} · OCPP {firmware.dialect.version}"),
        subtitle=Text(_link(station)),
        border_style="green" if station.online else "yellow",
    )


def lines(station: Seen) -> list[str]:
    """One for the network, one for each EVSE."""
    told = [_link(station)]
    for evse in station.evses:
        parts = [f"EVSE {evse.id}: {station.firmware.dialect.status_word(evse)}"]
        parts.append(f"{evse.meter.register_wh} Wh on the meter")
        if evse.vehicle is not None:
            parts.append(f"battery at {evse.vehicle.soc_pct:.0f} %")
        if evse.session is not None:
            parts.append(f"{evse.session.id_token} has {evse.session.energy_wh} Wh")
            parts.append(f"{evse.drawn_w:.0f} W")
        told.append(", ".join(parts))
    return told


def _link(station: Seen) -> str:
    network = "online" if station.online else "no network"
    return f"{network}, {station.registration}, {station.waiting} messages wait"


def _row(station: Seen, evse: Evse) -> tuple[RenderableType, ...]:
    word = station.firmware.dialect.status_word(evse)
    if evse.session is not None and evse.fault is None:
        word = evse.charging_state.value
    share = min(1.0, evse.drawn_w / evse.power_w)
    full = round(share * _BAR)
    bar = Text("█" * full, style="green").append("░" * (_BAR - full), style="dim")
    session = evse.session
    return (
        str(evse.id),
        "in" if evse.vehicle is not None else "-",
        Text(word, style=_COLORS.get(word, "")),
        bar,
        f"{evse.drawn_w / 1000:.1f}",
        "" if session is None else f"{session.energy_wh / 1000:.2f}",
        "" if evse.vehicle is None else f"{evse.vehicle.soc_pct:.0f} %",
        "" if session is None else session.id_token,
    )

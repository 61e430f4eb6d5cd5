"""Does what a command says."""

from collections.abc import Callable
from typing import cast

from simulators.commands import (
    HELP,
    Charge,
    Clear,
    Command,
    Emergency,
    Fault,
    Find,
    Help,
    Hop,
    Lose,
    Plug,
    Quit,
    Reboot,
    Resume,
    Status,
    Suspend,
    Swipe,
    Unplug,
    Wait,
)
from simulators.errors import NotPossible
from simulators.session import Reason
from simulators.station import Station


async def run(
    station: Station, command: Command, *, card: str | None, say: Callable[[str], None]
) -> bool:
    """Do one command. False when it was `quit`."""
    match command:
        case Plug(evse, vehicle):
            await station.plug_in(evse, vehicle)
        case Unplug(evse):
            await station.unplug(evse)
        case Swipe(evse, uid):
            if (uid or card) is None:
                raise NotPossible("which card? swipe 1 CARD, or start with --card CARD")
            await station.swipe(evse, cast("str", uid or card))
        case Charge(evse, energy_wh, seconds):
            full = energy_wh is None and seconds is None
            delivered_wh = await station.charge(
                evse, energy_wh=energy_wh, seconds=seconds, until_full=full
            )
            say(f"EVSE {evse}: {delivered_wh} Wh delivered")
        case Suspend(evse, by_vehicle):
            await station.suspend(evse, by_vehicle=by_vehicle)
        case Resume(evse):
            await station.resume(evse)
        case Fault(evse, code, ends_session):
            await station.fault(evse, code, ends_session=ends_session)
        case Clear(evse):
            await station.clear_fault(evse)
        case Emergency(evse):
            await station.stop(evse, Reason.EMERGENCY)
        case Lose():
            await station.lose_network()
            say("the network is gone")
        case Find(url):
            await station.find_network(url)
        case Hop(url):
            await station.hop(url)
        case Reboot(sessions):
            await station.reboot(sessions=sessions)
        case Wait(seconds):
            await station.wait(seconds)
        case Status():
            for line in status(station):
                say(line)
        case Help():
            for line in HELP.splitlines():
                say(line)
        case Quit():
            return False
    return True


def status(station: Station) -> list[str]:
    """One line for the network, one for each EVSE."""
    network = "online" if station.online else "no network"
    lines = [f"{network}, {station.registration}, {station.waiting} messages wait"]
    for evse in station.firmware.box.evses:
        parts = [f"EVSE {evse.id}: {station.firmware.dialect.status_word(evse)}"]
        parts.append(f"{evse.meter.register_wh} Wh on the meter")
        if evse.vehicle is not None:
            parts.append(f"battery at {evse.vehicle.soc_pct:.0f} %")
        if evse.session is not None:
            parts.append(f"{evse.session.id_token} has {evse.session.energy_wh} Wh")
            parts.append(f"{evse.drawn_w:.0f} W")
        lines.append(", ".join(parts))
    return lines

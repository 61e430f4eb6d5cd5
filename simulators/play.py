"""Does what a command says."""

from typing import cast

from simulators import commands
from simulators.commands import Command
from simulators.errors import NotPossible
from simulators.screen import Screen
from simulators.session import Reason
from simulators.station import Station


async def run(station: Station, command: Command, *, card: str | None, screen: Screen) -> bool:
    """Do one command. False when it was `quit`."""
    say = screen.say
    match command:
        case commands.Plug(evse, vehicle):
            await station.plug_in(evse, vehicle)
        case commands.Unplug(evse):
            await station.unplug(evse)
        case commands.Swipe(evse, uid):
            if (uid or card) is None:
                raise NotPossible("which card? swipe 1 CARD, or start with --card CARD")
            await station.swipe(evse, cast("str", uid or card))
        case commands.Charge(evse, energy_wh, seconds):
            full = energy_wh is None and seconds is None
            delivered_wh = await station.charge(
                evse, energy_wh=energy_wh, seconds=seconds, until_full=full
            )
            say(f"EVSE {evse}: {delivered_wh} Wh delivered")
        case commands.Suspend(evse, by_vehicle):
            await station.suspend(evse, by_vehicle=by_vehicle)
        case commands.Resume(evse):
            await station.resume(evse)
        case commands.Fault(evse, code, ends_session):
            await station.fault(evse, code, ends_session=ends_session)
        case commands.Clear(evse):
            await station.clear_fault(evse)
        case commands.Emergency(evse):
            await station.stop(evse, Reason.EMERGENCY)
        case commands.Lose():
            await station.lose_network()
            say("the network is gone")
        case commands.Find(url):
            await station.find_network(url)
        case commands.Hop(url):
            await station.hop(url)
        case commands.Reboot(sessions):
            await station.reboot(sessions=sessions)
        case commands.Wait(seconds):
            await station.wait(seconds)
        case commands.Status():
            screen.show(station)
        case commands.Watch(seconds):
            await screen.watch(station, seconds)
        case commands.Help():
            for line in commands.HELP.splitlines():
                say(line)
        case commands.Quit():
            return False
    return True

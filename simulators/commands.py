"""What a person can tell a station to do, one type for each command."""

from dataclasses import dataclass

from simulators.remote import Sessions
from simulators.vehicle import Vehicle

HELP = """\
plug [EVSE] [battery KWH] [soc PCT]      a vehicle arrives: plug 1 battery 60 soc 20
unplug [EVSE]                            and leaves; a running session ends
swipe [EVSE] [CARD]                      a card at the reader: begins or ends a session
charge [EVSE] AMOUNT | full              wait for so much: charge 5 kWh, charge 2 10 min
suspend [EVSE] [vehicle]                 power pauses, by the station or by the vehicle
resume [EVSE]
fault [EVSE] [CODE] [keep]               breaks, GroundFailure unless told; keep: session waits
clear [EVSE]                             the fault is repaired
emergency [EVSE]                         somebody presses the red button
lose                                     the network is gone; messages queue up
find [URL]                               it is back; they are replayed
hop URL                                  go over to another server in mid-session
reboot [end|resume|forget]               power cut: what becomes of the sessions
wait TIME                                wait 90 s, wait 10 min, wait 2 h
status                                   what is in each EVSE, as a picture on a terminal
watch [TIME]                             the picture, live, for 60 s unless told
help, quit"""


@dataclass(frozen=True)
class Plug:
    evse: int
    vehicle: Vehicle


@dataclass(frozen=True)
class Unplug:
    evse: int


@dataclass(frozen=True)
class Swipe:
    evse: int
    card: str | None


@dataclass(frozen=True)
class Charge:
    evse: int
    energy_wh: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Suspend:
    evse: int
    by_vehicle: bool


@dataclass(frozen=True)
class Resume:
    evse: int


@dataclass(frozen=True)
class Fault:
    evse: int
    code: str
    ends_session: bool


@dataclass(frozen=True)
class Clear:
    evse: int


@dataclass(frozen=True)
class Emergency:
    evse: int


@dataclass(frozen=True)
class Lose:
    pass


@dataclass(frozen=True)
class Find:
    url: str | None


@dataclass(frozen=True)
class Hop:
    url: str


@dataclass(frozen=True)
class Reboot:
    sessions: Sessions


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Status:
    pass


@dataclass(frozen=True)
class Watch:
    seconds: float


@dataclass(frozen=True)
class Help:
    pass


@dataclass(frozen=True)
class Quit:
    pass


Command = (
    Plug
    | Unplug
    | Swipe
    | Charge
    | Suspend
    | Resume
    | Fault
    | Clear
    | Emergency
    | Lose
    | Find
    | Hop
    | Reboot
    | Wait
    | Status
    | Watch
    | Help
    | Quit
)

"""
Simulated charging stations, on the `ocpp` package; they share no code with the server.

A test steps the time itself, so that a whole session takes a few milliseconds::

    async with Station("CP-1", version="1.6", url="ws://127.0.0.1:9000/ocpp",
                       password=secret, power_w=11_000) as station:
        await station.plug_in(1, Vehicle(battery_wh=60_000, soc_pct=20))
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=5000)      # sends the readings of 28 minutes
        await station.lose_network()
        await station.charge(1, seconds=600)         # queues them
        await station.find_network(other_url)        # replays them, in order
        await station.swipe(1, "ADA-1")
        await station.unplug(1)

    truth = station.sessions[-1]                     # what it physically was
    assert truth.energy_wh == truth.end_register_wh - truth.start_register_wh
    assert station.dropped == [] and station.complaints == []

Every method returns when its messages were answered or cannot be sent (no network, not accepted
yet). `flush()` waits for the rest, `until(condition)` for what the central system does by itself
(a remote start). Nothing sleeps unless `speed` is given: then time passes by itself,
from `power_on` on.

Time. A station's clock is its own and starts 11 hours in the past (`Clock(start)` to choose): it
runs faster than the real one and must not pass it, since a central system believes late times
(offline queues) and doubts future ones. It is not set by the server's `currentTime`. A second
`Station` of one identity goes on where the first was: `clock=Clock(first.clock.now())` and
`register_wh=first.evse(1).meter.register_wh`.

Network. `lose_network` lasts until `find_network`. A socket that the other side closes is opened
again by itself, after `backoff=Backoff(first_s=0.05)` at first; `flush()` waits for that too.

Misbehaviour. `repeat_every_message="same id" | "new id"`, `drop_answers={"StartTransaction": 1}`,
`hop(url, leave_old_open=True)`, `reboot(sessions="end" | "resume" | "forget")`.

Truth. `sessions` hold registers, times and reason; `journal=path` notes each CALL with its
answer in a file that survives the process (`simulators.journal`).

By hand: `python -m simulators station CP-1 --url ws://127.0.0.1:9000/ocpp --password SECRET`.
Many at once: `python -m simulators fleet`. Short plays: `python -m simulators scenario --list`.
"""

from simulators.clock import Clock
from simulators.dialect import Version
from simulators.errors import (
    CannotConnect,
    NotPossible,
    Refused,
    ScriptError,
    SimulatorError,
    TookTooLong,
)
from simulators.journal import Journal
from simulators.network import Backoff
from simulators.session import Reason, Session
from simulators.station import Station
from simulators.vehicle import Vehicle

__all__ = [
    "Backoff",
    "CannotConnect",
    "Clock",
    "Journal",
    "NotPossible",
    "Reason",
    "Refused",
    "ScriptError",
    "Session",
    "SimulatorError",
    "Station",
    "TookTooLong",
    "Vehicle",
    "Version",
]

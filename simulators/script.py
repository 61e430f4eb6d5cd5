"""
Reads the commands that a person types, or a file holds, one a line.

`#` begins a comment. The EVSE may be left out where there is one; amounts have units.
"""

import re
import shlex
from collections.abc import Callable
from typing import cast, get_args
from urllib.parse import urlsplit

from simulators import commands
from simulators.commands import Command
from simulators.errors import ScriptError
from simulators.remote import Sessions
from simulators.vehicle import Vehicle

ENERGY = {"wh": 1.0, "kwh": 1000.0}
WATCH_S = 60.0
TIME = {"s": 1.0, "min": 60.0, "h": 3600.0}


def parse_script(text: str) -> list[Command]:
    """All commands of a file; the error names the line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            command = parse(line)
        except ScriptError as error:
            raise ScriptError(f"line {number}: {error}") from None
        if command is not None:
            found.append(command)
    return found


def parse(line: str) -> Command | None:
    """One command; None for an empty line."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        raise ScriptError("a quote is not closed") from None
    if not words:
        return None
    name, rest = words[0].lower(), words[1:]
    reader = READERS.get(name)
    if reader is None:
        raise ScriptError(f'there is no command "{words[0]}"; "help" lists them')
    left = _Words(name, rest)
    command = reader(left)
    left.expect_end()
    return command


class _Words:
    """The words after the command, taken one by one."""

    def __init__(self, command: str, words: list[str]) -> None:
        self.command = command
        self._words = words

    def take(self) -> str | None:
        return self._words.pop(0) if self._words else None

    def take_if(self, *wanted: str) -> str | None:
        return self.take() if self._words and self._words[0].lower() in wanted else None

    def evse(self) -> int:
        """A leading whole number is an EVSE, unless a unit follows it."""
        if not self._words or not self._words[0].isdecimal():
            return 1
        if len(self._words) > 1 and self._words[1].lower() in ENERGY | TIME:
            return 1
        return int(self._words.pop(0))

    def amount(self, units: dict[str, float], example: str) -> tuple[float, str]:
        """A number and its unit, apart or together, in the base unit."""
        text = self.take() or ""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", text)
        if match is None:
            raise ScriptError(f'"{self.command}" needs an amount: {example}')
        unit = (match[2] or self.take() or "").lower()
        if unit not in units:
            known = ", ".join(units)
            raise ScriptError(f'"{text}" needs a unit, one of {known}: {example}')
        return float(match[1]) * units[unit], unit

    def number(self, of: str) -> float:
        text = self.take()
        try:
            return float(text or "")
        except ValueError:
            raise ScriptError(f'"{of}" needs a number, not "{text or "nothing"}"') from None

    def url(self) -> str | None:
        text = self.take()
        if text is not None and urlsplit(text).scheme not in ("ws", "wss"):
            raise ScriptError(f'"{text}" is not a ws:// or wss:// address')
        return text

    @property
    def has_more(self) -> bool:
        return bool(self._words)

    def expect_end(self) -> None:
        if self._words:
            raise ScriptError(f'"{self.command}" does not understand "{" ".join(self._words)}"')


def _plug(words: _Words) -> Command:
    evse, battery_wh, soc_pct = words.evse(), 60_000.0, 20.0
    while (name := words.take_if("battery", "soc")) is not None:
        if name == "battery":
            battery_wh = words.number("battery") * 1000
        else:
            soc_pct = words.number("soc")
    try:
        return commands.Plug(evse, Vehicle(battery_wh=battery_wh, soc_pct=soc_pct))
    except ValueError as error:
        raise ScriptError(f"{error}") from None


def _charge(words: _Words) -> Command:
    evse = words.evse()
    if words.take_if("full"):
        return commands.Charge(evse)
    amount, unit = words.amount(ENERGY | TIME, "charge 5 kWh, charge 10 min, charge full")
    if unit in ENERGY:
        return commands.Charge(evse, energy_wh=amount)
    return commands.Charge(evse, seconds=amount)


def _fault(words: _Words) -> Command:
    evse = words.evse()
    keep = words.take_if("keep")
    code = None if keep else words.take()
    keep = keep or words.take_if("keep")
    return commands.Fault(evse, code or "GroundFailure", ends_session=keep is None)


def _hop(words: _Words) -> Command:
    url = words.url()
    if url is None:
        raise ScriptError('"hop" needs the address of the other server')
    return commands.Hop(url)


def _reboot(words: _Words) -> Command:
    text = words.take() or "end"
    if text not in get_args(Sessions):
        raise ScriptError(f'"reboot" knows end, resume and forget, not "{text}"')
    return commands.Reboot(cast("Sessions", text))


def _watch(words: _Words) -> Command:
    return commands.Watch(words.amount(TIME, "watch 30 s")[0] if words.has_more else WATCH_S)


READERS: dict[str, Callable[[_Words], Command]] = {
    "plug": _plug,
    "unplug": lambda words: commands.Unplug(words.evse()),
    "swipe": lambda words: commands.Swipe(words.evse(), words.take()),
    "charge": _charge,
    "suspend": lambda words: commands.Suspend(words.evse(), bool(words.take_if("vehicle"))),
    "resume": lambda words: commands.Resume(words.evse()),
    "fault": _fault,
    "clear": lambda words: commands.Clear(words.evse()),
    "emergency": lambda words: commands.Emergency(words.evse()),
    "lose": lambda _: commands.Lose(),
    "find": lambda words: commands.Find(words.url()),
    "hop": _hop,
    "reboot": _reboot,
    "wait": lambda words: commands.Wait(words.amount(TIME, "wait 90 s, wait 10 min")[0]),
    "status": lambda _: commands.Status(),
    "watch": _watch,
    "help": lambda _: commands.Help(),
    "quit": lambda _: commands.Quit(),
}

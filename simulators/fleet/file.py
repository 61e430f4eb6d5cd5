"""
Reads the stations of a fleet from TOML; every mistake is one sentence.

    url = "ws://127.0.0.1:9000/ocpp"   # --url wins
    seed = 7                           # --seed wins
    speed = 1.0                        # --speed wins

    [[station]]
    identity = "DEMO-01"
    version = "1.6"                    # 1.6, 2.0.1 or 2.1
    password = "..."
    vendor = "Alfen"
    model = "Eve Single"
    firmware = "6.6.0"
    connectors = [{ type = "Type 2", max_power_w = 11000 }]
    cards = ["04A2B17C5D2E80"]         # of the vehicles that arrive; none: only remote starts
    life = "busy"                      # busy, quiet, idle, faulted or offline
    arrive_on_remote_start = true      # a vehicle comes when a start was accepted without one

Only identity and version must be there.
"""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from simulators.dialect import Version
from simulators.fleet.cast import LIVES, LONGEST_UID, VERSIONS, Cast, FleetError, Life, Plug, Role

_NEEDED: Any = object()


def read(path: Path) -> Cast:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"cannot read {path}: {error}") from None
    try:
        return parse(text)
    except FleetError as error:
        raise FleetError(f"{path}: {error}") from None


def parse(text: str) -> Cast:
    try:
        top = _Table(tomllib.loads(text), "the file")
    except tomllib.TOMLDecodeError as error:
        raise FleetError(f"this is not TOML: {error}") from None
    stations = top.tables("station", least=1)
    cast_ = Cast(
        stations=tuple(_role(table) for table in stations),
        url=top.text("url", None),
        seed=top.whole("seed", None),
        speed=top.number("speed", None),
    )
    top.expect_end()
    if cast_.url is not None and urlsplit(cast_.url).scheme not in ("ws", "wss"):
        raise FleetError(f'url "{cast_.url}" is not a ws:// or wss:// address')
    names = [role.identity for role in cast_.stations]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FleetError(f"there are two stations {twice}")
    return cast_


def _role(table: "_Table") -> Role:
    identity = table.text("identity")
    table.name = f"station {identity}"
    role = Role(
        identity=identity,
        version=cast("Version", table.one_of("version", VERSIONS)),
        password=table.text("password", None),
        vendor=table.text("vendor", Role.vendor),
        model=table.text("model", Role.model),
        firmware=table.text("firmware", Role.firmware),
        connectors=tuple(_plug(one) for one in table.tables("connectors", least=0)) or (Plug(),),
        cards=table.texts("cards"),
        life=cast("Life", table.one_of("life", LIVES, Role.life)),
        arrive_on_remote_start=table.flag("arrive_on_remote_start", Role.arrive_on_remote_start),
    )
    table.expect_end()
    longest = LONGEST_UID[role.version]
    for uid in role.cards:
        if not 1 <= len(uid) <= longest:
            raise FleetError(f'{table.name}: card "{uid}" has not 1 to {longest} characters')
    return role


def _plug(table: "_Table") -> Plug:
    plug = Plug(table.text("type", Plug.type), table.number("max_power_w", Plug.max_power_w))
    table.expect_end()
    return plug


class _Table:
    """A table of the file; whatever is not taken from it is a mistake."""

    def __init__(self, values: dict[str, Any], name: str) -> None:
        self._left = dict(values)
        self.name = name

    def text(self, key: str, default: Any = _NEEDED) -> Any:
        return self._take(key, str, "a text", default)

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._take(key, bool, "true or false", default))

    def whole(self, key: str, default: Any) -> Any:
        return self._take(key, int, "a whole number", default)

    def number(self, key: str, default: Any) -> Any:
        value = self._take(key, int | float, "a number", default)
        if value is not None and not 0 < value < 1e9:
            raise FleetError(f"{self.name}: {key} must be above zero")
        return value if value is None else float(value)

    def one_of(self, key: str, choices: Collection[str], default: Any = _NEEDED) -> str:
        value = str(self.text(key, default))
        if value not in choices:
            known = ", ".join(choices)
            raise FleetError(f'{self.name}: {key} "{value}" is not one of {known}')
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._take(key, list, "a list of texts", [])
        if not all(isinstance(value, str) for value in values):
            raise FleetError(f"{self.name}: {key} must be a list of texts")
        return tuple(values)

    def tables(self, key: str, *, least: int) -> "list[_Table]":
        values = self._take(key, list, "a list of tables", [])
        if not all(isinstance(value, dict) for value in values):
            raise FleetError(f"{self.name}: {key} must be a list of tables")
        if len(values) < least:
            raise FleetError(f"{self.name} has no [[{key}]]")
        return [
            _Table(value, f"{self.name}, {key} {number}") for number, value in enumerate(values, 1)
        ]

    def expect_end(self) -> None:
        if self._left:
            raise FleetError(f'{self.name}: there is no key "{next(iter(self._left))}"')

    def _take(self, key: str, kind: Any, words: str, default: Any) -> Any:
        if key not in self._left:
            if default is _NEEDED:
                raise FleetError(f"{self.name}: {key} is missing")
            return default
        value = self._left.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise FleetError(f"{self.name}: {key} must be {words}")
        return value

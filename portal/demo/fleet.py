"""The file that tells the simulators which chargers to be: DATA_DIR/demo/fleet.toml."""

from __future__ import annotations

import json
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path

from db import demo_network, station_keys
from db.rows import Conn
from portal.config import Config
from portal.demo import files
from portal.demo.cast import CHARGERS, Charger


def path(config: Config) -> Path:
    return config.database.data_dir / "demo" / "fleet.toml"


def new_passwords() -> dict[str, str]:
    return {charger.identity: secrets.token_urlsafe(24) for charger in CHARGERS}


async def settle(conn: Conn, config: Config) -> Path | None:
    """
    The file as it must be for this database; None when none of the demo's chargers is in it.

    A charger whose password the file does not have (any more) gets a new one. The caller holds a
    transaction.
    """
    keys = await demo_network.station_keys(conn, [charger.identity for charger in CHARGERS])
    if not keys:
        return None
    passwords = _passwords(files.read(path(config)))
    for identity, (salt, key_hash) in keys.items():
        if not station_keys.matches(salt, key_hash, passwords.get(identity, "").encode()):
            passwords[identity] = secrets.token_urlsafe(24)
            salt, key_hash = station_keys.make(passwords[identity])
            await demo_network.set_station_key(conn, identity, salt=salt, key_hash=key_hash)
    write(config, {identity: passwords[identity] for identity in keys})
    return path(config)


def write(config: Config, passwords: Mapping[str, str]) -> None:
    port = config.csms_port
    head = [
        "# The demo's chargers, for `python -m simulators fleet --stations`. Made at each start.",
        f'url = "ws://{config.charger_host}:{port}/ocpp"',
        # Another one at each start, so that no charger says again what it said the last time.
        f"seed = {secrets.randbelow(10**6)}",
    ]
    stations = [
        _station(charger, passwords[charger.identity])
        for charger in CHARGERS
        if charger.identity in passwords
    ]
    files.write(path(config), "\n".join([*head, *stations]) + "\n")


def _station(charger: Charger, password: str) -> str:
    plugs = ", ".join(
        f"{{ type = {_text(plug.type)}, max_power_w = {plug.max_power_w} }}"
        for plug in charger.plugs
    )
    return "\n".join(
        [
            "",
            "[[station]]",
            f"identity = {_text(charger.identity)}",
            f"version = {_text(charger.version)}",
            f"password = {_text(password)}",
            f"vendor = {_text(charger.vendor)}",
            f"model = {_text(charger.model)}",
            f"firmware = {_text(charger.firmware)}",
            f"connectors = [{plugs}]",
            f"cards = [{', '.join(_text(uid) for uid in charger.cards)}]",
            f"life = {_text(charger.life)}",
        ]
    )


def _text(value: str) -> str:
    return json.dumps(value)  # of plain text, it is TOML as well


def _passwords(text: str) -> dict[str, str]:
    """By identity; a file that somebody spoiled has none."""
    try:
        stations = tomllib.loads(text).get("station", [])
        return {station["identity"]: station["password"] for station in stations}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
        return {}

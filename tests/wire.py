"""The far end of a wire: a csms in this process on a real port, and a charger for tests."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms import app
from csms.certificates import Certificates
from csms.config import Config
from csms.listeners import open_listeners
from db import station_keys, stations
from db.config import DatabaseConfig
from db.model.stations import Profile, Registration, Station

KEY = "a-key-of-sixteen-or-more"


@dataclass(frozen=True)
class Csms:
    config: Config
    port: int
    ports: Mapping[Profile, int]  # by security profile
    certificates: Certificates | None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"


@asynccontextmanager
async def csms(database_url: str, tmp_path: Path, **settings: Any) -> AsyncIterator[Csms]:
    """Serve in this process, on a free port, with the settings of a Config."""
    database = DatabaseConfig(data_dir=tmp_path / "data", database_url=database_url)
    config = Config(database, port=0, **{"node": "here", "hold_s": 5, **settings})
    with open_listeners(config) as listeners:
        async with app.running(config, database_url, listeners):
            ports = {profile: listeners.port(profile) for profile in listeners.sockets}
            yield Csms(config, ports[1], ports, listeners.certificates)


async def add_station(
    database_url: str,
    identity: str,
    *,
    key: str | None = KEY,
    registration: Registration = "Accepted",
) -> Station:
    salt, digest = station_keys.make(key) if key else (None, None)
    conn = await asyncpg.connect(database_url)
    try:
        return await stations.add(
            conn, identity=identity, key_salt=salt, key_hash=digest, registration=registration
        )
    finally:
        await conn.close()


def basic(identity: str, key: str = KEY) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{identity}:{key}".encode()).decode()}


class Charger:
    """One socket; `call` waits for the answer to its own message id and keeps other frames."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.asked: list[Any] = []
        self._numbers = itertools.count(1)

    async def call(self, action: str, payload: dict[str, Any]) -> Any:
        """The answer's payload; a CALLERROR as the whole frame."""
        message_id = f"m{next(self._numbers)}"
        answer = await self.frame([2, message_id, action, payload], message_id)
        return answer[2] if answer[0] == 3 else answer

    async def frame(self, frame: Any, message_id: Any) -> Any:
        await self.socket.send(json.dumps(frame))
        while True:
            heard = json.loads(await self.socket.recv())
            if heard[0] != 2 and heard[1] == message_id:
                return heard
            self.asked.append(heard)

    async def raw(self, text: str) -> Any:
        await self.socket.send(text)
        return json.loads(await self.socket.recv())


@asynccontextmanager
async def charger(
    url: str, identity: str, version: str = "1.6", *, key: str | None = KEY
) -> AsyncIterator[Charger]:
    async with connect(
        f"{url}/{identity}",
        subprotocols=[Subprotocol(f"ocpp{version}")],
        additional_headers=basic(identity, key) if key else None,
        ping_interval=None,
        compression=None,
    ) as socket:
        yield Charger(socket)

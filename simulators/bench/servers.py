"""The servers that are compared: how each is started, and how its readings are counted."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp

from simulators.bench.cores import Cores
from simulators.bench.database import Database, count
from simulators.bench.dialects import CONNECTOR_W, card_of, identity_of
from simulators.bench.errors import BenchError
from simulators.bench.processes import END_WITH_PARENT, free_port, program, said, until_ready
from simulators.bench.wire import PASSWORD

Kind = Literal["ours", "naive"]

_PREPARED = "bench_prepared"
#: Messages whose readings are there, in their session: six rows each, or one row with six samples.
_READINGS: dict[Kind, str] = {
    "ours": "select count(*) from reading where session_id is not null",
    "naive": "select count(*) / 6 from meter_value where transaction_id is not null",
}


@dataclass(frozen=True)
class Server:
    kind: Kind
    port: int
    pid: int
    database_url: str

    async def kept(self) -> int:
        """Of how many messages the readings are in the database."""
        return await count(self.database_url, _READINGS[self.kind])

    async def quarantined(self) -> int:
        """How many messages broke their schema, in the eyes of ours."""
        return await count(self.database_url, "select count(*) from quarantine")

    async def logged(self, action: str) -> int:
        """How many messages our log has; nobody waits for it, and it may lose some."""
        question = "select count(*) from message where action = $1"
        return await count(self.database_url, question, action)


class Servers:
    """Starts them, each with a fresh database on the one PostgreSQL."""

    def __init__(self, database: Database, cores: Cores, folder: Path) -> None:
        self._database = database
        self._cores = cores
        self._folder = folder

    async def prepare(self, links: int) -> None:
        """A database to copy, with the chargers and cards, made through our own API."""
        await self._database.create(_PREPARED)
        log, port = self._folder / "portal.log", free_port()
        settings = {
            "DATABASE_URL": self._database.named(_PREPARED),
            "DATA_DIR": str(self._folder / "portal"),
            "PORTAL_PORT": str(port),
        }
        words = ("-m", "portal", "token", "create", "--name", "bench", "--scope", "admin")
        token = await said(*words, log=log, settings=settings)
        url = f"http://127.0.0.1:{port}"
        async with program("-m", "portal", END_WITH_PARENT, log=log, settings=settings) as portal:
            await until_ready(f"{url}/health/ready", portal, log)
            bearer = {"Authorization": f"Bearer {token}"}
            async with aiohttp.ClientSession(url, headers=bearer) as http:
                for number in range(1, links + 1):
                    await _post(http, "/api/v1/stations", _station(number))
                    card = {"uid": card_of(number), "type": "ISO14443"}
                    await _post(http, "/api/v1/id-tokens", card)

    @asynccontextmanager
    async def ours(self, profile: Path | None = None) -> AsyncIterator[Server]:
        """`python -m csms` with every default."""
        port = free_port()
        profiled = ("-m", "cProfile", "-o", str(profile)) if profile else ()
        async with self._database.fresh("bench_ours", _PREPARED) as url:
            settings = {
                "DATABASE_URL": url,
                "DATA_DIR": str(self._folder / "csms"),
                "CSMS_PORT": str(port),
            }
            words = (*profiled, "-m", "csms", END_WITH_PARENT)
            async with self._started("ours", port, url, *words, settings=settings) as server:
                yield server

    @asynccontextmanager
    async def naive(self) -> AsyncIterator[Server]:
        port = free_port()
        async with self._database.fresh("bench_naive") as url:
            words = ("-m", "simulators.bench.naive", str(port), url)
            async with self._started("naive", port, url, *words, settings={}) as server:
                yield server

    @asynccontextmanager
    async def _started(
        self, kind: Kind, port: int, url: str, *words: str, settings: dict[str, str]
    ) -> AsyncIterator[Server]:
        log, place = self._folder / f"{kind}.log", self._cores.for_the_server()
        async with program(*words, log=log, settings=settings, place=place) as process:
            await until_ready(f"http://127.0.0.1:{port}/health/ready", process, log)
            yield Server(kind, port, process.pid, url)


def _station(number: int) -> dict[str, object]:
    plug = {"evse": 1, "connector": 1, "type": "cType2", "max_power_w": CONNECTOR_W}
    return {"identity": identity_of(number), "password": PASSWORD, "connectors": [plug]}


async def _post(http: aiohttp.ClientSession, path: str, body: Mapping[str, object]) -> None:
    async with http.post(path, json=body) as response:
        if response.status != 201:
            raise BenchError(f"The portal refused {body}: {await response.text()}")

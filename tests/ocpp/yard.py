"""
Many chargers at one csms: each test has its own, of any version, lenient or strict.

However a test ends what its charger said, the charger's next Heartbeat is answered, and nothing was
logged as a fault of ours.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection

from db import stations
from db.model.stations import Registration
from db.rows import Pool
from tests.wire import Charger, charger

VERSIONS = ("1.6", "2.0.1", "2.1")
FAMILY_2 = ("2.0.1", "2.1")
# The catalogue says one second; a machine that does other things too is given more.
PATIENCE_S = 20

_WORDS_16 = {
    "FormatViolation": "FormationViolation",
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
    "Missing": "ProtocolError",
}
FORMAT, OCCURRENCE = "FormatViolation", "OccurrenceConstraintViolation"
TYPE, PROPERTY = "TypeConstraintViolation", "PropertyConstraintViolation"
MISSING = "Missing"  # a required field, for which 1.6 has another word


def word(version: str, code: str) -> str:
    """How a version spells a code (reliability D0)."""
    if version == "1.6":
        return _WORDS_16.get(code, code)
    return OCCURRENCE if code == MISSING else code


def check_refused(answer: Any, version: str, code: str) -> None:
    assert answer[0] == 4, answer
    assert answer[2] == word(version, code), answer
    assert len(answer) == 5
    assert len(answer[3]) <= 255
    assert answer[4] == {}


class Cp(Charger):
    def __init__(self, socket: ClientConnection, pool: Pool, station_id: int, version: str) -> None:
        super().__init__(socket)
        self.pool = pool
        self.station_id = station_id
        self.version = version
        self._ids = itertools.count(1)

    async def says(self, action: str, payload: Any) -> Any:
        """The whole answer."""
        message_id = f"said{next(self._ids)}"
        async with asyncio.timeout(PATIENCE_S):
            return await self.frame([2, message_id, action, payload], message_id)

    async def answer_to(self, text: str) -> Any:
        """The frame that a text is answered with, or None when it is ignored."""
        await self.socket.send(text)
        await self.socket.send('[2,"probe","Heartbeat",{}]')
        first = await self._heard()
        if first[1] == "probe":
            return None
        last = await self._heard()
        # A bad frame is told so at once; the answers to CALLs keep their order.
        assert {first[1], last[1]} >= {"probe"}, (first, last)
        return first if last[1] == "probe" else last

    async def beats(self) -> None:
        assert "currentTime" in (await self.says("Heartbeat", {}))[2]

    async def kept(self) -> list[dict[str, Any]]:
        """What is in quarantine."""
        return await self._rows("quarantine", "id")

    async def sessions(self) -> list[dict[str, Any]]:
        return await self._rows("charging_session", "id")

    async def session(self) -> dict[str, Any]:
        (only,) = await self.sessions()
        return only

    async def readings(self) -> list[dict[str, Any]]:
        return await self._rows("reading", "at")

    async def connectors(self) -> list[dict[str, Any]]:
        return await self._rows("connector", "evse, connector")

    async def events(self) -> list[dict[str, Any]]:
        return await self._rows("station_event", "id")

    async def station(self) -> dict[str, Any]:
        row = await self.pool.fetchrow("select * from station where id = $1", self.station_id)
        assert row is not None
        return dict(row)

    async def _rows(self, table: str, order: str) -> list[dict[str, Any]]:
        rows = await self.pool.fetch(
            f"select * from {table} where station_id = $1 order by {order}", self.station_id
        )
        return [dict(row) for row in rows]

    async def _heard(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self.socket.recv())


@dataclass(frozen=True)
class Yard:
    url: str
    pool: Pool
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def station(
        self,
        version: str,
        *,
        strict: bool = False,
        is_booted: bool = True,
        registration: Registration = "Accepted",
        says_kwh: bool = False,
        clock_offset_h: int = 0,
    ) -> AsyncIterator[Cp]:
        identity = f"CP-{next(self.numbers)}"
        async with self.pool.acquire() as conn:
            added = await stations.add(conn, identity=identity, registration=registration)
            await conn.execute(
                """
                update station set strict = $2, booted_at = case when $3 then now() end,
                    says_kwh = $4, clock_offset_h = $5
                where id = $1
                """,
                added.id,
                strict,
                is_booted,
                says_kwh,
                clock_offset_h,
            )
        with capture_logs() as log:
            async with charger(self.url, identity, version, key=None) as plain:
                cp = Cp(plain.socket, self.pool, added.id, version)
                yield cp
                if is_booted:
                    await cp.beats()
        faults = [line for line in log if "exc_info" in line or line["log_level"] == "error"]
        assert not faults, faults

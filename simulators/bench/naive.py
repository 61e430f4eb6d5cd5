"""
The naive server of the comparison: what the tutorial of the `ocpp` package leads to.

Stock engine with its defaults, asyncio's loop, `websockets`, a pool of 10, one INSERT of six rows
for a message and a commit before the answer; nothing else: no authentication, no log, no sessions.
`python -m simulators.bench.naive PORT DSN` ends with its standard input.
"""

import asyncio
import itertools
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg
import ocpp.messages
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from simulators.bench.ending import end_of_input

# The library's default. The simulators, in whose package we are, switch it off for themselves.
ocpp.messages.ASYNC_VALIDATION = True

TABLE = """
    create table meter_value (
        id              bigint generated always as identity primary key,
        transaction_id  bigint,
        ts              timestamptz not null,
        measurand       text not null,
        value           double precision not null,
        unit            text
    );
    create index meter_value_transaction on meter_value (transaction_id, ts);
"""
INSERT = "insert into meter_value (transaction_id, ts, measurand, value, unit) values "
_COLUMNS = 5
_ACCEPTED = IdTagInfo(AuthorizationStatus.accepted)


def insert(rows: int) -> str:
    places = (
        "(" + ", ".join(f"${row * _COLUMNS + n}" for n in range(1, _COLUMNS + 1)) + ")"
        for row in range(rows)
    )
    return INSERT + ", ".join(places)


class NaiveChargePoint(ChargePoint):  # type: ignore[misc]
    transaction_ids = itertools.count(1)

    def __init__(self, identity: str, socket: ServerConnection, pool: Any) -> None:
        super().__init__(identity, socket)
        self._pool = pool

    @on("BootNotification")  # type: ignore[untyped-decorator]
    async def boot(self, **_: Any) -> call_result.BootNotification:
        now = datetime.now().astimezone().isoformat()
        return call_result.BootNotification(now, 300, RegistrationStatus.accepted)

    @on("Authorize")  # type: ignore[untyped-decorator]
    async def authorize(self, **_: Any) -> call_result.Authorize:
        return call_result.Authorize(_ACCEPTED)

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    async def start_transaction(self, **_: Any) -> call_result.StartTransaction:
        return call_result.StartTransaction(next(self.transaction_ids), _ACCEPTED)

    @on("MeterValues")  # type: ignore[untyped-decorator]
    async def meter_values(
        self, meter_value: list[dict[str, Any]], transaction_id: int | None = None, **_: Any
    ) -> call_result.MeterValues:
        row: list[Any] = []
        for element in meter_value:
            at = datetime.fromisoformat(element["timestamp"])
            for sample in element["sampled_value"]:
                measurand, unit = sample.get("measurand", ""), sample.get("unit")
                row += [transaction_id, at, measurand, float(sample["value"]), unit]
        async with self._pool.acquire() as conn:
            await conn.execute(insert(len(row) // _COLUMNS), *row)
        return call_result.MeterValues()


async def main(port: int, url: str) -> None:
    async with asyncpg.create_pool(url, min_size=10, max_size=10) as pool:
        await pool.execute(TABLE)

        async def talk(socket: ServerConnection) -> None:
            assert socket.request
            identity = socket.request.path.rpartition("/")[2]
            with suppress(ConnectionClosed):
                await NaiveChargePoint(identity, socket, pool).start()

        async with serve(talk, "127.0.0.1", port, subprotocols=[Subprotocol("ocpp1.6")]):
            await end_of_input()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))

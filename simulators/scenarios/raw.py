"""A socket on which anything may be said, and a list of what came back."""

import asyncio
import itertools
import json
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from simulators.handshake import open_socket
from simulators.scenarios.stage import Row, Stage

PATIENCE_S = 10


class Raw:
    """It speaks 1.6. `open` says what had to be answered and was not."""

    def __init__(self, stage: Stage, identity: str) -> None:
        self._stage = stage
        self._identity = identity
        self._socket: ClientConnection | None = None
        self._numbers = itertools.count(1)
        self._sent = self._answered = self._refused = 0
        self.open: list[str] = []

    async def __aenter__(self) -> Self:
        self._socket = await self._connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def garbage(self, what: str, frame: str) -> None:
        """No answer is owed to this one, but to the heartbeat after it."""
        await self._send(frame)
        await self.call(f"a heartbeat after {what}", "Heartbeat", {})

    async def call(
        self, what: str, action: str, payload: dict[str, Any], *, message_id: str | None = None
    ) -> Any:
        """Any answer will do, also an error, but there must be one. None: there was none."""
        message_id = message_id or f"rogue-{next(self._numbers)}"
        await self._send(json.dumps([2, message_id, action, payload]))
        answer = await self._hear(message_id)
        match answer:
            case [3, _, result]:
                self._answered += 1
                self._stage.say(f"{what}: answered")
                return result
            case [4, _, code, *_]:
                self._refused += 1
                self._stage.say(f"{what}: refused, {code}")
            case _:
                self.open.append(f"{what} had no answer")
                self._stage.say(f"{what}: NO ANSWER")
        return None

    def row(self, *, sessions: int, energy_wh: int) -> Row:
        return Row(
            name=f"{self._identity} misbehaves",
            version="1.6",
            sessions=sessions,
            energy_wh=energy_wh,
            sent=self._sent,
            answered=self._answered,
            refused=self._refused,
            open=self.open,
        )

    async def _connect(self) -> ClientConnection:
        return await open_socket(
            self._stage.url,
            identity=self._identity,
            password=self._stage.password,
            subprotocol="ocpp1.6",
            ping_s=0,
        )

    async def _send(self, frame: str) -> None:
        self._sent += 1
        for _ in range(2):
            if self._socket is None:
                self._socket = await self._connect()
            try:
                await self._socket.send(frame)
            except ConnectionClosed:
                self._stage.say("it was hung up on, and connects again")
                self._socket = None
            else:
                return

    async def _hear(self, message_id: str) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self._socket is not None:
                    heard = json.loads(await self._socket.recv())
                    if heard[0] != 2 and heard[1] == message_id:
                        return heard
        except (TimeoutError, ConnectionClosed):
            return None
        return None

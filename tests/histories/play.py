"""A box that says its history over real sockets through a bad network, and writes down how."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.histories.physical import Delivery, Fate, History
from tests.histories.saying import Message, messages
from tests.wire import basic

_ANSWER_S = 30
_PAUSES_S = (0.5, 1, 2, 4, 8, 0)  # before it comes again
_BOOT = {
    "1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "2": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
}


class Box:
    """`told` is the conversation, line by line; `numbers` what each 1.6 start was answered."""

    def __init__(self, url: str, identity: str, history: History) -> None:
        self.identity = identity
        self.told: list[str] = []
        self.numbers: dict[int, set[int]] = {}
        self.refusals: list[str] = []
        self._url = url
        self._history = history
        self._said = messages(history, identity)
        self._payloads: dict[int, dict[str, Any]] = {}
        self._known: dict[int, int] = {}  # the numbers that it was told, by charge
        self._socket: ClientConnection | None = None
        self._opened = 0
        self._old: list[ClientConnection] = []
        self._counted: Iterator[int] = itertools.count(1)

    async def live(self) -> None:
        try:
            await self._boot()
            for delivery in self._history.deliveries:
                await self._deliver(delivery)
        finally:
            for socket in [*self._old, *([self._socket] if self._socket else [])]:
                socket.transport.abort()
                await socket.wait_closed()

    async def _deliver(self, delivery: Delivery) -> None:
        if delivery.reboots_first:
            self._lose()
            self._counted = itertools.count(1)
            self.told.append("  the box boots, and counts from 1 again")
            await self._boot()
        if delivery.opens_second_socket_first:
            await self._second_socket()
        message_id: str | None = None
        for fate in delivery.fates:
            message_id = await self._unheard(delivery.message, fate, message_id)
        await self._heard(delivery.message, message_id)

    async def _unheard(self, place: int, fate: Fate, message_id: str | None) -> str | None:
        """Say it and hear no answer; the id to say it again with, None for a new one."""
        frame = self._frame(place, message_id)
        if fate == "said on two sockets at once":
            first = self._socket or await self._open()
            self._socket = first
            await self._second_socket()
            self.told.append(f"→ on the old socket, {json.dumps(frame)}")
            with suppress(ConnectionClosed):
                await first.send(json.dumps(frame))
            return str(frame[1])
        if fate.startswith("socket lost"):
            self.told.append(f"→ {json.dumps(frame)}  (and the socket is lost)")
            await self._send(frame)
            self._lose()
        else:
            self.told.append(f"→ {json.dumps(frame)}  (the answer is lost)")
            await self._answer(frame, place)
        return str(frame[1]) if fate.endswith("same id") else None

    async def _heard(self, place: int, message_id: str | None) -> None:
        frame = self._frame(place, message_id)
        self.told.append(f"→ {json.dumps(frame)}")
        answer = await self._answer(frame, place)
        self.told.append(f"← {json.dumps(answer)}")
        message = self._said[place]
        is_told = answer[0] == 3 and not self._history.never_hears_start_answer
        if message.action == "StartTransaction" and is_told:
            self._known[message.charge] = answer[2]["transactionId"]

    def _frame(self, place: int, message_id: str | None) -> list[Any]:
        message = self._said[place]
        if place not in self._payloads:
            self._payloads[place] = self._payload(message)
        return [2, message_id or self._new_id(), message.action, self._payloads[place]]

    def _payload(self, message: Message) -> dict[str, Any]:
        number = self._known.get(message.charge)
        if message.action == "StopTransaction":
            return {"transactionId": -1 if number is None else number, **message.payload}
        names = self._history.dialect.names_transaction
        if message.action == "MeterValues" and number is not None and names:
            return {**message.payload, "transactionId": number}
        return message.payload

    def _new_id(self) -> str:
        is_counted = self._history.dialect.ids == "counted"
        return str(next(self._counted)) if is_counted else str(uuid4())

    async def _boot(self) -> None:
        version = self._history.dialect.version
        payload = _BOOT["1.6" if version == "1.6" else "2"]
        await self._answer([2, self._new_id(), "BootNotification", payload], None)

    async def _answer(self, frame: list[Any], place: int | None) -> Any:
        answer = await self._answer_at_last(frame)
        if answer[0] != 3 or answer[1] != frame[1]:
            self.refusals.append(f"{json.dumps(frame)} was answered {json.dumps(answer)}")
        elif frame[2] == "StartTransaction" and place is not None:
            number = answer[2]["transactionId"]
            self.numbers.setdefault(self._said[place].charge, set()).add(number)
        return answer

    async def _answer_at_last(self, frame: list[Any]) -> Any:
        """A server that is busy, or closes the socket, is asked again, as every box does."""
        for pause_s in _PAUSES_S:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._send(frame)
                    assert self._socket is not None
                    return json.loads(await self._socket.recv())
            except (TimeoutError, OSError, ConnectionClosed, InvalidHandshake) as error:
                self.told.append(f"  {error!r}, so the box comes again in {pause_s} s")
                self._lose()
                await asyncio.sleep(pause_s)
        raise TimeoutError(f"{len(_PAUSES_S)} times no answer to {frame}")

    async def _send(self, frame: list[Any]) -> None:
        if self._socket is None:
            self._socket = await self._open()
        await self._socket.send(json.dumps(frame))

    async def _second_socket(self) -> None:
        """The old one is left half open: it is for the server to find out."""
        if self._socket is not None:
            self._old.append(self._socket)
        self.told.append("  a second socket, beside the first")
        self._socket = await self._open()

    async def _open(self) -> ClientConnection:
        self._opened += 1
        self.told.append(f"~ socket {self._opened}")
        return await connect(
            f"{self._url}/{self.identity}",
            subprotocols=[Subprotocol(f"ocpp{self._history.dialect.version}")],
            additional_headers=basic(self.identity),
            ping_interval=None,
            compression=None,
        )

    def _lose(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()
            self._old.append(self._socket)
        self._socket = None

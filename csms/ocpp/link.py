"""
One conversation with a station: frames both ways, in order, with time-outs.

Our own receive loop on `websockets`: no frame can end it. Answers to our CALLs are routed at once
while a handler works; the station's CALLs are answered one by one, in order. Every send is bounded,
because a peer that stops reading is not found by pings.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from csms import say
from csms.errors import CallRefused, CallTimedOut, StationGone
from csms.ocpp import frames
from csms.ocpp.frames import AnswerFrame, BadFrame, CallFrame
from csms.say import Payload, Version
from db.model.stations import Station

log = structlog.get_logger()

_MOST_WAITING_CALLS = 64
_READY_AFTER_S = 10.0

Answer = Callable[["Link", CallFrame, str, datetime], Awaitable[bytes | None]]


class Link:
    def __init__(
        self,
        socket: ServerConnection,
        station: Station,
        version: Version,
        epoch: int,
        *,
        answer: Answer,
        call_timeout_s: float,
        send_timeout_s: float,
    ) -> None:
        self.station = station
        self.version = version
        self.epoch = epoch
        self.is_booted = station.booted_at is not None
        self.bad_frames = 0
        self._socket = socket
        self._answer = answer
        self._call_timeout_s = call_timeout_s
        self._send_timeout_s = send_timeout_s
        self._calls: asyncio.Queue[tuple[CallFrame, str, datetime] | None] = asyncio.Queue(
            _MOST_WAITING_CALLS
        )
        self._one_call_at_a_time = asyncio.Lock()
        self._waiting: dict[frames.MessageId, asyncio.Future[AnswerFrame]] = {}
        self._ready_at = asyncio.get_running_loop().time() + _READY_AFTER_S
        self.has_answered = False
        self.is_open = True

    @property
    def is_ready(self) -> bool:
        """Some chargers boot for ever when we ask before we have answered (Wallbox, EN+)."""
        return self.has_answered or asyncio.get_running_loop().time() > self._ready_at

    async def run(self) -> None:
        """Until the socket closes and what had been received is dealt with."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answer_calls())
            try:
                await self._receive()
            finally:
                self.is_open = False
                self._fail_waiting()
                # What came before the close is still answered for: a station that resets hard sends
                # its StopTransaction and tears the socket down.
                await self._calls.put(None)

    async def close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.close(code, reason)
        except TimeoutError:
            self._socket.transport.abort()

    async def _receive(self) -> None:
        try:
            while True:
                text = await self._socket.recv()
                if isinstance(text, bytes):
                    await self.close(1003, "text frames only")
                    return
                await self._hear(text)
        except ConnectionClosed:
            return

    async def _hear(self, text: str) -> None:
        if not text or text.isspace():
            return
        received_at = datetime.now(UTC)
        match frames.parse(self.version, text):
            case CallFrame() as call:
                await self._calls.put((call, text, received_at))
            case AnswerFrame() as answer:
                self._answered(answer)
            case BadFrame(why, reply):
                self.bad_frames += 1
                if self.bad_frames in (1, 10, 100) or self.bad_frames % 1_000 == 0:
                    log.warning(
                        "frame.refused",
                        station=self.station.identity,
                        why=why[:200],
                        so_far=self.bad_frames,
                    )
                if reply is not None:
                    await self._send(reply)

    async def _answer_calls(self) -> None:
        while (waiting := await self._calls.get()) is not None:
            call, text, received_at = waiting
            reply = await self._answer(self, call, text, received_at)
            if reply is not None:
                await self._send(reply)
                self.has_answered = True

    async def _send(self, frame: bytes) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send(frame, text=True)
        except TimeoutError:
            log.warning("station.stopped_reading", station=self.station.identity)
            self._socket.transport.abort()
        except ConnectionClosed:
            pass  # the station will say it again; we have it already

    async def call(self, action: str, payload: bytes) -> tuple[str, Payload]:
        """
        Send a CALL whose payload is JSON, and wait for the CALLRESULT: (message id, payload).

        Raises CallRefused, CallTimedOut, StationGone.
        """
        async with self._one_call_at_a_time:
            if not self.is_open:
                raise StationGone(action)
            message_id = str(uuid.uuid4())
            waiter: asyncio.Future[AnswerFrame] = asyncio.get_running_loop().create_future()
            self._waiting[message_id] = waiter
            try:
                async with asyncio.timeout(self._call_timeout_s):
                    await self._send(frames.call(message_id, action, payload))
                    answer = await waiter
            except TimeoutError:
                raise CallTimedOut(action, self._call_timeout_s) from None
            except asyncio.CancelledError:
                if waiter.cancelled():
                    raise StationGone(action) from None
                raise
            finally:
                del self._waiting[message_id]
        if answer.error is not None:
            raise CallRefused(answer.error)
        if answer.payload is None:
            raise CallRefused("the answer was not readable")
        wrong = say.violation(self.version, action, answer.payload, is_answer=True)
        if wrong is not None:
            raise CallRefused(f"the answer was not readable: {wrong.sentence}")
        return message_id, answer.payload

    def _answered(self, answer: AnswerFrame) -> None:
        message_id = answer.message_id
        if message_id == frames.UNKNOWN_ID and answer.error is not None and self._waiting:
            # The station could not read our id: it means the one CALL that is under way.
            message_id = next(iter(self._waiting))
        waiter = self._waiting.get(message_id)
        if waiter is None or waiter.done():
            log.info("answer.came_late", station=self.station.identity, message_id=str(message_id))
            return
        waiter.set_result(answer)

    def _fail_waiting(self) -> None:
        for waiter in self._waiting.values():
            waiter.cancel()

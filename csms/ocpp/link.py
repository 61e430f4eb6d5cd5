"""
One conversation with a station: frames both ways, in order, with time-outs.

Our own receive loop on `websockets`: no frame can end it. Answers to our CALLs are routed at once
while a handler works; the station's CALLs are answered one by one, in order. The socket (door.py)
bounds every send: a peer that stops reading is not found by pings.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import perf_counter

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from csms import say
from csms.errors import CallRefused, CallTimedOut, StationGone
from csms.masking import has_secret
from csms.ocpp import frames
from csms.ocpp.frames import AnswerFrame, BadFrame, CallFrame
from csms.say import Payload, Version
from db.model.stations import Station

log = structlog.get_logger()

_MOST_WAITING_CALLS = 64
_READY_AFTER_S = 10.0
_LARGE_CHARACTERS = 64_000
_SLOW_DOWN = 10
FAULT = 1011, "the fault is ours"

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
        self._takes_calls = True
        self._is_given_up = False

    @property
    def is_ready(self) -> bool:
        """Some chargers boot for ever when we ask before we have answered (Wallbox, EN+)."""
        is_up = self.has_answered or asyncio.get_running_loop().time() > self._ready_at
        return is_up and self._takes_calls

    async def run(self) -> None:
        """
        Until the socket closes and what had been received is dealt with.

        Raises what hearing raised, which is a fault of ours.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answer_calls())
            try:
                await self._receive()
            finally:
                self.is_open = False
                self._fail_waiting()
                # What came before the close is still answered for: a station that resets hard sends
                # its StopTransaction and tears the socket down.
                with suppress(asyncio.QueueFull):  # then the answers do not wait for more
                    self._calls.put_nowait(None)

    async def close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.close(code, reason)
        except TimeoutError:
            self._socket.transport.abort()

    async def give_up(self, code: int, reason: str) -> None:
        """Close, and drop what waits: the station keeps what is not answered."""
        self._is_given_up, self._takes_calls = True, False
        while not self._calls.empty():  # so that its side of the close is heard
            self._calls.get_nowait()
            self._calls.task_done()
        await self.close(code, reason)

    async def finish(self, code: int, reason: str) -> None:
        """Answer what came, take no more, and close; the caller bounds it."""
        self._takes_calls = False
        await self._calls.join()
        await self.close(code, reason)

    async def _receive(self) -> None:
        try:
            while True:
                text = await self._socket.recv()
                if isinstance(text, bytes):
                    await self.close(1003, "text frames only")
                    return
                await self._hear(text)
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
                # It will send the same again after every reconnect.
                log.warning(
                    "station.may_be_wedged", station=self.station.identity, why=closed.sent.reason
                )

    async def _hear(self, text: str) -> None:
        if not text or text.isspace():
            return
        received_at, started = datetime.now(UTC), perf_counter()
        frame = frames.parse(self.version, text)
        if len(text) > _LARGE_CHARACTERS:
            # Who says what takes long to read waits the longer for the next: others come first.
            await asyncio.sleep((perf_counter() - started) * _SLOW_DOWN)
        match frame:
            case CallFrame() as call:
                if self._takes_calls:
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
        while self.is_open or not self._calls.empty():
            waiting = await self._calls.get()
            try:
                if waiting is not None and not self._is_given_up:
                    await self._answer_one(*waiting)
            except Exception:
                log.exception("link.failed", station=self.station.identity)
                await self.give_up(*FAULT)
            finally:
                self._calls.task_done()

    async def _answer_one(self, call: CallFrame, text: str, received_at: datetime) -> None:
        reply = await self._answer(self, call, text, received_at)
        if reply is not None:
            await self._send(reply)
            self.has_answered = True

    async def _send(self, frame: bytes) -> None:
        with suppress(ConnectionClosed):  # the station will say it again; we have it already
            await self._socket.send(frame, text=True)

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
            why = "" if has_secret(answer.payload) else f": {wrong.sentence}"
            raise CallRefused(f"the answer was not readable{why}")
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

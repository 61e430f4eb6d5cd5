"""
One conversation with a station: frames both ways, in order, with time-outs.

No frame can end it. Answers to our CALLs are routed at once while a CALL of the station is in work;
the station's CALLs are answered one by one, in order. The socket (socket.py) bounds every send: a
peer that stops reading is not found by pings.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter

import msgspec
import structlog
from websockets.frames import CloseCode

from csms import say
from csms.errors import CallRefused, CallTimedOut, StationGone
from csms.masking import has_secret
from csms.ocpp import frames
from csms.ocpp.frames import AnswerFrame, BadFrame, CallFrame, ResultErrorFrame
from csms.ocpp.refusals import Refusals
from csms.ocpp.socket import Socket
from csms.say import Payload, Version
from db.messages import Message
from db.model.stations import Station

log = structlog.get_logger()

_MOST_WAITING_CALLS = 64
_READY_AFTER_S = 10.0
_LARGE_CHARACTERS = 64_000
_SLOW_DOWN = 10
FAULT = 1011, "the fault is ours"


class Heard(msgspec.Struct, frozen=True, gc=False):
    """A CALL of the station."""

    frame: CallFrame
    body: bytes  # the frame as it came
    received_at: datetime
    heard_at: float  # by the loop's clock


Reply = Callable[[bytes | None], None]
# Answers once, now or later: the frame to send back, or None when there is nothing to say.
Answer = Callable[["Link", Heard, Reply], None]


class Link:
    def __init__(
        self,
        socket: Socket,
        station: Station,
        version: Version,
        epoch: int,
        *,
        answer: Answer,
        log_message: Callable[[Message], None],
        call_timeout_s: float,
        send_timeout_s: float,
        certificate_name: str | None = None,
    ) -> None:
        """`certificate_name`: to whom the charger's certificate is made out (profile 3)."""
        self.station = station
        self.version = version
        self.epoch = epoch
        self.certificate_name = certificate_name
        self.is_booted = station.booted_at is not None
        self.bad_frames = 0
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._answer = answer
        self._refusals = Refusals(station, log_message) if version == "2.1" else None
        self._call_timeout_s = call_timeout_s
        self._send_timeout_s = send_timeout_s
        self._calls: deque[Heard] = deque()
        self._in_work: Heard | None = None
        self._is_choosing = False
        self._is_held = False
        self._idle: asyncio.Event | None = None  # of who waits for it
        self._one_call_at_a_time = asyncio.Lock()
        self._waiting: dict[frames.MessageId, asyncio.Future[AnswerFrame]] = {}
        self._ready_at = self._loop.time() + _READY_AFTER_S
        self.has_answered = False
        self.is_open = True
        self._takes_calls = True

    @property
    def is_ready(self) -> bool:
        """Some chargers boot for ever when we ask before we have answered (Wallbox, EN+)."""
        is_up = self.has_answered or self._loop.time() > self._ready_at
        return is_up and self._takes_calls

    async def run(self) -> None:
        """Until the socket closes and what had been received is dealt with."""
        self._socket.listen(self._hear)
        await self._socket.wait_closed()
        self.is_open = False
        for waiter in self._waiting.values():
            waiter.cancel()
        sent = self._socket.protocol.close_sent
        if sent is not None and sent.code == CloseCode.MESSAGE_TOO_BIG:
            # It will send the same again after every reconnect.
            log.warning("station.may_be_wedged", station=self.station.identity, why=sent.reason)
        await self._until_idle()

    async def _until_idle(self) -> None:
        if self._idle is None:
            self._idle = asyncio.Event()
        while self._in_work is not None:
            self._idle.clear()
            await self._idle.wait()

    async def close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.close(code, reason)
        except TimeoutError:
            self._socket.transport.abort()

    async def give_up(self, code: int, reason: str) -> None:
        """Close, and drop what waits."""
        self.drop_calls()
        await self.close(code, reason)

    def drop_calls(self) -> None:
        """Take no more, and none of those that wait: the station keeps what is not answered."""
        self._takes_calls = False
        self._calls.clear()

    async def finish(self, code: int, reason: str) -> None:
        """Answer what came, take no more, and close; the caller bounds it."""
        self._takes_calls = False
        await self._until_idle()
        await self.close(code, reason)

    def fail(self) -> None:
        """A fault of ours: what is not answered will be said again."""
        log.exception("link.failed", station=self.station.identity)
        self.drop_calls()
        self._socket.fail(*FAULT)

    def _hear(self, body: bytes, text: str) -> None:
        try:
            if text and not text.isspace():
                self._sort(body, text)
        except Exception:
            self.fail()

    def _sort(self, body: bytes, text: str) -> None:
        received_at, started = datetime.now(UTC), perf_counter()
        frame = frames.parse(self.version, text, is_quick=not self.station.strict)
        if len(text) > _LARGE_CHARACTERS:
            # Who says what takes long to read waits the longer for the next: others come first.
            self._socket.hold()
            self._loop.call_later((perf_counter() - started) * _SLOW_DOWN, self._socket.release)
        match frame:
            case CallFrame() as call:
                if self._takes_calls:
                    self._calls.append(Heard(call, body, received_at, self._loop.time()))
                    self._answer_next()
            case AnswerFrame() as answer:
                self._answered(answer)
            case ResultErrorFrame() as error:
                if self._refusals is not None:
                    self._refusals.heard(error, body, received_at)
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
                    self._socket.say(reply)

    def _answer_next(self) -> None:
        if self._is_choosing:
            return
        self._is_choosing = True  # an answer that is there at once comes back here
        while self._calls and self._in_work is None:
            heard = self._in_work = self._calls.popleft()
            self._answer(self, heard, self._reply)
        self._is_choosing = False
        if self._idle is not None and self._in_work is None:
            self._idle.set()
        if self._is_held != (len(self._calls) >= _MOST_WAITING_CALLS):
            self._is_held = not self._is_held
            if self._is_held:
                self._socket.hold()
            else:
                self._socket.release()

    def _reply(self, frame: bytes | None) -> None:
        heard, self._in_work = self._in_work, None
        if frame is not None:
            self._socket.say(frame)  # the station will say it again if this gets lost
            self.has_answered = True
            if self._refusals is not None and heard is not None:
                self._refusals.answered(heard.frame)
        if self._calls or self._is_held:
            self._answer_next()
        elif self._idle is not None:
            self._idle.set()

    async def call(self, action: str, payload: bytes) -> tuple[str, Payload]:
        """
        Send a CALL whose payload is JSON, and wait for the CALLRESULT: (message id, payload).

        Raises CallRefused, CallTimedOut, StationGone.
        """
        async with self._one_call_at_a_time:
            if not self.is_open:
                raise StationGone(action)
            message_id = str(uuid.uuid4())
            waiter: asyncio.Future[AnswerFrame] = self._loop.create_future()
            self._waiting[message_id] = waiter
            try:
                async with asyncio.timeout(self._call_timeout_s):
                    self._socket.say(frames.call(message_id, action, payload))
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
            why = "" if has_secret(answer.payload) else wrong.sentence
            if self._refusals is not None:
                said = message_id, action, answer.payload, wrong.code, why
                self._socket.say(self._refusals.refuse(*said))
            raise CallRefused(f"the answer was not readable: {why}".rstrip(": "))
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

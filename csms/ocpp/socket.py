"""
A WebSocket that hands over whole text messages as they come, and takes them in small portions.

The library's way, a queue and a task that waits on it, costs as much as all that we do with a
message. Here the listener is called as the bytes come, a few messages a turn of the loop, so that a
peer that sends thousands at once delays nobody; and a listener that has enough holds the peer back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Event, State
from websockets.streams import StreamReader

from csms.ocpp import plain

_MOST_FRAGMENTS = 4_096
_MOST_WAITING = 8  # messages that nobody has taken; more, and we read no further
_MOST_AT_ONCE = 8
_MOST_AT_THE_END = 64
# So that a burst of tiny pieces is looked at between two slices.
_SLICE_BYTES = 16_384

#: Why the library ends a connection whose ping was not answered.
PING_TIMEOUT = "keepalive ping timeout"

Hear = Callable[[bytes, str], None]


class Socket(ServerConnection):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: How long a peer that answers no pings may say nothing; None where pings tell.
        self.silence_s: float | None = None
        self.has_ponged = False
        self.messages_heard = 0
        self._hear: Hear | None = None
        self._messages: deque[bytes] = deque()
        self._pieces: list[bytes] = []
        self._holds = 0
        self._is_between = False  # two messages, for all that the library knows
        self._is_due = False  # to be delivered in the next turn of the loop
        self._is_ending = False
        self._is_read = True
        self._stuck: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None

    def listen(self, hear: Hear) -> None:
        """From now on `hear` gets each message: its bytes and its text."""
        self._hear = hear
        self._deliver()

    def hold(self) -> None:
        """Hand over no more, and read no more, until as many `release`."""
        self._holds += 1
        self._regulate()

    def release(self) -> None:
        self._holds -= 1
        self._deliver_soon()

    async def keepalive(self) -> None:
        """Pings; a peer that is known to answer none is judged by what it says, until it does."""
        if self.silence_s is not None:
            await self._judge_by_messages(self.silence_s)
        if self.protocol.state is State.OPEN:
            await super().keepalive()

    async def _judge_by_messages(self, silence_s: float) -> None:
        heard, since = self.messages_heard, self.loop.time()
        while not self.has_ponged:
            await asyncio.sleep(self.ping_interval or 0)
            if self.protocol.state is not State.OPEN:
                return
            now = self.loop.time()
            if self.messages_heard != heard:
                heard, since = self.messages_heard, now
            elif now - since > silence_s:
                self.fail(CloseCode.INTERNAL_ERROR, f"nothing heard for {now - since:.0f} s")
                return
            self.protocol.send_ping(b"")  # nobody waits for its answer
            self.send_data()

    def say(self, message: bytes) -> None:
        """A text message; nothing when it is closed. Whoever does not read is aborted in time."""
        if self.protocol.state is not State.OPEN:
            return
        if len(message) <= plain.LONGEST and not self.protocol.extensions:
            self.transport.write(plain.frame_of(message))
        else:
            self.protocol.send_text(message)
            self.send_data()

    def fail(self, code: int, reason: str) -> None:
        """Close, and hear nothing more: what they do is not to be answered for."""
        self._pieces.clear()
        self._is_ending = True
        if self.protocol.state is State.OPEN:
            self.protocol.fail(code, reason)
            self.send_data()
            self._leave_soon()
        self._regulate()

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        self._is_ending = True  # its side of the close must be heard
        self._regulate()
        await super().close(code, reason)

    def data_received(self, data: bytes) -> None:
        if self._is_between or self._looks_between():
            message = plain.message_of(data)
            if message is not None and self.protocol.state is State.OPEN:
                self._is_between = True  # as the library has not seen it
                if self._messages or self._holds or self.paused or self._hear is None:
                    self._take(message)
                else:
                    self.messages_heard += 1
                    self._hand_over(self._hear, message)
                return
        self._is_between = False
        if len(data) <= _SLICE_BYTES:
            super().data_received(data)
        else:
            for start in range(0, len(data), _SLICE_BYTES):
                super().data_received(data[start : start + _SLICE_BYTES])
        if self.protocol.close_sent is not None:
            self._leave_soon()

    def process_event(self, event: Event) -> None:
        if not isinstance(event, Frame):
            super().process_event(event)
        elif event.opcode is Opcode.TEXT and event.fin:
            self._take(bytes(event.data))
        elif event.opcode is Opcode.TEXT or (event.opcode is Opcode.CONT and self._pieces):
            self._pieces.append(bytes(event.data))
            if event.fin:
                pieces, self._pieces = self._pieces, []
                self._take(b"".join(pieces))
            elif len(self._pieces) > _MOST_FRAGMENTS:
                self.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        elif event.opcode is Opcode.BINARY:
            self.fail(CloseCode.UNSUPPORTED_DATA, "text frames only")
        elif event.opcode is Opcode.PONG:
            self.has_ponged = True
            self.acknowledge_pings(bytes(event.data))

    def pause_writing(self) -> None:
        """Who does not read is not heard either, and then not kept."""
        super().pause_writing()
        self._stuck = self.loop.call_later(self.close_timeout or 0, self._abort)
        self._regulate()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
        self._deliver_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._stuck, self._leaving):
            if timer is not None:
                timer.cancel()
        # What came before the end is still answered for: a station that resets hard sends its
        # StopTransaction and tears the socket down.
        while self._messages and self._hear is not None:
            self._hand_over(self._hear, self._messages.popleft())
        super().connection_lost(exc)

    def _looks_between(self) -> bool:
        """Whether the library waits for the first byte of a message, and for nothing else."""
        step: Any = self.protocol.parser
        while step.gi_yieldfrom is not None:
            step = step.gi_yieldfrom
        return step.gi_code is StreamReader.at_eof.__code__ and not self._pieces

    def _take(self, message: bytes) -> None:
        if self._is_ending and len(self._messages) >= _MOST_AT_THE_END:
            return  # unanswered: it will be said again
        self.messages_heard += 1
        self._messages.append(message)
        if not self._is_due:
            self._deliver()

    def _deliver(self) -> None:
        self._is_due = False
        if self._hear is not None:
            for _ in range(_MOST_AT_ONCE):
                if not self._messages or self._holds or self.paused:
                    break
                self._hand_over(self._hear, self._messages.popleft())
            else:
                self._deliver_soon()
        self._regulate()

    def _deliver_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._deliver)

    def _hand_over(self, hear: Hear, message: bytes) -> None:
        try:
            text = message.decode()
        except UnicodeDecodeError as error:
            self.fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
        else:
            hear(message, text)

    def _regulate(self) -> None:
        """Read from the network, or not: whoever is not taken waits in the network."""
        is_full = self._holds or self.paused or len(self._messages) > _MOST_WAITING
        is_read = self._is_ending or not is_full
        if is_read != self._is_read and not self.transport.is_closing():
            self._is_read = is_read
            if is_read:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def _leave_soon(self) -> None:
        if self._leaving is None:
            self._leaving = self.loop.call_later(self.close_timeout or 0, self.transport.abort)

    def _abort(self) -> None:
        self.transport.abort()

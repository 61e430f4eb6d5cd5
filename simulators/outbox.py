"""What the station has to say, in order, through losses of the network and of power."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import uuid4

from simulators.clock import Clock, text_of
from simulators.errors import CallRefused, Disconnected, NoAnswer
from simulators.settings import Settings

LIMIT = 10_000

Ask = Callable[[Any, str], Awaitable[Any]]


@dataclass(eq=False)
class Message:
    """One CALL to come; `build` makes it when it is sent, for what is unknown until then."""

    about: str
    build: Callable[[], Any]
    keep: bool = False
    """A transaction message: stays until it is answered. Others are lost with the socket."""
    spare: bool = False
    """May be given up when the memory is full: a reading in mid-session."""
    asked_for: bool = False
    """The central system asked for it, so it may go before the station is accepted."""
    answered: Callable[[Any], None] | None = None
    lost: Callable[[], None] | None = None
    attempts: int = 0
    not_before: datetime | None = None
    id: str = field(default_factory=lambda: str(uuid4()))


class Outbox:
    """First in, first out; one message at a time; `run` sends while there is a socket."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        may_send: Callable[[], bool],
        say: Callable[[str], None],
        limit: int = LIMIT,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._may_send = may_send
        self._say = say
        self.limit = limit
        self._queue: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._moved = asyncio.Event()
        self._put = 0
        self._gone = 0
        self._open = False
        self.dropped: list[str] = []
        """What was given up, each with its reason. A test expects it to be empty."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def kept(self) -> int:
        """How many transaction messages wait for an answer."""
        return sum(message.keep for message in self._queue)

    @property
    def is_quiet(self) -> bool:
        return self._idle.is_set()

    def put(self, message: Message) -> None:
        if message.keep and len(self._queue) >= self.limit:
            self._make_room()
        self._queue.append(message)
        self._put += 1
        self.poke()

    def poke(self) -> None:
        """Something may have become possible: an answer, a time, an acceptance."""
        if self._open and self._next() is not None:
            self._idle.clear()
            self._wake.set()

    async def quiet(self) -> None:
        """Wait until what is in it now was answered, or nothing can be sent."""
        goal = self._put
        while not self._idle.is_set() and self._gone < goal:
            await self._moved.wait()

    def forget(self) -> None:
        """Lose everything, as a box does whose memory is not kept through a power cut."""
        for message in list(self._queue):
            self._remove(message)

    def open(self) -> None:
        """There is a socket; `run` must follow."""
        self._open = True
        self.poke()

    async def run(self, ask: Ask) -> None:
        try:
            while self._open:
                message = self._next()
                if message is None:
                    self._rest()
                    self._wake.clear()
                    await self._wake.wait()
                else:
                    await self._send(message, ask)
        except Disconnected:
            return
        finally:
            self.close()

    def close(self) -> None:
        """There is no socket any more, whether or not `run` has begun or was cancelled."""
        self._open = False
        self._wake.set()
        for message in [m for m in self._queue if not m.keep]:
            self._remove(message)
            if message.lost:
                message.lost()
        self._rest()

    def _rest(self) -> None:
        self._idle.set()
        self._tell_waiters()

    def _tell_waiters(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _next(self) -> Message | None:
        if not self._queue:
            return None
        if not self._may_send():
            return next((m for m in self._queue if m.asked_for), None)
        head = self._queue[0]
        if head.not_before is not None and self._clock.now() < head.not_before:
            return None
        return head

    async def _send(self, message: Message, ask: Ask) -> None:
        message.attempts += 1
        try:
            answer = await ask(message.build(), message.id)
        except CallRefused as error:
            self._refused(message, error)
        except NoAnswer as error:
            if message.keep:
                self._say(f"{message.about}: {error}; will be sent again")
            else:
                self._remove(message)
        else:
            self._remove(message)
            if message.answered:
                message.answered(answer)

    def _refused(self, message: Message, error: CallRefused) -> None:
        attempts = max(1, self._settings.number("attempts"))
        if message.keep and message.attempts < attempts:
            wait_s = self._settings.number("retry_s") * message.attempts
            message.not_before = self._clock.after(wait_s)
            self._clock.set_alarm("retry", wait_s, self.poke)
            self._say(f"{message.about}: {error}; again in {wait_s} s")
            return
        self._remove(message)
        if message.keep:
            self._drop(message, f"{error}, {message.attempts} times")

    def _remove(self, message: Message) -> None:
        if message in self._queue:
            self._queue.remove(message)
            self._gone += 1
            self._tell_waiters()

    def _make_room(self) -> None:
        """Give up the oldest reading that is not being sent."""
        spare = next((m for m in islice(self._queue, 1, None) if m.spare), None)
        if spare is not None:
            self._remove(spare)
            self._drop(spare, "the memory is full")

    def _drop(self, message: Message, reason: str) -> None:
        line = f"{message.about}: {reason}"
        self.dropped.append(line)
        self._say(f"DROPPED at {text_of(self._clock.now())}: {line}")

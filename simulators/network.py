"""The station's way to its central system: finds it, loses it, finds it again by itself."""

import asyncio
import random
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.dialect import Dialect
from simulators.errors import CannotConnect, Disconnected, NotPossible, Refused
from simulators.handshake import open_socket
from simulators.journal import Journal
from simulators.outbox import Outbox
from simulators.settings import Settings
from simulators.traffic import Traffic
from simulators.wire import Engine, Faults, Handler, Wire


@dataclass(frozen=True)
class Backoff:
    """How long to wait between attempts, in real seconds: doubling, with chance on top."""

    first_s: float = 0.5
    most_s: float = 30
    jitter: float = 0.5

    def wait_s(self, attempt: int, rng: random.Random) -> float:
        base_s: float = min(self.most_s, self.first_s * 2 ** min(attempt, 20))
        return base_s * (1 + rng.uniform(0, self.jitter))


class Network:
    def __init__(
        self,
        identity: str,
        *,
        url: str,
        tls: ssl.SSLContext | None,
        dialect: Dialect,
        handlers: dict[str, Handler],
        settings: Settings,
        outbox: Outbox,
        faults: Faults,
        journal: Journal | None,
        now: Callable[[], datetime],
        answer_timeout_s: float,
        backoff: Backoff,
        rng: random.Random,
        say: Callable[[str], None],
        found: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._identity = identity
        self._url = url
        self._tls = tls
        self._dialect = dialect
        self._handlers = {action: self._watched(action, do) for action, do in handlers.items()}
        self._settings = settings
        self._outbox = outbox
        self._faults = faults
        self._journal = journal
        self._now = now
        self._answer_timeout_s = answer_timeout_s
        self._backoff = backoff
        self._rng = rng
        self._say = say
        self._found = found
        self._lost = lost
        self._wire: Wire | None = None
        self._half_open: list[Wire] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self.complaints: list[str] = []
        self.traffic = Traffic()

    async def find(self, url: str | None = None, *, keep_trying: bool = False) -> None:
        """Connect, and from now on reconnect whenever the socket closes."""
        if self._wire is not None:
            raise NotPossible("the network is there already")
        self._url = url or self._url
        await self._stop_looking()
        attempt = 0
        while True:
            try:
                await self._connect()
            except Refused:
                raise
            except CannotConnect as error:
                if not keep_trying:
                    raise
                await self._pause(attempt, error)
                attempt += 1
            else:
                return

    async def lose(self, *, polite: bool = False, leave_open: bool = False) -> None:
        """Be without a network until `find`."""
        await self._stop_looking()
        wire, self._wire = self._wire, None
        if wire is None:
            return
        if leave_open:
            self._half_open.append(wire)
            self._lost()
        elif polite:
            await wire.close()
        else:
            wire.cut()
        await self._end_tasks()
        self._lost()

    async def stop(self) -> None:
        await self.lose(polite=True)
        for wire in self._half_open:
            await wire.close()
        self._half_open.clear()

    async def ask(self, request: Any) -> Any:
        if self._wire is None:
            raise Disconnected("there is no network")
        return await self._wire.ask(request)

    def watch(self, task: asyncio.Task[None]) -> None:
        """Keep the error of a task that nobody waits for."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error

    def raise_failure(self) -> None:
        """An error in the simulator itself must not be lost in the background."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    async def _connect(self) -> None:
        socket = await open_socket(
            self._url,
            identity=self._identity,
            password=self._settings.text("password") or None,
            subprotocol=self._dialect.subprotocol,
            ping_s=self._settings.number("ping_s"),
            tls=self._tls,
        )
        engine = Engine(
            self._identity,
            socket,
            library=self._dialect.library,
            version=self._dialect.version,
            handlers=self._handlers,
            answer_timeout_s=self._answer_timeout_s,
        )
        wire = Wire(
            engine,
            socket,
            identity=self._identity,
            faults=self._faults,
            journal=self._journal,
            traffic=self.traffic,
            now=self._now,
            complain=self._complain,
        )
        self._wire = wire
        self._say(f"connected to {self._url} with {self._dialect.subprotocol}")
        self._outbox.open()
        self._spawn(self._listen(wire))
        self._spawn(self._outbox.run(wire.ask))
        self._found()

    async def _listen(self, wire: Wire) -> None:
        await wire.listen()
        if self._wire is wire:
            self._wire = None
            self._lost()
            code, reason = wire.socket.close_code, wire.socket.close_reason
            self._say(f"the socket closed ({code}{': ' + reason if reason else ''})")
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self.watch)

    async def _look(self) -> None:
        """Reconnect by itself; a refusal is said and tried again, as stations do."""
        await self._end_tasks()
        attempt = 0
        while self._wire is None:
            try:
                await self._pause(attempt, None)
                await self._connect()
            except CannotConnect as error:
                self._say(str(error))
                attempt += 1

    async def _pause(self, attempt: int, error: CannotConnect | None) -> None:
        wait_s = self._backoff.wait_s(attempt, self._rng)
        self._say(f"{error or 'no connection'}; trying again in {wait_s:.1f} s")
        await asyncio.sleep(wait_s)

    async def _stop_looking(self) -> None:
        task, self._looking = self._looking, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self.watch)

    async def _end_tasks(self) -> None:
        self._outbox.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _complain(self, sentence: str) -> None:
        self.complaints.append(sentence)
        self._say(sentence)

    def _watched(self, action: str, handler: Handler) -> Handler:
        """An error in a handler is ours, though the library answers it with InternalError."""

        def handle(**payload: Any) -> Any:
            self.traffic.asked(self._now(), action)
            try:
                return handler(**payload)
            except Exception as error:
                self._failure = self._failure or error
                raise

        return handle

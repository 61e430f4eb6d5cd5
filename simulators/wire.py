"""One socket to the central system, spoken over by the `ocpp` package's engine."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Any, Literal
from uuid import uuid4

import ocpp.messages
from ocpp.charge_point import (
    ChargePoint,
    remove_nones,
    serialize_as_dict,
    snake_to_camel_case,
)
from ocpp.exceptions import NotImplementedError as OcppNotImplemented
from ocpp.exceptions import OCPPError
from ocpp.messages import CallError, CallResult, unpack
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from simulators.clock import text_of
from simulators.errors import BadAnswer, CallRefused, Disconnected, NoAnswer
from simulators.journal import Journal
from simulators.traffic import Traffic

# The library validates in a thread pool otherwise, which costs more than the validation.
ocpp.messages.ASYNC_VALIDATION = False

LOG = logging.getLogger("simulators.ocpp")
LOG.addHandler(logging.NullHandler())
LOG.propagate = False

Handler = Callable[..., Any]
Repeat = Literal["same id", "new id"]


@dataclass
class Faults:
    """How this station misbehaves on purpose."""

    repeat: Repeat | None = None
    drop_answers: dict[str, int] = field(default_factory=dict)
    """By action, how many answers to it get lost on the way."""

    def loses(self, action: str) -> bool:
        left = self.drop_answers.get(action, 0)
        self.drop_answers[action] = max(0, left - 1)
        return left > 0


class Engine(ChargePoint):  # type: ignore[misc]
    """The library's station, with three repairs: see each method."""

    def __init__(
        self,
        identity: str,
        socket: ClientConnection,
        *,
        library: ModuleType,
        version: str,
        handlers: dict[str, Handler],
        answer_timeout_s: float,
    ) -> None:
        super().__init__(identity, socket, response_timeout=answer_timeout_s, logger=LOG)
        self._call = library.call
        self._call_result = library.call_result
        self._ocpp_version = version
        self.route_map = {action: {"_on_action": handler} for action, handler in handlers.items()}
        self._expected: dict[str, asyncio.Future[Any]] = {}

    async def route_message(self, raw_msg: str | bytes) -> None:
        """Answers go to whom they belong; every unknown action is answered, also in 2.1."""
        try:
            message = unpack(raw_msg)
        except OCPPError:
            return
        if isinstance(message, CallResult | CallError):
            future = self._expected.get(message.unique_id)
            if future is not None and not future.done():
                future.set_result(message)
        elif message.action not in self.route_map:
            cause = {"cause": f"this station has no {message.action}"}
            error = message.create_call_error(OcppNotImplemented(details=cause))
            await self._send(error.to_json())
        else:
            await super().route_message(raw_msg)

    async def ask(self, request: Any, message_id: str) -> tuple[Any, CallResult]:
        """Send a CALL; its answer as the library's object and as it came."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._expected[message_id] = future
        action = type(request).__name__
        try:
            answer = await self.call(request, suppress=False, unique_id=message_id)
        except OCPPError as error:
            if future.done() and not future.cancelled() and future.exception() is None:
                came = future.result()
                if isinstance(came, CallError):
                    code, words = str(came.error_code), str(came.error_description)
                    raise CallRefused(action, code, words) from None
                raise BadAnswer(action, str(error)) from None
            raise
        except TimeoutError:
            waited = f"no answer to {action} within {self._response_timeout:g} s"
            raise NoAnswer(waited) from None
        except ConnectionClosed:
            raise Disconnected(f"the socket closed before {action} was answered") from None
        finally:
            self._expected.pop(message_id, None)
            if future.done() and not future.cancelled():
                future.exception()
        return answer, future.result()

    async def _get_specific_response(self, unique_id: str, timeout: float) -> Any:
        """The library's own looks for it in one queue for all, and outlives the socket."""
        return await asyncio.wait_for(self._expected[unique_id], timeout)

    def hang_up(self) -> None:
        """Nobody will answer any more."""
        for future in self._expected.values():
            if not future.done():
                future.set_exception(Disconnected("the socket closed before the answer"))


class Wire:
    """A socket and its engine, with the faults and the journal in between."""

    def __init__(
        self,
        engine: Engine,
        socket: ClientConnection,
        *,
        identity: str,
        faults: Faults,
        journal: Journal | None,
        traffic: Traffic,
        now: Callable[[], datetime],
        complain: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._identity = identity
        self._faults = faults
        self._journal = journal
        self._traffic = traffic
        self._now = now
        self._complain = complain
        self.socket = socket

    async def listen(self) -> None:
        """Take what the central system sends, until the socket closes."""
        try:
            await self._engine.start()
        except ConnectionClosed:
            return
        finally:
            self._engine.hang_up()

    async def ask(self, request: Any, message_id: str | None = None) -> Any:
        """Send a CALL and give the answer; twice when this station repeats everything."""
        message_id = message_id or str(uuid4())
        answer = await self._ask_once(request, message_id)
        if self._faults.repeat:
            again = message_id if self._faults.repeat == "same id" else str(uuid4())
            answer = await self._ask_once(request, again)
        if self._faults.loses(type(request).__name__):
            raise NoAnswer(f"the answer to {type(request).__name__} got lost")
        return answer

    async def close(self) -> None:
        await self.socket.close()

    def cut(self) -> None:
        """As a pulled cable: no close frame."""
        self.socket.transport.abort()

    async def _ask_once(self, request: Any, message_id: str) -> Any:
        try:
            answer, came = await self._engine.ask(request, message_id)
        except CallRefused as error:
            outcome = "invalid" if isinstance(error, BadAnswer) else "refused"
            self._note(request, message_id, outcome, str(error))
            self._complain(str(error))
            raise
        except (NoAnswer, Disconnected, asyncio.CancelledError):
            self._note(request, message_id, "unanswered", None)
            raise
        losing = self._faults.drop_answers.get(type(request).__name__, 0) > 0
        self._note(request, message_id, "lost" if losing else "answered", came.payload)
        return answer

    def _note(self, request: Any, message_id: str, outcome: str, answer: Any) -> None:
        self._traffic.told(self._now(), type(request).__name__, outcome)
        if self._journal is not None:
            self._journal.write(
                station=self._identity,
                message_id=message_id,
                action=type(request).__name__,
                request=payload_of(request),
                outcome=outcome,
                answer=answer,
                at=text_of(self._now()),
            )


def payload_of(request: Any) -> Any:
    """A request of the library as it goes on the wire."""
    payload = remove_nones(snake_to_camel_case(serialize_as_dict(request)))
    return json.loads(json.dumps(payload))

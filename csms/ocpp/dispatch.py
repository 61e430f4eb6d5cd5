"""
One CALL: its kind of handler, the commit, the answer; what is quarantined.

The answer means durable: it is made after the commit. A readable transaction message is never
answered with a CALLERROR for what it says, nor for a fault of ours: it is kept and answered, or,
when the database stays away, not answered at all, so that the charger keeps it (reliability, the TX
rule).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

import asyncpg
import structlog

from csms import say
from csms.config import Config
from csms.errors import NoSession, OcppError
from csms.ingest import Ingest
from csms.items import Item
from csms.masking import may_be_logged
from csms.ocpp import frames, gate, salvage
from csms.ocpp.frames import CallFrame
from csms.ocpp.handling import Call, Chosen, Frequent, Handler, Quick, Rare
from csms.ocpp.link import Heard, Link, Reply
from csms.say import TRANSACTION_ACTIONS, Payload
from db import messages, sessions
from db.changes import Notifier
from db.errors import is_away
from db.messages import Message
from db.rows import Conn, Pool

log = structlog.get_logger()

TRY_AGAIN_LATER = 1013, "the database is away: please keep your messages"
_HOLD_OTHERS_S = 5.0
_LEAST_S = 0.5  # for what has waited longer in the queue, should the database be back
_RETRY_S = 0.25
_MOST_TRIES = 5
_LOGGED_ACTION = 100
_PROBLEM_CHARACTERS = 500
Result = TypeVar("Result")

# Two transactions met: the same again will do. A row meets the making of its day's partition as
# a violated check.
_RETRIED = (
    asyncpg.CheckViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
)


class _Said(NamedTuple):
    link: Link
    heard: Heard
    reply: Reply


class Dispatch:
    def __init__(self, config: Config, pool: Pool, ingest: Ingest, notifier: Notifier) -> None:
        self._config = config
        self._pool = pool
        self._ingest = ingest
        self._notifier = notifier
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._frequent: list[tuple[_Said, Frequent, Call]] = []  # of this turn of the loop

    def answer(self, link: Link, heard: Heard, reply: Reply) -> None:
        """
        Reply to a CALL, now or later: None for a SEND, or when the station should say it again.

        What is said most often has no task of its own: ingest calls back with its commit.
        """
        said = _Said(link, heard, reply)
        try:
            handler, call = self._prepare(link, heard)
        except OcppError as error:
            is_malformed = heard.frame.problem is not None
            refuse = frames.malformed_reply if is_malformed else partial(_refusal, error)
            self._reply(said, refuse(link.version, heard.frame))
            return
        if not isinstance(handler, Frequent):
            self._in_task(said, call, lambda: self._rarely(handler, call))
            return
        if not self._frequent:
            self._loop.call_soon(self._run_frequent)
        self._frequent.append((said, handler, call))

    def _run_frequent(self) -> None:
        """
        What all links said in one turn of the loop, one step after the other.

        One step for many messages costs less than all steps for each: the processor has its code
        at hand.
        """
        frequent, self._frequent = self._frequent, []
        ran = []
        for said, handler, call in frequent:
            try:
                ran.append((said, handler, call, *handler.run(call)))
            except Exception as error:
                self._in_task(said, call, partial(_raise, error))
        for said, handler, call, item, payload in ran:
            try:
                self._ingested(said, handler, call, item, payload)
            except Exception as error:
                self._in_task(said, call, partial(_raise, error))

    def _ingested(
        self, said: _Said, handler: Frequent, call: Call, item: Item, payload: Payload
    ) -> None:
        if call.problem is not None:
            item.quarantine = (
                call.action,
                _storable(call.message_id, 255),
                call.body,
                _storable(call.problem, _PROBLEM_CHARACTERS),
            )

        def committed(error: Exception | None) -> None:
            if error is None:
                self._succeeded(said, call, payload)
            else:
                again = partial(self._ingest_again, handler, call, item, payload, error)
                self._in_task(said, call, again)

        self._ingest.put(item, committed, self._give_up_at(call))

    def _succeeded(self, said: _Said, call: Call, payload: Payload) -> None:
        if call.topics:
            self._notifier.changed(*call.topics)
        link = said.link
        if call.action == "BootNotification":
            link.is_booted = True
            # It may have been accepted, or sent away, since it connected.
            link.station = replace(link.station, registration=payload["status"])
        self._reply(said, frames.call_result(said.heard.frame.message_id, payload))

    def _reply(self, said: _Said, frame: bytes | None) -> None:
        link, heard, reply = said
        call = heard.frame
        if call.is_send:
            frame = None
        reply(frame)
        self._ingest.log(
            Message(
                link.station.id,
                heard.received_at,
                False,
                _storable(str(call.message_id), 255),
                _storable(call.action, _LOGGED_ACTION),
                may_be_logged(call.action, call.payload, heard.body),
                frame,
                int((self._loop.time() - heard.heard_at) * 1_000),
            )
        )

    def _in_task(self, said: _Said, call: Call, work: Callable[[], Awaitable[Payload]]) -> None:
        task = asyncio.create_task(self._work(said, call, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """What is not answered by now will be said again, to another process."""
        for task in self._tasks:
            task.cancel()

    async def _work(self, said: _Said, call: Call, work: Callable[[], Awaitable[Payload]]) -> None:
        link = said.link
        try:
            payload = await self._payload(link, call, work)
            if payload is None:
                self._reply(said, None)
            elif call.end is None:
                self._succeeded(said, call, payload)
            else:
                link.drop_calls()
                self._succeeded(said, call, payload)
                await link.close(*call.end)
        except OcppError as error:
            self._reply(said, _refusal(error, link.version, said.heard.frame))
        except Exception:
            link.fail()
            said.reply(None)

    async def _payload(
        self, link: Link, call: Call, work: Callable[[], Awaitable[Payload]]
    ) -> Payload | None:
        """None when it was not kept, and is not answered. Raises OcppError."""
        try:
            return await work()
        except OcppError:
            raise
        except TimeoutError:
            await self._give_up(link, call)
            return None
        except Exception as error:
            log.exception("call.failed", station=link.station.identity, action=call.action)
            if call.action not in TRANSACTION_ACTIONS:
                raise OcppError("InternalError", "the fault is ours") from error
        try:
            async with asyncio.timeout_at(self._give_up_at(call)):
                return await self._keep(call, "we failed to handle it")
        except Exception:
            log.exception("quarantine.failed", station=link.station.identity)
            await self._give_up(link, call)
            return None

    def _prepare(self, link: Link, heard: Heard) -> tuple[Handler, Call]:
        """Raises OcppError."""
        frame = heard.frame
        action, version = frame.action, link.version
        handler = gate.handler_of(version, action)
        is_kept = action in TRANSACTION_ACTIONS and not link.station.strict
        if frame.problem is not None and not is_kept:
            raise OcppError("FormatViolation", frame.problem)
        if frame.is_send:
            gate.check_sent(action)
        gate.check_registered(link, action)
        payload: Payload = frame.payload
        problem = frame.problem
        wrong = None
        if not frame.fits:
            wrong = say.violation(version, action, payload, is_strict=link.station.strict)
        if wrong is not None and not link.station.strict:
            payload = salvage.fit(version, action, payload, rough=is_kept)
            still_wrong = say.violation(version, action, payload)
            if is_kept:
                problem = wrong.sentence
            elif still_wrong is None or salvage.is_harmless(action, still_wrong):
                still_wrong = None
                log.info(
                    "call.mended", station=link.station.identity, action=action, why=wrong.sentence
                )
            wrong = None if is_kept else still_wrong
        if wrong is not None:
            raise OcppError(wrong.code, wrong.sentence)
        call = Call(
            link.station,
            version,
            action,
            payload,
            heard.received_at,
            heard.heard_at,
            self._config,
            heard.body,
            str(frame.message_id),
            problem,
            link.certificate_name,
        )
        return (handler.by(payload) if isinstance(handler, Chosen) else handler), call

    async def _rarely(self, handler: Rare | Quick, call: Call) -> Payload:
        """Raises TimeoutError when the database stays away, OcppError, and faults of ours."""
        if isinstance(handler, Quick):
            return handler.run(call)
        return await self._in_transaction(handler.run, call)

    async def _ingest_again(
        self, handler: Frequent, call: Call, item: Item, payload: Payload, error: Exception
    ) -> Payload:
        """After an error of the database, or of a session that is not known; raises the like."""
        if isinstance(error, NoSession) and handler.otherwise is not None:
            return await self._in_transaction(handler.otherwise, call)
        for tries in range(1, _MOST_TRIES):
            if not isinstance(error, _RETRIED):
                break
            await asyncio.sleep(0.01 * tries)
            try:
                await self._ingest.add(item, self._give_up_at(call))
            except Exception as again:
                error = again
            else:
                return payload
        raise error

    async def _in_transaction(
        self, run: Callable[[Call, Conn], Awaitable[Payload]], call: Call
    ) -> Payload:
        found_problem = call.problem

        async def handle(conn: Conn) -> Payload:
            # It may run again: what the try before noted is not so.
            call.topics.clear()
            call.problem = found_problem
            call.end = None
            payload = await run(call, conn)
            if call.problem is not None:
                await _quarantine(conn, call, call.problem)
            return payload

        async with asyncio.timeout_at(self._give_up_at(call)):
            payload = await self._committed(handle)
        self._ingest.forget(call.station.id)
        return payload

    async def _committed(self, run: Callable[[Conn], Awaitable[Result]]) -> Result:
        """Run in one transaction; again while the database is away: natural keys make it safe."""
        tries = 0
        while True:
            try:
                async with self._pool.acquire(timeout=2) as conn, conn.transaction():
                    return await run(conn)
            except _RETRIED:
                tries += 1
                if tries == _MOST_TRIES:
                    raise
                await asyncio.sleep(0.01 * tries)
            except Exception as error:
                if not is_away(error):
                    raise
                await asyncio.sleep(_RETRY_S)

    async def _keep(self, call: Call, problem: str) -> Payload:
        """Nothing that a charger says of a session is thrown away, whatever our handlers do."""

        async def keep(conn: Conn) -> Payload:
            await _quarantine(conn, call, call.problem or problem)
            if call.action != "StartTransaction":
                return {}
            number = await sessions.next_number(conn)
            return {"transactionId": number, "idTagInfo": {"status": "Invalid"}}

        return await self._committed(keep)

    def _give_up_at(self, call: Call) -> float:
        """
        Until when a message may wait for the database, by the loop's clock, from its receipt on.

        So a queue of them waits no longer than one; what a charger will say again, or ask somebody
        else, does not hold up the transaction message behind it.
        """
        hold_s = self._config.hold_s
        if call.action not in TRANSACTION_ACTIONS:
            hold_s = min(hold_s, _HOLD_OTHERS_S)
        return max(call.heard_at + hold_s, self._loop.time() + min(hold_s, _LEAST_S))

    async def _give_up(self, link: Link, call: Call) -> None:
        """Never fake acceptance: a charger that gets no answer keeps its message."""
        log.warning("call.not_answered", station=link.station.identity, action=call.action)
        if call.action in TRANSACTION_ACTIONS:
            await link.give_up(*TRY_AGAIN_LATER)


async def _quarantine(conn: Conn, call: Call, problem: str) -> None:
    await messages.add_quarantine(
        conn,
        station_id=call.station.id,
        received_at=call.received_at,
        action=call.action,
        message_id=_storable(call.message_id, 255),
        body=call.body,
        problem=_storable(problem, _PROBLEM_CHARACTERS),
    )


def _refusal(error: OcppError, version: str, frame: CallFrame) -> bytes:
    return frames.call_error(version, frame.message_id, error.code, error.description)


async def _raise(error: Exception) -> Payload:
    raise error


def _storable(text: str, limit: int) -> str:
    if len(text) <= limit and "\x00" not in text:
        return text
    return text[:limit].replace("\x00", "\ufffd")

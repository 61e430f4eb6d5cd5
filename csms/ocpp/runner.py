"""
Take commands, say them, settle them with the station's own words.

A handler never calls a station: what is wanted is a row, and the process that holds the station's
link takes it. Woken by the topic of a command, and by a poll each second, so that a lost
notification costs a second and never a command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter

import msgspec
import structlog

from csms import say
from csms.errors import CallFailed, CallRefused, CannotSay
from csms.ingest import Ingest
from csms.masking import masked, masked_arguments
from csms.ocpp import frames
from csms.ocpp.link import Link
from csms.ocpp.links import Links
from csms.ocpp.v2 import commands as v2_commands
from csms.ocpp.v16 import commands as v16_commands
from csms.say import Payload
from db import commands
from db.changes import Notifier
from db.errors import is_away
from db.messages import Message
from db.model.commands import Command, CommandState, decode
from db.rows import Conn, Pool

log = structlog.get_logger()

_POLL_S = 1.0

# Whatever else a station answers is a no, or not yet a yes.
_YES = {
    "Accepted",
    "Scheduled",
    "RebootRequired",
    "Unlocked",
    "AcceptedCanceled",
    "Processing",
    "EmptyResultSet",
}


class Runner:
    """`run` is its one task; each command under way is a task of its group."""

    def __init__(
        self, node: str, pool: Pool, here: Links, ingest: Ingest, notifier: Notifier
    ) -> None:
        self._node = node
        self._pool = pool
        self._here = here
        self._ingest = ingest
        self._notifier = notifier
        self._busy: set[int] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    async with asyncio.timeout(_POLL_S):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                try:
                    for command in await self._take():
                        self._busy.add(command.station_id)
                        tasks.create_task(self._carry_out(command))
                except Exception as error:
                    if not is_away(error):
                        log.exception("commands.not_taken")
                    await asyncio.sleep(_POLL_S)

    async def _take(self) -> list[Command]:
        async with self._pool.acquire(timeout=2) as conn:
            expired = await commands.expire_waiting(conn)
            await hide_secrets(conn, expired)
            busy = [*self._busy, *self._here.unready()]
            taken = await commands.take(conn, node=self._node, busy=busy)
        for command in [*expired, *taken]:
            self._tell(command)
        return taken

    async def _carry_out(self, command: Command) -> None:
        try:
            try:
                outcome = await self._say(command)
            except Exception as error:
                if not is_away(error):
                    log.exception("command.failed", command=command.id)
                outcome = "expired", "the server failed before the charger was asked", None
            await self._settle(command, *outcome)
        except Exception:
            log.exception("command.not_settled", command=command.id)
        finally:
            self._busy.discard(command.station_id)
            self.wake()

    async def _say(self, command: Command) -> tuple[CommandState, str | None, bytes | None]:
        """How it ended: (state, reason, the station's answer as JSON)."""
        link = self._here.get(command.station_id)
        if link is None:
            return "expired", "the charger disconnected before it could be asked", None
        family = v16_commands if link.version == "1.6" else v2_commands
        try:
            action, payload = family.encode(decode(command.arguments), command_id=command.id)
            wrong = say.problem(link.version, action, payload)
            if wrong is not None:
                is_secret = masked(payload) != payload
                raise CannotSay("the payload is not as it should be" if is_secret else wrong)
        except CannotSay as error:
            return "refused", str(error), None
        async with self._pool.acquire(timeout=5) as conn:
            await commands.record_said(
                conn, command.station_id, command.id, action=action, payload=masked(payload)
            )
        sent_at, started = datetime.now(UTC), perf_counter()
        answer: bytes | None = None
        message_id = "-1"
        try:
            message_id, said = await link.call(action, payload)
        except CallRefused as error:
            return "refused", str(error), None
        except CallFailed as error:
            return "expired", str(error), None
        else:
            answer = msgspec.json.encode(said)
            refusal = _refusal(said)
            return ("done", None, answer) if refusal is None else ("refused", refusal, answer)
        finally:
            self._log(link, sent_at, message_id, action, payload, answer, started)

    def _log(
        self,
        link: Link,
        sent_at: datetime,
        message_id: str,
        action: str,
        payload: bytes,
        answer: bytes | None,
        started: float,
    ) -> None:
        self._ingest.log(
            Message(
                link.station.id,
                sent_at,
                True,
                message_id,
                action,
                frames.call(message_id, action, masked(payload)),
                None if answer is None else masked(answer),
                int((perf_counter() - started) * 1_000),
            )
        )

    async def _settle(
        self, command: Command, state: CommandState, reason: str | None, answer: bytes | None
    ) -> None:
        reason = reason and reason.replace("\x00", "\ufffd")  # in the station's words
        # The outcome is known only here: keep trying for as long as an operator may look.
        for _ in range(120):
            try:
                async with self._pool.acquire(timeout=2) as conn:
                    settled = await commands.settle(
                        conn,
                        command.station_id,
                        command.id,
                        state=state,
                        arguments=masked_arguments(command.arguments),
                        reason=reason,
                        answer=None if answer is None else masked(answer),
                    )
            except Exception as error:
                if not is_away(error):
                    raise
                await asyncio.sleep(0.5)
                continue
            if settled is not None:
                self._tell(settled)
                log.info("command.settled", command=command.id, state=state, why=reason)
            return

    def _tell(self, command: Command) -> None:
        self._notifier.changed(commands.topic(command))


async def hide_secrets(conn: Conn, over: Sequence[Command]) -> None:
    """Of commands that are over without having come to their end here."""
    for command in over:
        arguments = masked_arguments(command.arguments)
        if arguments != command.arguments:
            await commands.set_arguments(conn, command.station_id, command.id, arguments)


def _refusal(answer: Payload) -> str | None:
    """The station's no in its own words; None when it was no no."""
    status = answer.get("status")
    if not isinstance(status, str) or status in _YES:
        return None
    info = answer.get("statusInfo")
    details = [info.get("reasonCode"), info.get("additionalInfo")] if isinstance(info, dict) else []
    return ": ".join([status, *(str(detail) for detail in details if detail)])

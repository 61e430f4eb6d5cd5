"""CALLRESULTERROR of 2.1, both ways: an answer that its hearer could not read, said once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from csms.masking import masked
from csms.ocpp import frames
from csms.ocpp.frames import CallFrame, MessageId, ResultErrorFrame
from csms.ocpp.salvage import text
from csms.say import Payload
from db.messages import Message
from db.model.stations import Station

log = structlog.get_logger()

_REMEMBERED = 16
_ACTION_CHARACTERS, _ID_CHARACTERS = 100, 255


class Refusals:
    """Of one link; what is said of an answer is in the message log beside it."""

    def __init__(self, station: Station, log_message: Callable[[Message], None]) -> None:
        self._station = station
        self._log_message = log_message
        self._answered: deque[tuple[MessageId, str]] = deque(maxlen=_REMEMBERED)

    def answered(self, call: CallFrame) -> None:
        """We gave an answer, which the station may refuse."""
        self._answered.append((call.message_id, call.action))

    def heard(self, error: ResultErrorFrame, body: bytes, received_at: datetime) -> None:
        """The station could not read an answer of ours. Nothing is said to that."""
        found = next((each for each in self._answered if each[0] == error.message_id), None)
        if found is None:
            log.info("refusal.of_no_answer", station=self._station.identity, why=error.why[:200])
            return
        self._answered.remove(found)
        message_id, action = found
        log.warning(
            "answer.refused", station=self._station.identity, action=action[:100], why=error.why
        )
        self._log(received_at, message_id, action, body, None)

    def refuse(self, message_id: str, action: str, payload: Payload, code: str, why: str) -> bytes:
        """What to say to an answer that breaks the schema (reliability D-R35)."""
        frame = frames.call_result_error(message_id, code, why)
        body = frames.call_result(message_id, payload)
        self._log(datetime.now(UTC), message_id, action, body, frame)
        return frame

    def _log(
        self, at: datetime, message_id: MessageId, action: str, body: bytes, answer: bytes | None
    ) -> None:
        self._log_message(
            Message(
                self._station.id,
                at,
                False,
                text(message_id, _ID_CHARACTERS),
                text(action, _ACTION_CHARACTERS),
                masked(body),
                answer,
                None,
            )
        )

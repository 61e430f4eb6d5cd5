"""What the handlers of statements share: one thing, what is said of it, and the row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from csms.ocpp.handling import Call
from csms.ocpp.salvage import text
from csms.ocpp.v2 import words
from csms.rules import clocks
from db import changes, station_statements
from db.model.reports import Statement, StatementKind
from db.rows import Conn

_SUBJECT_CHARACTERS = 255


def statement(
    call: Call,
    kind: StatementKind,
    subject: object,
    state: str,
    facts: dict[str, Any],
    *,
    said_at: object = None,
    evse: int | None = None,
    transaction_id: object = None,
) -> Statement:
    """`facts` in our words; what is not said (None) is left out of them."""
    at, _ = call.when(said_at)
    known = {name: value for name, value in facts.items() if value is not None}
    whole = json.dumps([state, said_at, evse, transaction_id, known], sort_keys=True)
    return Statement(
        kind=kind,
        subject=text(subject, _SUBJECT_CHARACTERS) or "unknown",
        state=state,
        fingerprint=blake2b(whole.encode(), digest_size=16).digest(),
        at=at,
        evse=evse,
        transaction_id=text(transaction_id, words.TRANSACTION_ID_CHARACTERS),
        facts=json.dumps(known).encode(),
    )


async def record(
    call: Call, conn: Conn, *statements: Statement, report_id: int | None = None
) -> None:
    if await station_statements.record(
        conn,
        call.station.id,
        statements,
        received_at=call.received_at,
        report_id=report_id,
    ):
        call.topics.add(changes.topic("reports", call.station.id))


def objects(said: Any) -> Sequence[dict[str, Any]]:
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []


def moment(said: Any) -> str | None:
    """A time that a fact names, in our way of writing it; as it was said where it is none."""
    at = clocks.parse(said)
    return clocks.wire(at) if at is not None else text(said, 100)

"""What a station shows on its screen, and what it holds of a customer."""

from __future__ import annotations

from typing import Any

from csms.masking import clean
from csms.ocpp.handling import Call
from csms.ocpp.salvage import text
from csms.ocpp.v2 import words
from csms.ocpp.v2.assembling import take
from csms.ocpp.v2.stating import moment, objects, record, statement
from csms.say import Payload
from db.model.reports import Statement
from db.rows import Conn

_PART_CHARACTERS = 65_536


async def notify_display_messages(call: Call, conn: Conn) -> Payload:
    """OCPP 2.0.1 O03: its parts have no numbers."""
    messages = objects(clean(call.payload).get("messageInfo"))
    report = await take(call, conn, "display_messages", items=len(messages), is_numbered=False)
    if report is not None:
        found = [_message(call, each) for each in messages]
        await record(call, conn, *found, report_id=report.id)
    return {}


def _message(call: Call, said: dict[str, Any]) -> Statement:
    message = said.get("message")
    if not isinstance(message, dict):
        message = {}
    component, _, evse, _ = words.component_of(said.get("display"))
    facts = {
        "message_id": said.get("id"),
        "priority": said.get("priority"),
        "while": said.get("state"),
        "starts_at": moment(said.get("startDateTime")),
        "ends_at": moment(said.get("endDateTime")),
        "display": component if "display" in said else None,
        "format": message.get("format"),
        "language": message.get("language"),
        "content": message.get("content"),
        "in_other_languages": said.get("messageExtra"),
    }
    return statement(
        call,
        "display_message",
        said.get("id"),
        "reported",
        facts,
        evse=evse,
        transaction_id=said.get("transactionId"),
    )


async def notify_customer_information(call: Call, conn: Conn) -> Payload:
    """
    OCPP 2.0.1 N09. Somebody's personal data: kept in the parts of its report and nowhere else.

    db.expiry deletes them after a month at most.
    """
    body = text(call.get("data"), _PART_CHARACTERS) or ""
    await take(call, conn, "customer_information", items=1, is_numbered=True, body=body)
    return {}

"""What we ask of a station, in the words of OCPP 2.0.1 and 2.1."""

from __future__ import annotations

import msgspec

from db.model.commands import AskAboutSession, Raw, StartSession, StopSession, TypedCommand

_INT32 = 2**31


def encode(command: TypedCommand, *, command_id: int) -> tuple[str, bytes]:
    """(action, payload as JSON). The command's number is the remoteStartId (F01.FR.25)."""
    match command:
        case Raw(action=action, payload=payload):
            return action, bytes(payload)
        case StartSession(id_token=uid, id_token_type=kind, evse=evse):
            said: dict[str, object] = {
                "idToken": {"idToken": uid, "type": kind},
                "remoteStartId": command_id % _INT32,
            }
            if evse is not None:
                said["evseId"] = evse
            return "RequestStartTransaction", msgspec.json.encode(said)
        case StopSession(transaction_id=transaction_id):
            return "RequestStopTransaction", msgspec.json.encode({"transactionId": transaction_id})
        case AskAboutSession(transaction_id=transaction_id):
            return "GetTransactionStatus", msgspec.json.encode({"transactionId": transaction_id})


def session_status(answer: bytes | None) -> tuple[bool | None, bool | None]:
    """(is it ongoing, is something of it queued) by the answer to AskAboutSession (E14)."""
    said = msgspec.json.decode(answer) if answer is not None else {}
    is_ongoing, has_queue = said.get("ongoingIndicator"), said.get("messagesInQueue")
    return (
        is_ongoing if isinstance(is_ongoing, bool) else None,
        has_queue if isinstance(has_queue, bool) else None,
    )

"""What we ask of a station, in the words of OCPP 1.6."""

from __future__ import annotations

import msgspec

from csms.errors import CannotSay
from db.model.commands import AskAboutSession, Raw, StartSession, StopSession, TypedCommand

_UID_CHARACTERS = 20


def encode(command: TypedCommand, *, command_id: int) -> tuple[str, bytes]:
    """(action, payload as JSON). Raises CannotSay."""
    match command:
        case Raw(action=action, payload=payload):
            return action, bytes(payload)
        case StartSession(id_token=uid, evse=evse):
            if len(uid) > _UID_CHARACTERS:
                raise CannotSay("OCPP 1.6 has no room for a card of more than 20 characters")
            said: dict[str, object] = {"idTag": uid}
            if evse is not None:
                # 1.6 knows no EVSE: one connector each, numbered from 1.
                said["connectorId"] = evse
            return "RemoteStartTransaction", msgspec.json.encode(said)
        case StopSession(transaction_id=transaction_id):
            if not (transaction_id.isascii() and transaction_id.isdigit()):
                raise CannotSay("OCPP 1.6 knows its transactions by numbers only")
            return "RemoteStopTransaction", msgspec.json.encode(
                {"transactionId": int(transaction_id)}
            )
        case AskAboutSession():
            raise CannotSay("OCPP 1.6 cannot ask whether a session goes on")

"""
What can be asked of a station, as types; and the row that is the life of one request.

A version's words for each are in `csms/ocpp/v16/commands.py` and `csms/ocpp/v2/commands.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

CommandState = Literal["waiting", "sent", "done", "refused", "expired"]


class Raw(msgspec.Struct, frozen=True, tag="raw"):
    """Any action of the station's version; the payload is sent byte for byte."""

    action: str
    payload: msgspec.Raw


class StartSession(msgspec.Struct, frozen=True, tag="start"):
    id_token: str
    id_token_type: str
    evse: int | None = None


class StopSession(msgspec.Struct, frozen=True, tag="stop"):
    session_id: int
    transaction_id: str


class AskAboutSession(msgspec.Struct, frozen=True, tag="ask_about_session"):
    """Whether it goes on, and whether the station still has something to say of it."""

    session_id: int
    transaction_id: str


TypedCommand = Raw | StartSession | StopSession | AskAboutSession

_decoder: msgspec.json.Decoder[TypedCommand] = msgspec.json.Decoder(TypedCommand)


def kind_of(command: TypedCommand) -> str:
    return str(command.__struct_config__.tag)


def encode(command: TypedCommand) -> bytes:
    return msgspec.json.encode(command)


def decode(arguments: bytes) -> TypedCommand:
    return _decoder.decode(arguments)


@dataclass(frozen=True, slots=True)
class Command:
    station_id: int
    id: int
    kind: str
    arguments: bytes
    action: str | None
    payload: bytes | None
    state: CommandState
    reason: str | None
    answer: bytes | None
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    node: str | None
    sent_at: datetime | None
    settled_at: datetime | None

"""
Text to frame and back, with every limit of the bad-input catalogue (reliability D2).

A frame is bad, or a call, an answer or a send; nothing here raises. Nesting is bounded before
parsing, because a parser that recurses is how a charger kills its own connection.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from csms.ocpp import typed

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6
UNKNOWN_ID = "-1"

_MOST_DEPTH = 32
_ID_CHARACTERS = 36
_ECHOED_ID_CHARACTERS = 255
_DESCRIPTION_CHARACTERS = 255

MessageId = str | int

# 1.6 has its own words for some codes; its errata keep the spellings.
_CODES_16 = {
    "FormatViolation": "FormationViolation",
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
    "RpcFrameworkError": "GenericError",
}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class CallFrame(msgspec.Struct, frozen=True, gc=False):
    message_id: MessageId
    action: str
    payload: Any
    problem: str | None = (
        None  # wrong in the frame, yet readable: only a transaction message goes on
    )
    is_send: bool = False
    fits: bool = False  # the payload is a `typed.Said`, and right


class AnswerFrame(NamedTuple):
    """CALLRESULT when `error` is None; `payload` None is unreadable."""

    message_id: MessageId
    payload: dict[str, Any] | None
    error: str | None


class ResultErrorFrame(NamedTuple):
    """A CALLRESULTERROR of 2.1: the station could not read an answer of ours. Never answered."""

    message_id: object  # as it came
    why: str


class BadFrame(NamedTuple):
    why: str
    reply: bytes | None  # None: ignored, as the standard says


Frame = CallFrame | AnswerFrame | ResultErrorFrame | BadFrame


def call(message_id: str, action: str, payload: bytes) -> bytes:
    """A CALL whose payload goes out byte for byte."""
    return b"[2,%b,%b,%b]" % (_encode(message_id), _encode(action), payload)


def call_result(message_id: MessageId, payload: dict[str, Any]) -> bytes:
    return _encode((CALLRESULT, message_id, payload))


def call_error(version: str, message_id: MessageId, code: str, description: str) -> bytes:
    if version == "1.6":
        code = _CODES_16.get(code, code)
    return _encode((CALLERROR, message_id, code, description[:_DESCRIPTION_CHARACTERS], {}))


def call_result_error(message_id: MessageId, code: str, description: str) -> bytes:
    """2.1: an answer of the station that we could not read."""
    return _encode((CALLRESULTERROR, message_id, code, description[:_DESCRIPTION_CHARACTERS], {}))


# An unterminated string runs to the end, so that the pattern stays linear.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEEP = re.compile(rb"[\[{]{%d}" % (_MOST_DEPTH + 1))


def is_too_deep(text: str) -> bool:
    """More than 32 levels of brackets, without parsing; brackets in strings do not count."""
    if text.count("[") + text.count("{") <= _MOST_DEPTH:
        return False
    bare = _STRING.sub("", text) if '"' in text else text
    brackets = bare.encode("utf-8", "replace").translate(None, _NOT_BRACKETS)
    for _ in range(_MOST_DEPTH):
        if _DEEP.search(brackets):
            return True
        # Each round takes the innermost level away.
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not brackets:
            return False
    return True


def parse(version: str, text: str, *, is_quick: bool = False) -> Frame:
    """`is_quick`: the payload of a usual CALL that fits its schema need not be a dict."""
    if is_quick and (usual := typed.decode(version, text)) is not None:
        _, message_id, action, payload = usual
        return CallFrame(message_id, action, payload, fits=True)
    try:
        if is_too_deep(text):
            return _unreadable(version, "nested more than 32 levels deep")
        frame = _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return _unreadable(version, str(error) or "not JSON")
    if type(frame) is not list or len(frame) < 2 or type(frame[0]) is not int:
        return _unreadable(version, "not an OCPP-J array")
    kind = frame[0]
    if kind == CALL:
        return _parse_call(version, frame)
    if kind in (CALLRESULT, CALLERROR):
        return _parse_answer(frame)
    if version == "2.1" and kind == CALLRESULTERROR:
        return ResultErrorFrame(frame[1], _error_words(frame))
    if version == "2.1" and kind == SEND:
        call_frame = _parse_call(version, frame)
        # A SEND is never answered, not even when it is wrong (2.1 part 4, 4.2.5).
        if isinstance(call_frame, CallFrame):
            return msgspec.structs.replace(call_frame, is_send=True)
        return BadFrame(call_frame.why, None)
    why = f"message type {kind} is not known"
    if version == "1.6":
        return BadFrame(why, None)
    return BadFrame(why, call_error(version, _echo(frame[1]), "MessageTypeNotSupported", why))


def _unreadable(version: str, why: str) -> BadFrame:
    return BadFrame(why, call_error(version, UNKNOWN_ID, "RpcFrameworkError", why))


def _echo(message_id: object) -> MessageId:
    if isinstance(message_id, str) and 0 < len(message_id) <= _ECHOED_ID_CHARACTERS:
        return message_id
    return UNKNOWN_ID


def _malformed(version: str, message_id: MessageId, why: str) -> BadFrame:
    code = "FormatViolation" if version == "1.6" else "RpcFrameworkError"
    return BadFrame(why, call_error(version, message_id, code, why))


def _parse_call(version: str, frame: list[Any]) -> CallFrame | BadFrame:
    message_id = frame[1]
    is_number = type(message_id) in (int, float) and version == "1.6"
    if not is_number and not (isinstance(message_id, str) and message_id):
        return _malformed(version, UNKNOWN_ID, "the message id is not a string")
    echo = message_id if is_number else _echo(message_id)
    if len(frame) < 4:
        return _malformed(version, echo, "a CALL has four elements")
    action, payload = frame[2], frame[3]
    if not isinstance(action, str) or not action:
        return _malformed(version, echo, "the action is not a string")
    if payload is None:
        payload = {}
    if type(payload) is not dict:
        return BadFrame(
            "the payload is not an object",
            call_error(version, echo, "FormatViolation", "the payload is not an object"),
        )
    problem = None
    if len(frame) > 4:
        problem = "a CALL has four elements"
    elif isinstance(message_id, str) and len(message_id) > _ID_CHARACTERS:
        problem = "the message id is longer than 36 characters"
    return CallFrame(message_id, action, payload, problem)


def _parse_answer(frame: list[Any]) -> AnswerFrame | BadFrame:
    message_id = frame[1]
    if type(message_id) not in (str, int):
        return BadFrame("an answer without a readable message id", None)
    if frame[0] == CALLRESULT:
        is_readable = len(frame) == 3 and type(frame[2]) is dict
        return AnswerFrame(message_id, frame[2] if is_readable else None, None)
    return AnswerFrame(message_id, None, _error_words(frame))


def _error_words(frame: list[Any]) -> str:
    code = str(frame[2]) if len(frame) > 2 else "no code"
    description = str(frame[3]) if len(frame) > 3 and frame[3] else ""
    return f"{code[:50]}: {description[:255]}".rstrip(": ")


def malformed_reply(version: str, call_frame: CallFrame) -> bytes:
    """The answer to a call that is readable but wrong in its frame."""
    bad = _malformed(version, _echo_of(call_frame.message_id), call_frame.problem or "")
    assert bad.reply is not None
    return bad.reply


def _echo_of(message_id: MessageId) -> MessageId:
    return message_id if isinstance(message_id, int | float) else _echo(message_id)

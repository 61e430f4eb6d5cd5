"""
What nobody may read in a log: keys, passwords, PINs, and credentials in addresses.

Pure. Only JSON in which a word of a secret occurs is looked at; the rest comes back as it is.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from db.model.commands import Raw, StartSession, decode, encode

HIDDEN = "***"
ALL_HIDDEN = b'{"masked":true}'

# With "password" go BasicAuthPassword and apnPassword, and what vendors call theirs.
_WORDS = ("password", "authorizationkey", "simpin")
_SIGNS = tuple(word.encode() for word in (*_WORDS, "keycode", '"vpn"'))
_CREDENTIALS = re.compile(r"(\w[\w+.-]*://[^/?#\s:@]*):[^/?#\s]*@")
# Where a setting that is named beside them has its value: 1.6, set and get of 2.x, reports.
_VALUES = ("value", "attributeValue", "actualValue")

# Most of what is said: not even looked at.
_NEVER_SECRET = frozenset(
    {"Heartbeat", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction"}
)


def may_be_logged(action: str, payload: dict[str, Any], body: bytes) -> bytes:
    """What the message log may keep of a CALL of a station."""
    if action == "NotifyCustomerInformation":
        return ALL_HIDDEN  # somebody's data, which are kept shorter than a log may be
    if action == "TransactionEvent" and payload.get("idToken") is None:  # which may be a PIN
        return body
    return body if action in _NEVER_SECRET else masked(body)


def masked(json: bytes) -> bytes:
    """The same JSON without its secrets; of what cannot be read nothing is left."""
    if not _is_suspect(json):
        return json
    try:
        read = msgspec.json.decode(json)
        clean = _clean(read)
        return json if clean == read else msgspec.json.encode(clean)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return ALL_HIDDEN


def masked_arguments(arguments: bytes) -> bytes:
    """The same for the arguments of a command, which stay those of a command."""
    match decode(arguments):
        case Raw(action=action, payload=payload) if masked(bytes(payload)) != bytes(payload):
            return encode(Raw(action, msgspec.Raw(masked(bytes(payload)))))
        case StartSession(id_token_type=kind, evse=evse) if kind.casefold() == "keycode":
            return encode(StartSession(HIDDEN, kind, evse))
    return arguments


def has_secret(value: Any) -> bool:
    """Of JSON that was read already."""
    return bool(_clean(value) != value)


def clean(payload: dict[str, Any]) -> dict[str, Any]:
    """JSON that was read already, without its secrets: for what is kept of it."""
    return _clean_object(payload)


def _is_suspect(json: bytes) -> bool:
    # An escape may hide any word; an "@" may end the credentials of an address.
    if b"\\" in json or b"@" in json:
        return True
    lower = json.lower()
    return any(sign in lower for sign in _SIGNS)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return _clean_object(value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, str):
        return _clean_text(value)
    return value


def _clean_object(fields: dict[str, Any]) -> dict[str, Any]:
    clean = {
        key: HIDDEN if _is_secret(key) and value is not None else _clean(value)
        for key, value in fields.items()
    }
    if _is_secret(fields.get("key")) or _is_secret(_name(fields.get("variable"))):
        clean = {key: _without_values(key, value) for key, value in clean.items()}
    if str(fields.get("type")).casefold() == "keycode" and "idToken" in fields:
        clean["idToken"] = HIDDEN
    vpn = clean.get("vpn")
    if isinstance(vpn, dict) and "key" in vpn:
        clean["vpn"] = vpn | {"key": HIDDEN}
    return clean


def _without_values(key: str, value: Any) -> Any:
    if key in _VALUES:
        return HIDDEN
    if key == "variableAttribute" and isinstance(value, list):
        return [
            {name: _without_values(name, each) for name, each in attribute.items()}
            if isinstance(attribute, dict)
            else attribute
            for attribute in value
        ]
    return value


def _clean_text(text: str) -> str:
    """An address without its password; JSON within a text as JSON."""
    if text.lstrip()[:1] in ("{", "["):
        return masked(text.encode(errors="replace")).decode()
    return _CREDENTIALS.sub(rf"\1:{HIDDEN}@", text) if "@" in text else text


def _name(variable: object) -> object:
    return variable.get("name") if isinstance(variable, dict) else None


def _is_secret(name: object) -> bool:
    if not isinstance(name, str):
        return False
    plain = name.casefold()
    return any(word in plain for word in _WORDS)

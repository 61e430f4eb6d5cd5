"""What a handshake says: who it is, with which key, in which versions; and what refuses it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import unquote_to_bytes, urlsplit

from websockets.datastructures import Headers

from csms.say import SUBPROTOCOLS, Version
from db.model.stations import Profile, Station

_PREFIXES = ("/steve/websocket/CentralSystemService/", "/ocpp/", "/")
# Proxies may write the whole URL; neither query nor fragment names anybody.
_PATH = re.compile(r"(?:[a-z]+://[^/?#]*)?(/[^?#]*)", re.IGNORECASE)
_IDENTITY_CHARACTERS = 48
_TEXT_CHARACTERS = 255
_ASK = {"WWW-Authenticate": 'Basic realm="ocpp"'}


class Refused(Exception):  # noqa: N818 - it reads as what happened
    def __init__(self, status: HTTPStatus, reason: str, headers: dict[str, str] | None = None):
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}
        self.is_recorded = True  # False where the same was said a moment ago


def path_of(target: str) -> str:
    """The path of a request's target; empty when it has none."""
    found = _PATH.match(target)
    return found[1] if found else ""


def identity_of(target: str) -> str:
    """The last part of the path, decoded once. Raises Refused."""
    path = path_of(target)
    part = next((path.removeprefix(start) for start in _PREFIXES if path.startswith(start)), "")
    part = part.removesuffix("/")
    if not part or "/" in part or path == "/ocpp":
        raise Refused(HTTPStatus.NOT_FOUND, "the path names no charger: use /ocpp/IDENTITY")
    try:
        identity = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "the identity is not UTF-8") from None
    if len(identity) > _IDENTITY_CHARACTERS:
        raise Refused(HTTPStatus.BAD_REQUEST, "the identity is longer than 48 characters")
    if not identity.isprintable() or re.search(r"[/:%]", identity) or identity in (".", ".."):
        raise Refused(HTTPStatus.BAD_REQUEST, "the identity has characters that none may have")
    return identity


def credential_of(header: str | None) -> tuple[bytes, bytes] | None:
    """(user, key) of HTTP Basic, as bytes: 1.6 keys need not be text. None when there is none."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, key = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (user, key) if colon else None


def choose_version(offered: Sequence[str]) -> Version | None:
    """The first of the client's list that we speak (OCPP-J 1.6, 3.1.2; 2.0.1 part 4, 3.1.2)."""
    return next((SUBPROTOCOLS[name] for name in offered if name in SUBPROTOCOLS), None)


def offered_in(headers: Headers) -> str:
    """The subprotocols of a request, as one list."""
    return ", ".join(headers.get_all("Sec-WebSocket-Protocol"))


def version_for(station: Station, offered: str) -> Version | None:
    chosen = choose_version([name.strip() for name in offered.split(",")])
    if chosen is None and not offered and station.assume_1_6:
        return "1.6"
    return chosen


def why_no_version(offered: str) -> str:
    if not offered:
        return (
            "closed: the charger offered no OCPP version (no Sec-WebSocket-Protocol);"
            " if it speaks 1.6, switch on assume_1_6 for it"
        )
    return f"closed: the charger offered {plain(offered)}; we speak {', '.join(SUBPROTOCOLS)}"


def check_origin(headers: Headers) -> None:
    """Chargers send no Origin, browsers do: only our own pages' (reliability T29)."""
    origin = _only(headers, "Origin")
    if origin is None:
        return
    try:
        is_ours = urlsplit(origin).netloc == _only(headers, "Host")
    except ValueError:
        is_ours = False
    if not is_ours:
        raise Refused(HTTPStatus.FORBIDDEN, "a browser's page of another origin may not connect")


def given_credential(headers: Headers) -> tuple[bytes, bytes]:
    """(user, key). Raises Refused where there is none."""
    given = credential_of(_only(headers, "Authorization"))
    if given is None:
        raise Refused(HTTPStatus.UNAUTHORIZED, "the charger gave no readable password", _ASK)
    return given


def check_credential(*, is_user: bool, is_key: bool) -> None:
    """Raises Refused, once both were looked at."""
    if not is_user:
        reason = "the user name is not the identity in the path"
        raise Refused(HTTPStatus.UNAUTHORIZED, reason, _ASK)
    if not is_key:
        raise Refused(HTTPStatus.UNAUTHORIZED, "wrong key: the password is wrong", _ASK)


def check_profile(station: Station, way_in: Profile) -> None:
    """It came by no lower security profile than it must; `way_in` is of the listener."""
    least = station.least_profile
    if way_in < least:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "needs a certificate: this charger may connect by security profile 3 only"
            if least == 3
            else "needs TLS: this charger may connect by wss:// only",
        )
    if way_in < 3 and least > 0 and station.key_hash is None:
        raise Refused(
            HTTPStatus.FORBIDDEN, "needs a password, and none is set here: make one on its page"
        )


def check_certificate(station: Station, name: str | None) -> None:
    """Of security profile 3: it names the station, by its serial number or its identity (T05)."""
    if name is None:
        raise Refused(
            HTTPStatus.FORBIDDEN, "the charger showed no certificate (security profile 3)"
        )
    if name not in (station.identity, station.serial_number):
        serial = station.serial_number or "unknown"
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"the certificate of another station: it is made out to {plain(name)}, this one's"
            f" identity is {station.identity}, its serial number {serial}",
        )


def _only(headers: Headers, name: str) -> str | None:
    values = headers.get_all(name)
    if len(values) > 1:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the request has more than one {name} header")
    return values[0] if values else None


def plain(text: str) -> str:
    """What a stranger sent, as PostgreSQL and a page can take it."""
    return text[:_TEXT_CHARACTERS].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")

"""
Station passwords at rest: salted SHA-256 of what a machine made, argon2id of what a person chose.

A generated key has more than 128 random bits, so that a thousand chargers that reconnect at once
are all checked in milliseconds. A word that somebody thought of can be guessed from a copy of the
database, so each guess has to cost.

The key of OCPP 1.6 is a row of bytes, which is set as twice as many hexadecimal digits; chargers
give us the one or the other, and so both are one credential (reliability D-W33, D-W34).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: Of a password, as 2.0.1 has it (A00.FR.205); the keys of 1.6 fit in, as digits too.
LEAST_CHARACTERS, MOST_CHARACTERS = 16, 40
_SALT_BYTES = 16
# Whoever sets 16 bytes or more in hexadecimal digits has not thought of them.
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,32}")
_LEAST_KEY, _MOST_KEY = 16, 20  # bytes of a key of 1.6
# About 20 ms and 19 MiB: the least that is recommended, for a fleet that comes at once.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def make(password: str) -> tuple[bytes, bytes]:
    """Of a generated key: a new salt, and the hash to keep beside it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt, _hash(salt, _plain(password.encode()))


def make_of_chosen(password: str) -> tuple[bytes, bytes]:
    """Of a key that somebody gave us; it may take 20 ms, so not in an event loop."""
    given = password.encode()
    if _HEX.fullmatch(given):
        return make(password)
    return b"", _hasher.hash(given).encode()


def is_slow(salt: bytes) -> bool:
    """Whether `matches` takes its time: the salt is then in the hash."""
    return salt == b""


def matches(salt: bytes, key_hash: bytes, given: bytes) -> bool:
    """Whether a charger gave the password, in a time that does not tell how much was right."""
    if is_slow(salt):
        return any(_is_of(key_hash, form) for form in _forms(given))
    found = [hmac.compare_digest(_hash(salt, form), key_hash) for form in _forms(given)]
    return any(found)


def _forms(given: bytes) -> Iterator[bytes]:
    """What somebody may have set whose charger gives us this."""
    yield _plain(given)
    if _HEX.fullmatch(given):
        yield given  # kept as it was by versions before 0.4
        yield bytes.fromhex(given.decode())
    elif _LEAST_KEY <= len(given) <= _MOST_KEY:
        yield given.hex().encode()


def _plain(key: bytes) -> bytes:
    return key.lower() if _HEX.fullmatch(key) else key


def _is_of(key_hash: bytes, given: bytes) -> bool:
    try:
        return _hasher.verify(key_hash, given)
    except (VerificationError, InvalidHashError):
        return False


def _hash(salt: bytes, password: bytes) -> bytes:
    return hashlib.sha256(salt + password).digest()

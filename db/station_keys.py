"""
Station passwords at rest: salted SHA-256.

Not a slow hash: a generated password has more than 128 random bits, and a thousand chargers that
reconnect at once are all checked in milliseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_SALT_BYTES = 16


def make(password: str) -> tuple[bytes, bytes]:
    """A new salt, and the hash to keep beside it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt, _hash(salt, password.encode())


def matches(salt: bytes, key_hash: bytes, given: bytes) -> bool:
    """Whether a charger gave the password, in a time that does not tell how much was right."""
    return hmac.compare_digest(_hash(salt, given), key_hash)


def _hash(salt: bytes, password: bytes) -> bytes:
    return hashlib.sha256(salt + password).digest()

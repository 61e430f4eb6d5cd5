"""Passwords: argon2id, beside the event loop, and the same work whether an account is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.errors import Problem

LEAST_CHARACTERS, MOST_CHARACTERS = 12, 1024

_hasher = PasswordHasher()
# It takes 64 MiB and all of a core for a moment: no more than two at once.
_beside = ThreadPoolExecutor(2, thread_name_prefix="passwords")
# Who would wait for seconds is told so at once.
_places = BoundedSemaphore(40)
_BUSY_S = 5
_T = TypeVar("_T")


def sync_hash(password: str) -> str:
    return _hasher.hash(password)


async def hash_(password: str) -> str:
    """Raises Problem (429) when too many wait."""
    return await _in_turn(lambda: sync_hash(password))


async def verify(password_hash: str | None, password: str) -> bool:
    """
    None, for an account that is not there, takes as long and is never right.

    Raises Problem (429) when too many wait.
    """
    return await _in_turn(lambda: _verify(password_hash, password))


def needs_rehash(password_hash: str) -> bool:
    """It was made when less work was enough."""
    return _hasher.check_needs_rehash(password_hash)


def problem(password: str) -> str | None:
    """What is wrong with a password that somebody chose, as a sentence."""
    if not password:
        return "Enter a password"
    if len(password) < LEAST_CHARACTERS:
        return f"Use {LEAST_CHARACTERS} characters at least; a few words make a good one"
    if len(password) > MOST_CHARACTERS:
        return f"Use {MOST_CHARACTERS} characters at most"
    return None


async def _in_turn(work: Callable[[], _T]) -> _T:
    if not _places.acquire(blocking=False):
        raise Problem(
            429, "Too many sign in at this moment.", headers={"Retry-After": str(_BUSY_S)}
        )
    try:
        return await asyncio.get_running_loop().run_in_executor(_beside, work)
    finally:
        _places.release()


@cache
def _nobodys() -> str:
    return sync_hash("of an account that is not there")


def _verify(password_hash: str | None, password: str) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys(), password[: MOST_CHARACTERS + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None

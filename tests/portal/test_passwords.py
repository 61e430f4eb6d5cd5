"""Passwords: what is kept, what may be one, and how much work is done at once."""

from __future__ import annotations

import asyncio
import threading
from unittest.mock import patch

import pytest

from portal import passwords
from portal.errors import Problem

WORDS = "a few long words"


async def test_what_is_kept_is_argon2id_and_differs_each_time() -> None:
    one, two = await asyncio.gather(passwords.hash_(WORDS), passwords.hash_(WORDS))

    assert one.startswith("$argon2id$")
    assert one != two
    assert WORDS not in one
    assert await passwords.verify(one, WORDS)
    assert not await passwords.verify(one, WORDS + " ")
    assert not passwords.needs_rehash(one)


async def test_of_no_account_and_of_no_hash_no_password_is_right() -> None:
    assert not await passwords.verify(None, "of an account that is not there")
    assert not await passwords.verify("", WORDS)
    assert not await passwords.verify("plain", "plain")


async def test_an_unknown_address_costs_the_same_work() -> None:
    known = await passwords.hash_(WORDS)
    work: list[str] = []

    def verified(hash_: str, _password: str) -> bool:
        work.append(hash_.rpartition("$")[0].rpartition("$")[0])
        return True

    with patch.object(passwords, "_hasher") as hasher:
        hasher.verify.side_effect = verified
        hasher.hash.side_effect = lambda _: known
        passwords._nobodys.cache_clear()
        assert await passwords.verify(known, WORDS)
        assert not await passwords.verify(None, WORDS)
    passwords._nobodys.cache_clear()

    assert len(work) == 2
    assert work[0] == work[1]  # the same parameters


def test_a_hash_of_less_work_is_to_be_made_again() -> None:
    weak = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"

    assert passwords.needs_rehash(weak)


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "Enter a password"),
        ("x" * 11, "12 characters at least"),
        ("x" * 1025, "1024 characters at most"),
        ("x" * 12, None),
        ("ÄÖÜ ñ 中文字 😀 ok", None),
        ("x" * 1024, None),
    ],
)
def test_length_is_all_that_is_asked(password: str, told: str | None) -> None:
    said = passwords.problem(password)

    assert (said is None) if told is None else (said is not None and told in said)


async def test_two_at_once_and_who_would_wait_too_long_hears_it_at_once() -> None:
    go, lock, seen = threading.Event(), threading.Lock(), {"now": 0, "most": 0}

    def slow(_password: str) -> str:
        with lock:
            seen["now"] += 1
            seen["most"] = max(seen.values())
        go.wait(10)
        with lock:
            seen["now"] -= 1
        return "hash"

    with patch.object(passwords, "sync_hash", slow):
        waiting = [asyncio.create_task(passwords.hash_(WORDS)) for _ in range(40)]
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await passwords.hash_(WORDS)
        go.set()
        assert await asyncio.gather(*waiting) == ["hash"] * 40
        assert await passwords.hash_(WORDS) == "hash"

    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "5")
    assert seen["most"] == 2

"""Reliability D-W33, D-W34, T06: keys on the wire, those that are slow, those that are guessed."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest

from csms.ocpp.credentials import Credentials
from csms.ocpp.guesses import Guesses
from csms.ocpp.handshake import Refused
from db import station_keys, stations
from tests.ocpp.conftest import Central, Log
from tests.raw_socket import RawSocket, asking, dialled, login, request
from tests.wire import KEY, basic

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("log")]

BYTES = bytes.fromhex("00ff3a") + b"as in the example"
HERE, THERE = "127.0.0.2", "127.0.0.3"


async def set_key(central: Central, salt: bytes | None, key_hash: bytes | None) -> None:
    await central.pool.execute("update station set key_salt = $1, key_hash = $2", salt, key_hash)


@pytest.mark.parametrize(
    "key", [BYTES, BYTES.hex().encode(), BYTES.hex().upper().encode()], ids=["W33", "W34", "W34 up"]
)
async def test_bytes_and_digits_open_the_same_door(central: Central, log: Log, key: bytes) -> None:
    await set_key(central, *station_keys.make(BYTES.hex()))
    try:
        async with dialled(central.port) as raw:
            await raw.upgrade(asking(**login(b"CP-1:" + key)))
            await raw.heartbeat()
    finally:
        await set_key(central, *station_keys.make(KEY))
    log.check_is_quiet()


async def test_a_chosen_key_is_checked_once_and_then_remembered(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bytes] = []
    matches = station_keys.matches

    def spy(salt: bytes, key_hash: bytes, given: bytes) -> bool:
        checked.append(given)
        return matches(salt, key_hash, given)

    monkeypatch.setattr(station_keys, "matches", spy)
    await set_key(central, *station_keys.make_of_chosen("correct horse battery"))
    try:
        for _ in range(3):
            async with dialled(central.port) as raw:
                await raw.upgrade(asking(**basic("CP-1", "correct horse battery")))
                await raw.heartbeat()
        async with dialled(central.port) as raw:
            raw.send(asking(**basic("CP-1", "wrong")))
            assert (await raw.response()).status == 401
        assert checked == [b"correct horse battery", b"wrong"]

        # A new password ends what was remembered.
        await set_key(central, *station_keys.make_of_chosen("another word or two"))
        async with dialled(central.port) as raw:
            raw.send(asking(**basic("CP-1", "correct horse battery")))
            assert (await raw.response()).status == 401
    finally:
        await set_key(central, *station_keys.make(KEY))


async def test_slow_keys_do_not_hold_up_the_loop_and_no_more_wait_than_there_is_room_for(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csms.ocpp.credentials._MOST_WAITING", 8)
    async with central.pool.acquire() as conn:
        await set_key(central, *station_keys.make_of_chosen("correct horse battery"))
        station = await stations.get(conn, "CP-1")
        await set_key(central, *station_keys.make(KEY))
    credentials = Credentials()
    turns = 0
    checks = asyncio.gather(
        *(credentials.matches(station, b"%d" % n) for n in range(10)), return_exceptions=True
    )
    while not checks.done():
        await asyncio.sleep(0.002)
        turns += 1
    credentials.close()

    results = await checks
    full = [result for result in results if isinstance(result, Refused)]
    assert len(full) == 2
    assert {refused.status for refused in full} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert results.count(False) == 8
    assert turns > 10  # of the loop meanwhile


async def guess(central: Central, key: str, here: str) -> tuple[int, dict[str, str]]:
    async with dialled(central.port, here=here) as raw:
        raw.send(asking(**basic("CP-1", key)))
        response = await raw.response()
    return response.status, response.headers


async def test_t06_wrong_guesses_slow_down_nobody_else(central: Central, log: Log) -> None:
    after = await central.last_attempt()
    statuses: list[int] = []

    async def guesses(numbers: range) -> None:
        for number in numbers:
            status, headers = await guess(central, f"wrong-{number}", HERE)
            statuses.append(status)
            assert ("retry-after" in headers) == (status == 429)

    async with asyncio.TaskGroup() as group:
        for start in range(0, 200, 20):
            group.create_task(guesses(range(start, start + 20)))
        group.create_task(let_in(central, THERE))
    async with dialled(central.port, here=HERE) as raw:
        raw.send(request())  # even the right one has to wait here

        assert (await raw.response()).status == 429
    await let_in(central, THERE)

    assert statuses.count(401) < 25
    assert statuses.count(401) + statuses.count(429) == 200
    reasons = [row["reason"] for row in await central.attempts(after)]
    assert len(reasons) < 50  # of a flood only some leave a row
    assert any(f"wrong passwords from {HERE}: the next is looked at in" in said for said in reasons)
    log.check_is_quiet()


async def let_in(central: Central, here: str) -> RawSocket:
    async with dialled(central.port, here=here) as raw:
        async with asyncio.timeout(5):
            await raw.upgrade(request())
            await raw.heartbeat()
        return raw


def wait_of(guesses: Guesses, key: tuple[int, str]) -> int:
    try:
        guesses.check(key)
    except Refused as refused:
        return int(refused.headers["Retry-After"])
    return 0


async def test_t06_each_wrong_guess_waits_longer_to_a_bound_and_a_right_one_ends_it() -> None:
    now = 1_000.0
    guesses = Guesses(lambda: now)
    key, other = (1, HERE), (1, THERE)
    waits = []
    for _ in range(14):
        guesses.note(key, is_right=False)
        waits.append(wait_of(guesses, key))
        now += waits[-1]

    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert wait_of(guesses, key) == wait_of(guesses, other) == 0
    for _ in range(1_000):
        guesses.note(key, is_right=False)
    assert (wait_of(guesses, key), wait_of(guesses, other)) == (60, 0)
    now += 60
    guesses.note(key, is_right=True)
    guesses.note(key, is_right=False)
    assert wait_of(guesses, key) == 0

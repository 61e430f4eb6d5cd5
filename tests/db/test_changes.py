"""Topics: told together, heard everywhere, through restarts of the database, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import changes
from db.changes import RELOAD, Listener, Notifier, payloads, topic
from tests.ocpp.conftest import until
from tests.own_postgres import OwnPostgres, own_postgres

LIMIT_BYTES = 8_000  # pg_notify refuses more


class Ears:
    def __init__(self) -> None:
        self.batches: list[set[str]] = []

    def hear(self, topics: set[str]) -> None:
        self.batches.append(topics)

    @property
    def all(self) -> set[str]:
        return set().union(*self.batches) - {RELOAD}

    async def until(self, topics: set[str]) -> None:
        async def are_heard() -> bool:
            return topics <= set().union(*self.batches)

        await until(are_heard, 60)


@asynccontextmanager
async def running(*parts: Listener | Notifier) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        for part in parts:
            if isinstance(part, Listener):
                await part.is_listening.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    with own_postgres(tmp_path_factory.mktemp("own") / "data") as server:
        yield server


def test_a_topic_names_what_changed_and_who_may_see_it() -> None:
    assert topic("station", 3) == "station:3"
    assert topic("command", 3, 9) == "command:3:9"
    assert topic("session", 7, account_id=12) == "session:7@12"


async def test_what_changed_is_heard_by_every_process_and_once(database_url: str) -> None:
    here, there = Ears(), Ears()
    notifier = Notifier(database_url)
    async with running(
        Listener(database_url, here.hear), Listener(database_url, there.hear), notifier
    ):
        notifier.changed("session:7@12", "station:3")
        notifier.changed("station:3")
        for ears in (here, there):
            await ears.until({"session:7@12", "station:3"})
        notifier.changed("last:1")
        await here.until({"last:1"})

    # A listener says first that anything may have changed before it listened.
    assert here.batches == [{RELOAD}, {"session:7@12", "station:3"}, {"last:1"}]


async def test_many_topics_arrive_however_long_they_are_together(database_url: str) -> None:
    ears = Ears()
    notifier = Notifier(database_url)
    names = {topic("session", number, account_id=10**12 + number) for number in range(3_000)}
    assert sum(map(len, names)) > 5 * LIMIT_BYTES
    async with running(Listener(database_url, ears.hear), notifier):
        notifier.changed(*names)
        await ears.until(names)

    assert ears.all == names
    assert len(ears.batches) > 5


@given(st.sets(st.text("abc:@0123456789", min_size=1, max_size=200), max_size=300))
def test_payloads_are_short_enough_and_lose_nothing(names: set[str]) -> None:
    made = payloads(names)

    assert sorted(name for payload in made for name in payload.split(" ")) == sorted(names)
    assert all(len(payload.encode()) < LIMIT_BYTES for payload in made)


def test_payloads_are_as_few_as_the_limit_allows() -> None:
    names = {topic("session", 10**9 + number) for number in range(1_000)}

    assert len(payloads(names)) == 1 + sum(len(name) + 1 for name in names) // LIMIT_BYTES
    assert payloads(set()) == []


async def test_what_could_not_be_sent_is_sent_later(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = 2
    execute = asyncpg.Connection.execute

    async def maybe(self: asyncpg.Connection[asyncpg.Record], *args: object, **more: object) -> str:
        nonlocal fails
        if "pg_notify" in str(args[0]) and fails:
            fails -= 1
            raise asyncpg.ConnectionDoesNotExistError("it went away")
        return await execute(self, *args, **more)  # type: ignore[arg-type]

    ears = Ears()
    notifier = Notifier(database_url)
    async with running(Listener(database_url, ears.hear), notifier):
        monkeypatch.setattr(asyncpg.Connection, "execute", maybe)
        notifier.changed("station:1")
        await ears.until({"station:1"})

    assert fails == 0


async def test_what_is_left_at_the_end_of_a_process_is_sent(database_url: str) -> None:
    ears = Ears()
    notifier = Notifier(database_url)
    async with running(Listener(database_url, ears.hear)):
        notifier.changed("station:1")
        await notifier.flush()
        await ears.until({"station:1"})
        await notifier.flush()

    assert ears.batches == [{RELOAD}, {"station:1"}]


async def test_what_waits_is_bounded_and_then_everything_may_have_changed(
    database_url: str,
) -> None:
    notifier = Notifier(database_url)
    for number in range(changes._MOST_TOPICS * 5 // 2):
        notifier.changed(topic("session", number))
        assert len(notifier._topics) <= changes._MOST_TOPICS
    assert RELOAD in notifier._topics

    ears = Ears()
    async with running(Listener(database_url, ears.hear)), running(notifier):
        notifier.changed("last:1")
        await ears.until({"last:1"})
    assert RELOAD in set().union(*ears.batches[1:])


async def test_both_survive_a_crash_of_the_database_and_then_everything_may_have_changed(
    postgres: OwnPostgres,
) -> None:
    ears = Ears()
    notifier = Notifier(postgres.url)
    listener = Listener(postgres.url, ears.hear)
    async with running(listener, notifier):
        notifier.changed("station:1")
        await ears.until({"station:1"})

        for number in (2, 3):
            ears.batches.clear()
            await postgres.crash()
            await ears.until({RELOAD})
            # From then on nothing is missed, whichever of the two came back first.
            notifier.changed(f"station:{number}")
            await ears.until({f"station:{number}"})


async def test_what_changed_while_the_database_was_away_is_told_when_it_is_back(
    postgres: OwnPostgres,
) -> None:
    ears = Ears()
    notifier = Notifier(postgres.url)
    listener = Listener(postgres.url, ears.hear)
    async with running(listener, notifier):
        notifier.changed("station:1")
        await ears.until({"station:1"})
        ears.batches.clear()
        postgres.stop()

        async def is_deaf() -> bool:
            return not listener.is_listening.is_set()

        await until(is_deaf)
        notifier.changed("station:2", "station:3")
        postgres.start()

        # It may be told before the listener is back, which then says so.
        await ears.until({RELOAD})

        async def is_told() -> bool:
            return not notifier._topics

        await until(is_told, 60)


async def test_a_listener_whose_connection_is_ended_listens_again(database_url: str) -> None:
    ears = Ears()
    notifier = Notifier(database_url)
    async with running(Listener(database_url, ears.hear), notifier):
        ears.batches.clear()
        conn = await asyncpg.connect(database_url)
        await conn.execute(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
            """
        )
        await conn.close()
        await ears.until({RELOAD})
        notifier.changed("station:1")
        await ears.until({"station:1"})

"""The life of a command in rows: asked, taken once, said, settled once."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import msgspec
import pytest

from db import commands
from db.errors import NotFound
from db.model.commands import Command, Raw, StartSession, decode, encode
from db.model.stations import Station
from db.rows import Conn, Pool
from tests.portal import build

RESET = Raw("Reset", msgspec.Raw(b'{ "type":"Hard"}'))
MINUTE = timedelta(minutes=1)


async def ask(conn: Conn, station: Station, valid_for: timedelta = MINUTE) -> Command:
    return await commands.ask(conn, station.id, RESET, asked_by="omar", valid_for=valid_for)


async def connected(conn: Conn, identity: str = "CP-1", node: str = "test") -> Station:
    made = await build.station(conn, identity)
    await build.connect(conn, made)
    await conn.execute("update link set node = $2 where station_id = $1", made.id, node)
    return made


async def test_a_command_keeps_what_was_asked_to_the_byte(pool: Pool) -> None:
    async with pool.acquire() as conn:
        asked = await ask(conn, await build.station(conn))

        found = await commands.get(conn, asked.station_id, asked.id)
        assert found == asked
        assert (found.kind, found.state, found.asked_by) == ("raw", "waiting", "omar")
        assert found.expires_at - found.asked_at == MINUTE
        decoded = decode(found.arguments)
        assert isinstance(decoded, Raw)
        assert bytes(decoded.payload) == b'{ "type":"Hard"}'
        with pytest.raises(NotFound):
            await commands.get(conn, asked.station_id + 1, asked.id)


def test_a_typed_command_survives_its_row() -> None:
    start = StartSession("ADA-1", "ISO14443", 2)

    assert decode(encode(start)) == start


async def test_the_oldest_of_each_station_that_is_held_here_is_taken(pool: Pool) -> None:
    async with pool.acquire() as conn:
        here, busy = await connected(conn, "CP-1"), await connected(conn, "CP-2")
        elsewhere = await connected(conn, "CP-3", "another")
        away = await build.station(conn, "CP-4")
        for _ in "12":
            for station in (here, busy, elsewhere, away):
                await ask(conn, station)

        taken = await commands.take(conn, node="test", busy=[busy.id])

        assert [command.station_id for command in taken] == [here.id]
        assert (taken[0].state, taken[0].node) == ("sent", "test")
        assert taken[0].sent_at is not None
        second = await commands.take(conn, node="test", busy=[])
        assert sorted(command.station_id for command in second) == [here.id, busy.id]
        assert min(command.id for command in second) > taken[0].id


async def test_what_another_transaction_takes_is_not_waited_for(
    database_url: str, pool: Pool
) -> None:
    other = await asyncpg.connect(database_url)
    async with pool.acquire() as conn:
        await ask(conn, await connected(conn))
        async with conn.transaction():
            assert len(await commands.take(conn, node="test", busy=[])) == 1

            assert await commands.take(other, node="test", busy=[]) == []
    await other.close()


async def test_what_was_said_is_kept_and_settled_once(pool: Pool) -> None:
    async with pool.acquire() as conn:
        asked = await ask(conn, await connected(conn))
        await commands.record_said(conn, asked.station_id, asked.id, action="Reset", payload=b"{}")
        done = await commands.settle(
            conn, asked.station_id, asked.id, state="refused", reason="no", answer=b'{"a":1}'
        )

        assert done is not None
        assert (done.action, done.payload) == ("Reset", b"{}")
        assert (done.state, done.reason, done.answer) == ("refused", "no", b'{"a":1}')
        assert done.settled_at is not None
        assert await commands.settle(conn, asked.station_id, asked.id, state="done") is None
        assert (await commands.get(conn, asked.station_id, asked.id)).state == "refused"


async def test_what_waited_too_long_is_neither_taken_nor_left_waiting(pool: Pool) -> None:
    async with pool.acquire() as conn:
        there, away = await connected(conn), await build.station(conn, "CP-2")
        late = [await ask(conn, station, -MINUTE) for station in (there, away)]
        in_time = await ask(conn, away)
        assert await commands.take(conn, node="test", busy=[]) == []

        expired = {command.id: command for command in await commands.expire_waiting(conn)}

        assert sorted(expired) == [command.id for command in late]
        assert expired[late[0].id].reason == "the charger was busy until the time was up"
        assert expired[late[1].id].reason == "the charger was not connected"
        assert (await commands.get(conn, away.id, in_time.id)).state == "waiting"


async def test_what_a_process_that_stopped_had_sent_is_over(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute(
            "insert into node (name, started_at, lease_until) values ('alive', now(),"
            " now() + interval '1 minute'), ('here', now(), now() + interval '1 minute')"
        )
        station = await build.station(conn)
        sent = {}
        for node in ("here", "dead", "alive"):
            sent[node] = (await ask(conn, station)).id
            await conn.execute(
                "update command set state = 'sent', node = $2, sent_at = now() where id = $1",
                sent[node],
                node,
            )

        expired = await commands.expire_sent(conn, node="here")

        assert {command.id for command in expired} == {sent["here"], sent["dead"]}
        assert {command.state for command in expired} == {"expired"}


async def test_commands_of_a_station_are_listed_the_latest_first(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station, other = await build.station(conn), await build.station(conn, "CP-2")
        asked = [(await ask(conn, station)).id for _ in "123"]
        await ask(conn, other)

        first = await commands.list_by_station(conn, station.id, before=None, limit=2)
        rest = await commands.list_by_station(conn, station.id, before=first[-1].id, limit=2)

        assert [command.id for command in first + rest] == asked[::-1]

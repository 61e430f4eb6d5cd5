"""Days of readings and messages: made ahead, filled from the default, dropped whole."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from csms.config import Config
from csms.ingest import Ingest
from csms.items import Item, Measured
from csms.jobs import Jobs
from csms.rules.series import figures
from db import messages, partitions, readings
from db.changes import Notifier
from db.config import DatabaseConfig
from db.messages import Message
from db.model.readings import Reading, encode_samples
from db.partitions import Parent
from db.rows import Conn, Pool
from tests.conftest import MIGRATED
from tests.rules.metered import normalise
from tests.wire import add_station, charger, csms

PARENTS: list[Parent] = ["reading", "message"]
TODAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
COLUMN = {"reading": "at", "message": "received_at"}


@pytest.fixture
def template(template: str) -> str:
    """Without the partitions that other tests find there."""
    return MIGRATED


async def add_row(conn: Conn, parent: Parent, at: datetime, number: int = 1) -> None:
    if parent == "message":
        said = Message(1, at, False, f"m{number}", "Heartbeat", b"[]", b"[]", 1)
        await messages.add_many(conn, [said])
        return
    key = number.to_bytes(4, "big")
    row = Reading(1, at, key, at, None, 7, 1, 1, "T", None, 5, None, None, b"[]", "odd clock")
    assert await readings.add_many(conn, [row]) == {(1, key)}


async def places(pool: Pool, parent: Parent) -> list[str]:
    """The partition of each row, by its time."""
    rows = await pool.fetch(
        f"select tableoid::regclass::text as place from {parent} order by {COLUMN[parent]}"
    )
    return [row["place"] for row in rows]


async def days(pool: Pool, parent: Parent) -> list[date]:
    async with pool.acquire() as conn:
        return [day for day, _ in await partitions.list_days(conn, parent)]


async def add_ahead(pool: Pool, parent: Parent, today: date = TODAY) -> list[str]:
    async with pool.acquire() as conn, conn.transaction():
        return await partitions.add_ahead(conn, parent, today)


@pytest.mark.parametrize("parent", PARENTS)
async def test_today_and_fourteen_days_are_there_and_then_one_more_each_day(
    pool: Pool, parent: Parent
) -> None:
    made = await add_ahead(pool, parent)

    assert made == [f"{parent}_202603{day}" for day in range(10, 25)]
    assert await add_ahead(pool, parent) == []
    assert await add_ahead(pool, parent, TODAY + DAY) == [f"{parent}_20260325"]
    assert await days(pool, parent) == [TODAY + n * DAY for n in range(16)]


@pytest.mark.parametrize("parent", PARENTS)
async def test_a_row_goes_into_its_day_to_the_microsecond(pool: Pool, parent: Parent) -> None:
    await add_ahead(pool, parent)
    midnight = datetime(2026, 3, 11, tzinfo=UTC)
    ends = [midnight - timedelta(microseconds=1), midnight, midnight + 14 * DAY]
    async with pool.acquire() as conn:
        for at in (NOON - 2 * DAY, *ends):
            await add_row(conn, parent, at)

    assert await places(pool, parent) == [
        f"{parent}_default",
        f"{parent}_20260310",
        f"{parent}_20260311",
        f"{parent}_default",
    ]


@pytest.mark.parametrize("parent", PARENTS)
async def test_rows_of_a_day_that_is_made_late_move_into_it_whole(
    pool: Pool, parent: Parent
) -> None:
    moments = [NOON - DAY, NOON, NOON + timedelta(hours=11), NOON + 3 * DAY, NOON + 40 * DAY]
    async with pool.acquire() as conn:
        for number, at in enumerate(moments):
            await add_row(conn, parent, at, number)
    before = await pool.fetch(f"select * from {parent} order by {COLUMN[parent]}")
    assert set(await places(pool, parent)) == {f"{parent}_default"}

    await add_ahead(pool, parent)

    assert await pool.fetch(f"select * from {parent} order by {COLUMN[parent]}") == before
    assert await places(pool, parent) == [
        f"{parent}_default",
        f"{parent}_20260310",
        f"{parent}_20260310",
        f"{parent}_20260313",
        f"{parent}_default",
    ]


async def test_a_reading_is_a_repeat_also_after_it_moved(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await add_row(conn, "reading", NOON)
        await add_ahead(pool, "reading")
        (row,) = await conn.fetch("select station_id, at, fingerprint from reading")
        nothing = dict.fromkeys(Reading._fields[4:13])
        again = Reading(**row, received_at=NOON, **nothing, samples=b"[]", flags="")  # type: ignore[arg-type]

        assert await readings.add_many(conn, [again]) == set()


async def test_numbers_of_messages_go_on_after_they_moved(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await add_row(conn, "message", NOON, 1)
        await add_ahead(pool, "message")
        await add_row(conn, "message", NOON, 2)

    rows = await pool.fetch("select id, message_id from message order by id")
    assert [row["message_id"] for row in rows] == ["m1", "m2"]
    assert rows[0]["id"] < rows[1]["id"]


@pytest.mark.parametrize("parent", PARENTS)
async def test_a_day_is_dropped_with_all_that_is_in_it(pool: Pool, parent: Parent) -> None:
    await add_ahead(pool, parent)
    async with pool.acquire() as conn:
        for at in (NOON, NOON + DAY):
            await add_row(conn, parent, at)
        await partitions.drop(conn, parent, TODAY)

    assert await places(pool, parent) == [f"{parent}_20260311"]
    assert TODAY not in await days(pool, parent)


@pytest.mark.parametrize("parent", PARENTS)
async def test_what_is_outside_of_every_day_goes_row_by_row(pool: Pool, parent: Parent) -> None:
    async with pool.acquire() as conn:
        for number, at in enumerate([NOON - 3 * DAY, NOON - DAY, NOON]):
            await add_row(conn, parent, at, number)
        await partitions.delete_default_before(conn, parent, NOON - DAY)

    assert len(await places(pool, parent)) == 2


@pytest.mark.parametrize("parent", PARENTS)
async def test_the_size_of_a_day_counts_its_index(pool: Pool, parent: Parent) -> None:
    await add_ahead(pool, parent)
    async with pool.acquire() as conn:
        for number in range(200):
            await add_row(conn, parent, NOON, number)
        sizes = dict(await partitions.list_days(conn, parent))

    ((table, index),) = await pool.fetch(
        """
        select pg_relation_size(to_regclass($1)), pg_indexes_size(to_regclass($1))
        """,
        f"{parent}_20260310",
    )
    assert sizes[TODAY] >= table + index
    assert sizes[TODAY] > sizes[TODAY + DAY]


def make_jobs(url: str, pool: Pool, tmp_path: Path, **settings: Any) -> Jobs:
    config = Config(DatabaseConfig(data_dir=tmp_path, database_url=url), **settings)
    return Jobs(config, pool, Notifier(url))


async def fill(pool: Pool, parent: Parent, ages: list[int], rows: int = 1) -> None:
    """Days as old as that, and a row in each; and one outside of all days."""
    now = datetime.now(UTC)
    async with pool.acquire() as conn, conn.transaction():
        for age in ages:
            at = now - age * DAY
            await partitions._add(conn, parent, at.date())
            for number in range(rows):
                await add_row(conn, parent, at, number)
        await add_row(conn, parent, now - 5_000 * DAY)


async def ages_kept(pool: Pool, parent: Parent) -> list[int]:
    today = datetime.now(UTC).date()
    return sorted(age for day in await days(pool, parent) if (age := (today - day).days) > 0)


async def test_old_days_are_dropped_by_their_age(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    for parent in PARENTS:
        await fill(pool, parent, [1, 6, 7, 8, 30, 31, 400])

    await make_jobs(
        database_url, pool, tmp_path, readings_days=30, message_log_days=7
    ).keep_partitions()

    assert await ages_kept(pool, "message") == [1, 6, 7]
    assert await ages_kept(pool, "reading") == [1, 6, 7, 8, 30]
    for parent in PARENTS:
        assert f"{parent}_default" not in await places(pool, parent)
        assert len(await days(pool, parent)) == 15 + len(await ages_kept(pool, parent))


async def test_readings_are_kept_for_ever_unless_a_setting_says_otherwise(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await fill(pool, "reading", [1, 400, 4_000])

    await make_jobs(database_url, pool, tmp_path).keep_partitions()

    assert await ages_kept(pool, "reading") == [1, 400, 4_000]
    assert len(await places(pool, "reading")) == 4


async def test_the_oldest_days_of_messages_are_dropped_until_their_size_fits(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await fill(pool, "message", [1, 2, 3], rows=500)
    await add_ahead(pool, "message", datetime.now(UTC).date())
    async with pool.acquire() as conn:
        sizes = [size for _, size in await partitions.list_days(conn, "message")]
    assert sizes[0] > 3 * sizes[-1]
    room = (sum(sizes) - sizes[0]) / 2**30

    await make_jobs(database_url, pool, tmp_path, message_log_gb=room).keep_partitions()
    assert await ages_kept(pool, "message") == [1, 2]

    # What is said today stays, however small the room.
    await make_jobs(database_url, pool, tmp_path, message_log_gb=0).keep_partitions()
    assert await ages_kept(pool, "message") == []
    assert len(await days(pool, "message")) == 15


async def test_a_csms_that_starts_makes_the_days_before_it_serves(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with csms(database_url, tmp_path):
        for parent in PARENTS:
            assert len(await days(pool, parent)) == 15


class Nobody:
    def __call__(self, *_: str) -> None: ...


def item(station_id: int, at: datetime, number: int) -> Item:
    made = Item(station_id, "v16", datetime.now(UTC))
    samples = [normalise(number)]
    key = number.to_bytes(4, "big")
    made.measured = [Measured(at, None, key, encode_samples(samples), figures(samples), "")]
    return made


async def until_waiting(pool: Pool, count: int) -> None:
    async with asyncio.timeout(20):
        while (
            await pool.fetchval(
                """
                select count(*) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'
                """
            )
            < count
        ):
            await asyncio.sleep(0.01)


async def test_a_batch_that_arrives_while_its_day_is_made_is_not_lost(
    database_url: str, pool: Pool
) -> None:
    """It was on its way to the default partition, which its day has just left."""
    station = await add_station(database_url, "CP-1")
    ingest = Ingest(database_url, Nobody())
    task = asyncio.create_task(ingest.run())
    try:
        with capture_logs() as lines:
            async with pool.acquire() as conn, conn.transaction():
                await partitions.add_ahead(conn, "reading", TODAY)
                adding = [
                    asyncio.create_task(ingest.add(item(station.id, NOON, number)))
                    for number in range(3)
                ]
                await until_waiting(pool, 1)
            assert await asyncio.gather(*adding) == [None] * 3
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert await places(pool, "reading") == ["reading_20260310"] * 3
    # Else this test is not about what it says.
    assert [line["event"] for line in lines] == ["ingest.batch_failed"]


async def test_a_stop_with_readings_that_arrives_while_their_day_is_made_is_not_lost(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    at = NOON.isoformat()
    start = {"connectorId": 1, "idTag": "ADA-1", "meterStart": 1000, "timestamp": at}
    async with (
        csms(database_url, tmp_path, hold_s=30) as server,
        charger(server.url, "CP-1") as cp,
    ):
        number = (await cp.call("StartTransaction", start))["transactionId"]
        data = [{"timestamp": at, "sampledValue": [{"value": "1000"}]}]
        stop = {
            "transactionId": number,
            "meterStop": 3500,
            "timestamp": (NOON + timedelta(hours=1)).isoformat(),
            "transactionData": data,
        }
        async with pool.acquire() as conn, conn.transaction():
            await partitions.add_ahead(conn, "reading", TODAY)
            stopping = asyncio.create_task(cp.call("StopTransaction", stop))
            await until_waiting(pool, 1)
        assert await stopping == {}

    assert await pool.fetchval("select energy_wh from charging_session") == 2500
    assert await places(pool, "reading") == ["reading_20260310"]
    assert await pool.fetchval("select count(*) from quarantine") == 0


async def test_days_are_made_and_dropped_under_load(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    station = await add_station(database_url, "CP-1")
    jobs = make_jobs(database_url, pool, tmp_path, readings_days=3_650)
    ingest = Ingest(database_url, Nobody())
    task = asyncio.create_task(ingest.run())
    now = datetime.now(UTC)
    await add_ahead(pool, "message", now.date())
    is_over = False

    async def measure(lane: int) -> int:
        number = 0
        while not is_over:
            # Into days that are there, that are about to be, and that never will.
            at = now + timedelta(days=[0, 1, 16, -900][number % 4], seconds=lane)
            await ingest.add(item(station.id, at, lane * 1_000_000 + number))
            ingest.log(Message(station.id, now, False, "m", "Heartbeat", b"[]", b"[]", 1))
            number += 1
        return number

    lanes = [asyncio.create_task(measure(lane)) for lane in range(4)]
    try:
        await jobs.keep_partitions()
        for ahead in range(1, 6):
            for parent in PARENTS:
                await add_ahead(pool, parent, now.date() + ahead * DAY)
    finally:
        is_over = True
    said = sum(await asyncio.gather(*lanes))
    await ingest.drain()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert said > 20
    assert await pool.fetchval("select count(*) from reading") == said
    assert await pool.fetchval("select count(*) from message") == said


async def test_two_processes_may_make_the_same_days_at_once(pool: Pool) -> None:
    made = await asyncio.gather(*(add_ahead(pool, "reading") for _ in "1234"))

    assert sorted(len(each) for each in made) == [0, 0, 0, 15]

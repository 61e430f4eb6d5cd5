"""Migrations: in order, once, unchanged, and words for everything else."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from db import connect
from db.config import ConfigError
from db.migrate import FOLDER, migrate, read
from db.rows import Pool
from db.tools import SCHEMA, schema_text
from tests.conftest import MIGRATED, in_database

FIRST = "create table first (id integer);\ninsert into first values (1);\n"


@pytest.fixture
def template(template: str) -> str:
    """Without the partitions that other tests find there."""
    return MIGRATED


def write(folder: Path, name: str, sql: str = FIRST) -> Path:
    path = folder / f"{name}.sql"
    path.write_text(sql)
    return path


async def fetchval(url: str, sql: str) -> object:
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval(sql)
    finally:
        await conn.close()


def test_our_own_migrations_can_be_read() -> None:
    assert [migration.number for migration in read(FOLDER)][:1] == [1]


async def test_an_empty_database_gets_every_migration_in_order(
    empty_url: str, tmp_path: Path
) -> None:
    write(tmp_path, "0001_first")
    write(tmp_path, "0002_second", "alter table first add column name text;")

    assert await migrate(empty_url, tmp_path) == ["0001_first", "0002_second"]

    assert await fetchval(empty_url, "select count(name) + count(*) from first") == 1


async def test_a_second_run_applies_nothing(empty_url: str, tmp_path: Path) -> None:
    write(tmp_path, "0001_first")
    await migrate(empty_url, tmp_path)

    assert await migrate(empty_url, tmp_path) == []


async def test_two_processes_that_migrate_at_once_apply_each_migration_once(
    empty_url: str, tmp_path: Path
) -> None:
    write(tmp_path, "0001_first", FIRST + "select pg_sleep(0.05);")

    applied = await asyncio.gather(*(migrate(empty_url, tmp_path) for _ in range(4)))

    assert sorted(applied) == [[], [], [], ["0001_first"]]
    assert await fetchval(empty_url, "select count(*) from first") == 1


async def test_a_failed_migration_leaves_nothing_and_names_its_line(
    empty_url: str, tmp_path: Path
) -> None:
    write(tmp_path, "0001_first")
    write(tmp_path, "0002_second", "create table second (id integer);\n\nselect nonsense;\n")

    with pytest.raises(ConfigError, match=r"0002_second failed at line 3: .*nonsense"):
        await migrate(empty_url, tmp_path)

    assert await fetchval(empty_url, "select to_regclass('second')::text") is None
    assert await fetchval(empty_url, "select max(number) from schema_migration") == 1


async def test_a_changed_file_that_was_applied_is_an_error(empty_url: str, tmp_path: Path) -> None:
    path = write(tmp_path, "0001_first")
    await migrate(empty_url, tmp_path)
    path.write_text(FIRST + "-- a thought\n")

    with pytest.raises(ConfigError, match="0001_first is not what the database was given"):
        await migrate(empty_url, tmp_path)


async def test_other_line_ends_are_no_change(empty_url: str, tmp_path: Path) -> None:
    path = write(tmp_path, "0001_first")
    await migrate(empty_url, tmp_path)
    path.write_bytes(FIRST.replace("\n", "\r\n").encode())

    assert await migrate(empty_url, tmp_path) == []


async def test_a_database_newer_than_the_code_is_refused(empty_url: str, tmp_path: Path) -> None:
    write(tmp_path, "0001_first")
    newer = write(tmp_path, "0002_second", "select 1;")
    await migrate(empty_url, tmp_path)
    newer.unlink()

    with pytest.raises(ConfigError, match="newer than this program: it has 0002_second"):
        await migrate(empty_url, tmp_path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["0001_a", "0003_c"], "Migration 0002 is missing before 0003_c"),
        (["0001_a", "0001_b"], "Two migrations have number 0001"),
        (["0002_b"], "Migration 0001 is missing"),
        (["0001_a", "2_b"], "2_b.sql is not named like a migration"),
    ],
)
def test_gaps_duplicates_and_odd_names_are_refused(
    tmp_path: Path, names: list[str], words: str
) -> None:
    for name in names:
        write(tmp_path, name)

    with pytest.raises(ConfigError, match=words):
        read(tmp_path)


async def test_a_database_of_another_encoding_is_refused(server_url: str, tmp_path: Path) -> None:
    conn = await asyncpg.connect(server_url)
    try:
        await conn.execute(
            "create database latin template template0 encoding 'SQL_ASCII' locale 'C'"
        )
        with pytest.raises(ConfigError, match="encoding SQL_ASCII: create it with encoding UTF8"):
            await migrate(in_database(server_url, "latin"), tmp_path)
    finally:
        await conn.execute("drop database if exists latin with (force)")
        await conn.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://localhost/x", "DATABASE_URL is not an address such as postgresql://"),
        ("postgresql://user:secret@localhost:port/x", "DATABASE_URL is not an address"),
        ("postgresql://u:secret@127.0.0.1:1/x", "No PostgreSQL answers for x on 127.0.0.1:1"),
        ("postgresql://u:secret@no-such-host.invalid/x", "The host of x on no-such-host"),
        ("postgresql:///x?host=/nowhere", "No PostgreSQL answers for x"),
    ],
)
async def test_a_broken_address_is_one_sentence_without_the_password(url: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await migrate(url)

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_one_sentence(server_url: str) -> None:
    with pytest.raises(ConfigError, match="The database nowhere does not exist: create it"):
        await connect.create_pool(in_database(server_url, "nowhere"), min_size=1, max_size=2)


async def test_a_wrong_user_is_one_sentence(server_url: str) -> None:
    with pytest.raises(ConfigError, match="refuses user or password"):
        await connect.connect(server_url.replace("app@", "somebody@"))


async def test_the_pool_of_a_test_has_our_tables(pool: Pool) -> None:
    assert await pool.fetchval("select to_regclass('charging_session')::text")


async def test_schema_sql_is_what_the_migrations_make(database_url: str, tmp_path: Path) -> None:
    def words(text: str) -> set[str]:
        return {line.strip().rstrip(",;") for line in text.splitlines()}

    made = words(await schema_text(database_url, tmp_path))

    assert words(SCHEMA.read_text()) == made, "run `make schema`"

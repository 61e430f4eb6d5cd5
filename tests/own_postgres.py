"""A PostgreSQL of a test's own, which may be stopped, frozen and crashed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg

from db import embedded, embedded_binaries, embedded_process
from db.embedded_options import HOLDER_LOCK
from db.file_lock import FileLock
from db.migrate import migrate
from tests.conftest import FAST, in_database


class OwnPostgres:
    def __init__(self, url: str, data_dir: Path) -> None:
        self.url = url
        self._data_dir = data_dir
        major = embedded_binaries.newest_major(data_dir)
        assert major is not None
        self._folder = embedded_binaries.data_folder(data_dir, major)
        self._holder = int(FileLock(data_dir / HOLDER_LOCK).read())
        self.is_stopped = False

    async def migrated(self) -> str:
        """A new database with all tables."""
        name = f"test_{uuid4().hex[:12]}"
        conn = await asyncpg.connect(self.url)
        try:
            await conn.execute(f"create database {name}")
        finally:
            await conn.close()
        url = in_database(self.url, name)
        await migrate(url)
        return url

    def stop(self) -> None:
        """Away until `start`: its holder, which would start it again, sleeps."""
        self.is_stopped = True
        os.kill(self._holder, signal.SIGSTOP)
        running = embedded_process.running(self._folder)
        assert running is not None
        os.kill(running.pid, signal.SIGQUIT)
        self._until(lambda: not embedded_process.answers(running.socket_dir))

    def start(self) -> None:
        os.kill(self._holder, signal.SIGCONT)
        self._until(lambda: embedded_process.ready_url(self._data_dir) is not None)
        self.is_stopped = False

    async def crash(self) -> None:
        """A backend that is killed takes all others with it, and PostgreSQL recovers."""
        conn = await asyncpg.connect(self.url)
        os.kill(conn.get_server_pid(), signal.SIGKILL)
        # Once it knows of its own death, so do all others.
        while not conn.is_closed():
            await asyncio.sleep(0.01)

    async def backends(self, url: str) -> list[int]:
        """The processes that serve a database to others than us."""
        conn = await asyncpg.connect(url)
        try:
            found = await conn.fetch(
                """
                select pid from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()
                """
            )
        finally:
            await conn.close()
        return [row["pid"] for row in found]

    @staticmethod
    def _until(condition: object) -> None:
        deadline = time.monotonic() + 60
        assert callable(condition)
        while not condition():
            assert time.monotonic() < deadline, "PostgreSQL did not do it in time"
            time.sleep(0.01)


@contextmanager
def own_postgres(data_dir: Path) -> Iterator[OwnPostgres]:
    with embedded.server(data_dir, options=FAST, see_it_stop=True) as url:
        server = OwnPostgres(url, data_dir)
        try:
            yield server
        finally:
            if server.is_stopped:
                server.start()

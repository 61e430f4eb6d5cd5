"""Composition root of the csms: what is made, in which order, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from csms.config import Config
from csms.ingest import Ingest
from csms.jobs import Jobs
from csms.ocpp.dispatch import Dispatch
from csms.ocpp.link import Link
from csms.ocpp.links import Links
from csms.ocpp.runner import Runner
from csms.ocpp.server import OcppServer
from db import changes, commands, embedded, links, partitions, stations
from db.changes import Listener, Notifier
from db.config import ConfigError
from db.connect import create_pool
from db.errors import is_away
from db.migrate import migrate
from db.rows import Pool

log = structlog.get_logger()

_POOL_SIZE = 10
_LEASE = timedelta(seconds=30)
_LEASE_EVERY_S = 10.0
_SEEN_EVERY_S = 60.0
_DRAIN_S = 10.0
_GOING_AWAY = 1001, "the server restarts"


def open_socket(config: Config) -> socket.socket:
    """Before the database is started: a port in use is said at once."""
    try:
        sock = socket.create_server(
            (config.host, config.port),
            family=socket.AF_INET6 if ":" in config.host else socket.AF_INET,
            backlog=4096,
        )
        # asyncio does this for sockets of its own only; without it every second answer waits 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    except OSError as error:
        raise ConfigError(
            f"The csms cannot listen on {config.host}:{config.port} ({error.strerror}): "
            "end what uses it, or set CSMS_HOST and CSMS_PORT."
        ) from None


def raise_file_limit() -> None:
    """A socket is a file: as many as the machine allows (decision 35)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(config: Config, parent_gone: Coroutine[Any, Any, None] | None) -> None:
    """Until a signal, or the end of the parent that started us. Raises ConfigError."""
    raise_file_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _stop_or_force, stop)
    with open_socket(config) as sock:
        async with embedded.database(config.database) as url:
            await migrate(config.database.changes_url or url)
            async with running(config, url, sock):
                log.info("csms.ready", url=f"ws://{config.host}:{config.port}/ocpp/IDENTITY")
                await _first(stop.wait(), parent_gone)
                log.info("csms.stopping")


def _stop_or_force(stop: asyncio.Event) -> None:
    if stop.is_set():
        raise SystemExit(1)
    stop.set()


async def _first(*waits: Coroutine[Any, Any, object] | None) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits if wait is not None]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


@contextlib.asynccontextmanager
async def running(config: Config, url: str, sock: socket.socket) -> AsyncIterator[None]:
    """The csms, serving on a socket, between two commits: nothing answered is lost at its end."""
    here = Links()
    async with (
        _pool(url) as pool,
        _notifier(config.database.changes_url or url) as notifier,
    ):
        await _enter_node(config, pool, notifier)
        ingest = Ingest(url, notifier.changed)
        dispatch = Dispatch(config, pool, ingest, notifier)
        runner = Runner(config.node, pool, here, ingest, notifier)
        watch = _Watch(config, pool, here, runner)
        listener = Listener(config.database.changes_url or url, watch.heard)

        def make_link(socket: Any, station: Any, version: Any, epoch: int) -> Link:
            return Link(
                socket,
                station,
                version,
                epoch,
                answer=dispatch.answer,
                call_timeout_s=config.call_timeout_s,
                send_timeout_s=config.send_timeout_s,
            )

        server = OcppServer(config, pool, here, notifier, make_link, watch.why_not_ready)
        tasks = [
            asyncio.create_task(work)
            for work in (
                ingest.run(),
                listener.run(),
                runner.run(),
                watch.run(),
                Jobs(config, pool, notifier).run(),
            )
        ]
        for task in tasks:
            task.add_done_callback(_died)
        try:
            listening = await server.listen(sock)
            try:
                yield
            finally:
                watch.is_stopping = True
                listening.close(close_connections=False)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN_S):
                        await here.close_all(*_GOING_AWAY)
                        await listening.wait_closed()
                        await ingest.drain()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2), pool.acquire() as conn:
                    await links.end_node(conn, config.node)


def _died(task: asyncio.Task[None]) -> None:
    """A background task never ends by itself: without it the process is of no use."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("task.died", error=repr(task.exception()), exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


@contextlib.asynccontextmanager
async def _pool(url: str) -> AsyncIterator[Pool]:
    pool = await create_pool(
        url,
        min_size=1,
        max_size=_POOL_SIZE,
        command_timeout=20,
        server_settings={"lock_timeout": "5s", "statement_timeout": "20s"},
    )
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@contextlib.asynccontextmanager
async def _notifier(url: str) -> AsyncIterator[Notifier]:
    notifier = Notifier(url)
    task = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(Exception):
            await notifier.flush()


async def _enter_node(config: Config, pool: Pool, notifier: Notifier) -> None:
    """What an earlier process of this name held or had asked is over."""
    async with pool.acquire() as conn:
        async with conn.transaction():
            for parent in ("reading", "message"):
                await partitions.add_ahead(conn, parent, datetime.now(UTC).date())
        gone = await links.start_node(conn, config.node, _LEASE)
        expired = await commands.expire_sent(conn, node=config.node)
    notifier.changed(
        *(changes.topic("station", station_id) for station_id in gone),
        *(changes.topic("command", command.station_id, command.id) for command in expired),
    )


class _Watch:
    """Keeps this process's word: its lease, its links' epochs, and when its stations were seen."""

    def __init__(self, config: Config, pool: Pool, here: Links, runner: Runner) -> None:
        self._config = config
        self._pool = pool
        self._here = here
        self._runner = runner
        self._doubted: set[int] = set()
        self._look = asyncio.Event()
        self.is_stopping = False

    def heard(self, topics: set[str]) -> None:
        """The listener's call: another process may have taken a station, or asked something."""
        for name in topics:
            kind, _, rest = name.partition(":")
            if kind == "command":
                self._runner.wake()
            elif kind == "link" and rest.isdigit() and self._here.get(int(rest)):
                self._doubted.add(int(rest))
                self._look.set()
            elif name == changes.RELOAD:
                self._runner.wake()
                self._doubted.update(self._here.station_ids())
                self._look.set()

    async def why_not_ready(self) -> str | None:
        if self.is_stopping:
            return "stopping"
        try:
            async with asyncio.timeout(2), self._pool.acquire() as conn:
                await conn.execute("select 1")
        except Exception as error:
            return f"the database does not answer: {error or type(error).__name__}"
        return None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        lease_at = seen_at = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, lease_at - loop.time())):
                    await self._look.wait()
            self._look.clear()
            try:
                async with self._pool.acquire(timeout=5) as conn:
                    if loop.time() >= lease_at:
                        lease_at = loop.time() + _LEASE_EVERY_S
                        await links.renew_lease(conn, self._config.node, _LEASE)
                        self._doubted.update(self._here.station_ids())
                    if loop.time() >= seen_at:
                        # An open link was heard within the ping's time: any frame or pong counts.
                        seen_at = loop.time() + _SEEN_EVERY_S
                        await stations.set_seen(conn, self._here.station_ids(), datetime.now(UTC))
                    asked, self._doubted = list(self._doubted), set()
                    if asked:
                        await self._fence(conn, asked)
            except Exception as error:
                if not is_away(error):
                    log.exception("watch.failed")
                await asyncio.sleep(1)

    async def _fence(self, conn: Any, asked: list[int]) -> None:
        epochs = await links.epochs(conn, asked)
        self._here.fence(epochs, asked)
        for station_id in asked:
            link = self._here.get(station_id)
            if link is not None and station_id not in epochs:
                # We were thought dead and are not, and nobody took the station meanwhile.
                held = await links.take(
                    conn,
                    station_id=station_id,
                    node=self._config.node,
                    ocpp_version=link.version,
                    remote_address=None,
                )
                link.epoch = held.epoch

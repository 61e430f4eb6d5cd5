"""Composition root of the csms: what is made, in which order, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any

import structlog

from csms.config import Config
from csms.ingest import Ingest
from csms.jobs import Jobs
from csms.listeners import Listeners, open_listeners
from csms.ocpp.dispatch import Dispatch
from csms.ocpp.door import Door
from csms.ocpp.link import Link
from csms.ocpp.links import Links
from csms.ocpp.runner import Runner, hide_secrets
from csms.ocpp.server import OcppServer
from csms.say import Version
from csms.watch import LEASE, Watch
from db import changes, commands, embedded, links, partitions
from db.changes import Listener, Notifier
from db.connect import create_pool
from db.migrate import migrate
from db.model.stations import Station
from db.rows import Pool

log = structlog.get_logger()

_POOL_SIZE = 10
# Of those who come and go: however many they are, who is in has the others (reliability C25).
_DOOR_POOL_SIZE = 3
_ANSWER_S = 10.0  # at the end, for the CALLs that are being answered
_CLOSE_S = 5.0
_GOING_AWAY = 1001, "the server restarts"


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
    with open_listeners(config) as listeners:
        if listeners.certificates is not None:
            loop.add_signal_handler(signal.SIGHUP, listeners.certificates.reload)
        async with embedded.database(config.database) as url:
            await migrate(config.database.changes_url or url)
            async with running(config, url, listeners):
                # What start-up made stays; the collector need not look at it again and again.
                gc.collect()
                gc.freeze()
                gc.set_threshold(50_000, 20, 50)
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
async def running(config: Config, url: str, listeners: Listeners) -> AsyncIterator[None]:
    """The csms, serving on its ports, between two commits: nothing answered is lost at its end."""
    here = Links()
    async with (
        _pool(url, _POOL_SIZE) as pool,
        _pool(url, _DOOR_POOL_SIZE) as door_pool,
        _notifier(config.database.changes_url or url) as notifier,
    ):
        await _enter_node(config, pool, notifier)
        ingest = Ingest(url, notifier.changed)
        dispatch = Dispatch(config, pool, ingest, notifier)
        runner = Runner(config.node, pool, here, ingest, notifier)
        watch = Watch(config, pool, here, runner, notifier)
        listener = Listener(config.database.changes_url or url, watch.heard)

        def make_link(door: Door, station: Station, version: Version, epoch: int) -> Link:
            return Link(
                door,
                station,
                version,
                epoch,
                answer=dispatch.answer,
                log_message=ingest.log,
                call_timeout_s=config.call_timeout_s,
                send_timeout_s=config.send_timeout_s,
                certificate_name=door.certificate_name,
            )

        server = OcppServer(config, door_pool, here, notifier, make_link, watch.why_not_ready)
        works = [
            ingest.run(),
            listener.run(),
            runner.run(),
            watch.run(),
            Jobs(config, pool, notifier).run(),
        ]
        if listeners.certificates is not None:
            works.append(listeners.certificates.watch())
        tasks = [asyncio.create_task(work) for work in works]
        for task in tasks:
            task.add_done_callback(_died)
        try:
            listening = await server.listen(listeners)
            try:
                yield
            finally:
                # Still listening, for who asks whether we are ready; nobody else is let in.
                watch.is_stopping = server.is_stopping = True
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ANSWER_S):
                        await here.finish_all(*_GOING_AWAY)
                for each in listening:
                    each.close(close_connections=False)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_S):
                        await here.close_all(*_GOING_AWAY)
                        for each in listening:
                            await each.wait_closed()
                        await ingest.drain()
        finally:
            server.close()
            dispatch.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(Exception):  # else its lease runs out
                async with asyncio.timeout(2), pool.acquire() as conn:
                    await links.end_node(conn, config.node)


def _died(task: asyncio.Task[None]) -> None:
    """A background task never ends by itself: without it the process is of no use."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("task.died", error=repr(task.exception()), exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


@contextlib.asynccontextmanager
async def _pool(url: str, most: int) -> AsyncIterator[Pool]:
    pool = await create_pool(
        url,
        min_size=1,
        max_size=most,
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
        with contextlib.suppress(Exception):  # pages miss a change until their next poll
            await notifier.flush()


async def _enter_node(config: Config, pool: Pool, notifier: Notifier) -> None:
    """What an earlier process of this name held or had asked is over."""
    async with pool.acquire() as conn:
        async with conn.transaction():
            for parent in ("reading", "message"):
                await partitions.add_ahead(conn, parent, datetime.now(UTC).date())
        gone = await links.start_node(conn, config.node, LEASE)
        expired = await commands.expire_sent(conn, node=config.node)
        await hide_secrets(conn, expired)
    notifier.changed(
        *(changes.topic("station", station_id) for station_id in gone),
        *(commands.topic(command) for command in expired),
    )

"""`python -m portal` serves pages and API; with a noun it keeps tokens, accounts or the demo."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from csms import logs
from db.config import ConfigError
from db.embedded import database
from db.parent import END_WITH_PARENT, parent_gone
from portal import account_cli, tokens
from portal.app import listening, make_app, open_socket
from portal.config import Config
from portal.context import READINESS
from portal.demo import start

log = structlog.get_logger()


def main(words: Sequence[str]) -> int:
    arguments = _parser().parse_args(words)
    try:
        config = Config.from_env(os.environ)
        logs.setup(config.log_level, config.log_format)
        status: int
        if arguments.noun == "token":
            status = _run(tokens.run(config, arguments))
            return status
        if arguments.noun == "account":
            status = _run(account_cli.run(config, arguments))
            return status
        if arguments.noun == "demo":
            status = _run(start.run(config))
            return status
        _run(_serve(config, ends_with_parent=arguments.end_with_parent))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


async def _serve(config: Config, *, ends_with_parent: bool) -> None:
    """Until a signal, or the end of whoever started us; then requests that run may finish."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    serving = asyncio.create_task(_listen(config))
    waits: list[asyncio.Task[Any]] = [serving, asyncio.create_task(stop.wait())]
    if ends_with_parent:
        waits.append(asyncio.create_task(parent_gone()))
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    _, pending = await asyncio.wait(waits)
    assert not pending
    if not serving.cancelled() and (error := serving.exception()):
        raise error
    log.info("portal.stopped")


async def _listen(config: Config) -> None:
    with open_socket(config) as sock:
        async with database(config.database) as url:
            app = make_app(config, url)
            async with listening(app, sock):
                log.info("portal.listening", host=config.host, port=config.port)
                await app[READINESS].failed


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    try:
        from uvloop import run
    except ImportError:  # not made for every machine
        run = asyncio.run
    return run(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    parser.add_argument(END_WITH_PARENT, action="store_true", help=argparse.SUPPRESS)
    nouns = parser.add_subparsers(dest="noun", metavar="token|account|demo")
    verbs = nouns.add_parser("token", help="keep the API's tokens").add_subparsers(
        dest="verb", required=True
    )
    create = verbs.add_parser("create", help="make a token, and print it alone")
    create.add_argument("--name", required=True, help="who or what uses it")
    create.add_argument("--scope", choices=["admin"], required=True, help="what it may do")
    verbs.add_parser("list", help="all tokens, and when each was last used")
    revoke = verbs.add_parser("revoke", help="end a token at once")
    revoke.add_argument("token", metavar="NAME|ID")
    account_cli.add_verbs(nouns)
    nouns.add_parser("demo", help="load the demo into a database without chargers")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Connections and pools, with a sentence instead of a traceback when the address is wrong."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from db.rows import Pool
from db.settings import ConfigError

_T = TypeVar("_T")
CONNECT_S = 10.0
_STARTING_S = 60.0  # a server that recovers from a crash says "starting up" for a while


async def connect(url: str, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection. Raises ConfigError in words that whoever set DATABASE_URL can act on."""
    return await _with_words(url, lambda: asyncpg.connect(url, timeout=CONNECT_S, **options))


async def create_pool(url: str, *, min_size: int, max_size: int, **options: Any) -> Pool:
    """A pool whose first connections are made before it is returned; ConfigError as above."""

    async def made() -> Pool:
        pool = asyncpg.create_pool(
            url, min_size=min_size, max_size=max_size, timeout=CONNECT_S, **options
        )
        try:
            return await pool
        except BaseException:
            pool.terminate()
            raise

    return await _with_words(url, made)


async def _with_words(url: str, attempt: Callable[[], Awaitable[_T]]) -> _T:
    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            return await attempt()
        except asyncpg.CannotConnectNowError as error:
            if time.monotonic() > deadline:
                raise ConfigError(f"The database {where(url)} cannot serve: {error}.") from None
            await asyncio.sleep(0.2)
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise ConfigError(in_words(error, url)) from error


def where(url: str) -> str:
    """An address without its password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "of DATABASE_URL"
    at = f" on {host}" if host else ""
    return f"{parts.path.lstrip('/') or 'of DATABASE_URL'}{at}{f':{port}' if port else ''}"


def in_words(error: Exception, url: str) -> str:
    """What is wrong and what to do, for the errors that a wrong address gives."""
    match error:
        case asyncpg.InvalidCatalogNameError():
            return f"The database {where(url)} does not exist: create it, or correct DATABASE_URL."
        case asyncpg.InvalidAuthorizationSpecificationError():  # with the wrong password
            return f"The database {where(url)} refuses user or password: {error}."
        case asyncpg.TooManyConnectionsError():
            return f"The database {where(url)} has no connection left: raise max_connections."
        case ConnectionRefusedError() | FileNotFoundError():
            return f"No PostgreSQL answers for {where(url)}: start it, or correct DATABASE_URL."
        case socket.gaierror():
            return f"The host of {where(url)} is not known: correct DATABASE_URL."
        case TimeoutError():
            return f"The database {where(url)} did not answer within {CONNECT_S:.0f} s."
        case ssl.SSLError():
            return f"The database {where(url)} and we do not agree on TLS: {error}."
        case ValueError():  # with asyncpg.ClientConfigurationError
            return (
                "DATABASE_URL is not an address such as "
                f"postgresql://user:password@host:5432/database: {_without_secret(error, url)}."
            )
        case _:
            return f"The database {where(url)} cannot be used: {error}."


def _without_secret(error: Exception, url: str) -> str:
    said = str(error)
    return "it cannot be read" if url in said or "@" in said else said

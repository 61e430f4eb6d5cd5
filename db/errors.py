"""
What can go wrong when we ask the database, as one tree by who must act.

    StoreError          the database did not do what was asked
    ├── NotFound        no such row: the caller named something that does not exist
    ├── Conflict        the row exists already, or a rule of the schema forbids it
    └── StoreAway       the database is unreachable or the outcome unknown: ask again

asyncpg's own errors pass through unchanged; `is_away` tells which of them mean "ask again".
"""

import errno
import socket

import asyncpg


class StoreError(Exception):
    """The database did not do what was asked."""


class NotFound(StoreError):  # noqa: N818 - it reads as what happened
    """The row that was named does not exist."""


class Conflict(StoreError):  # noqa: N818 - it reads as what happened
    """The row exists already, or a rule of the schema forbids it."""


class StoreAway(StoreError):  # noqa: N818 - it reads as what happened
    """The database cannot be reached, or whether it committed is unknown: ask again."""


# Said by a server that cannot serve now, or by a connection that is lost.
_AWAY_SQL: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,  # class 08, with ConnectionDoesNotExistError
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # class 53: disk full, out of memory, no slot free
    asyncpg.PostgresIOError,
    asyncpg.ReadOnlySQLTransactionError,  # a fail-over left us on a standby
    asyncpg.InternalClientError,  # "cannot switch to state": the protocol was cut in mid-message
)

_AWAY_OS: tuple[type[OSError], ...] = (
    ConnectionError,
    FileNotFoundError,  # the unix socket of a server that is not up
    TimeoutError,
    socket.gaierror,
)

_AWAY_ERRNO = {
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ENETDOWN,
    errno.EHOSTDOWN,
    errno.ENOTCONN,
    errno.EAGAIN,  # the backlog of a unix socket is full
}


def is_away(error: BaseException) -> bool:
    """Whether the same question may be asked again later, because only the database was away."""
    match error:
        case StoreAway():
            return True
        case asyncpg.InterfaceError():
            # asyncpg has no class of its own for a connection or pool that was closed under us.
            return "clos" in str(error)
        case OSError():
            return isinstance(error, _AWAY_OS) or error.errno in _AWAY_ERRNO
        case _:
            return isinstance(error, _AWAY_SQL)

"""Which errors mean that the same may be asked again."""

from __future__ import annotations

import errno
import socket

import asyncpg
import pytest

from db.errors import Conflict, StoreAway, is_away


@pytest.mark.parametrize(
    "error",
    [
        StoreAway("away"),
        ConnectionRefusedError(),
        ConnectionResetError(),
        FileNotFoundError(errno.ENOENT, "no socket"),
        TimeoutError(),
        socket.gaierror(),
        OSError(errno.EHOSTUNREACH, "no way"),
        BlockingIOError(errno.EAGAIN, "the backlog is full"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.AdminShutdownError("terminated"),
        asyncpg.CrashShutdownError("crashed"),
        asyncpg.TooManyConnectionsError("full"),
        asyncpg.DiskFullError("full"),
        asyncpg.ReadOnlySQLTransactionError("a standby"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("pool is closing"),
    ],
    ids=repr,
)
def test_only_the_database_was_away(error: Exception) -> None:
    assert is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        Conflict("taken"),
        ValueError("a defect"),
        PermissionError(errno.EACCES, "not yours"),
        asyncpg.UniqueViolationError("twice"),
        asyncpg.CharacterNotInRepertoireError("0x00"),
        asyncpg.DeadlockDetectedError("met"),
        asyncpg.LockNotAvailableError("met"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.UndefinedTableError("never migrated"),
    ],
    ids=repr,
)
def test_to_ask_again_would_be_of_no_use(error: Exception) -> None:
    assert not is_away(error)

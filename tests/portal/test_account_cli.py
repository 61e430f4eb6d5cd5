"""`python -m portal account`, as an operator types it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from db import accounts, web_sessions
from db.rows import Pool
from portal import passwords
from tests.processes import ROOT

ADA = "ada@example.org"


async def portal(database_url: str, tmp_path: Path, *words: str, password: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "portal",
        "account",
        *words,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "DATA_DIR": str(tmp_path / "data"),
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate(f"{password}\n".encode())
    assert process.returncode is not None
    return process.returncode, told.decode()


async def test_an_account_is_made_once_and_its_password_changed(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    make = ("add", "--email", ADA, "--role", "admin", "--name", "Ada")
    assert await portal(database_url, tmp_path, *make, password="a few long words") == (
        0,
        f"{ADA} may sign in (admin).\n",
    )
    status, told = await portal(database_url, tmp_path, *make, password="a few long words")
    assert (status, told) == (2, f"{ADA} has an account already.\n")

    async with pool.acquire() as conn:
        account = await accounts.find_by_email(conn, ADA)
        assert account is not None
        await web_sessions.begin(conn, account, "token", remote_address=None, user_agent=None)
        change = ("set-password", "--email", ADA)
        status, _ = await portal(database_url, tmp_path, *change, password="other long words")
        assert status == 0
        assert await web_sessions.find(conn, "token") is None
        hash_ = await accounts.password_hash(conn, account.id)
    assert await passwords.verify(hash_, "other long words")


@pytest.mark.parametrize(
    ("words", "password", "told"),
    [
        (("add", "--email", ADA, "--role", "driver"), "short", "12 characters at least"),
        (
            ("add", "--email", "ada", "--role", "driver"),
            "a few long words",
            "Enter an e-mail address such as",
        ),
        (("set-password", "--email", ADA), "a few long words", "has no account"),
    ],
)
async def test_what_cannot_be_is_said_in_a_sentence(
    database_url: str, tmp_path: Path, words: tuple[str, ...], password: str, told: str
) -> None:
    status, said = await portal(database_url, tmp_path, *words, password=password)
    assert status == 2
    assert told in said
    assert "Traceback" not in said

"""Accounts from the command line: for the first administrator, and for a lost password."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from db import accounts, audit, mail_links, web_sessions
from db.config import ConfigError
from db.connect import connect
from db.embedded import database
from db.errors import Conflict
from db.migrate import migrate
from db.rows import Conn
from portal import passwords
from portal.config import Config
from portal.forms import Form

_ACTOR = "the command line"  # whoever may run it on this machine


def add_verbs(nouns: Any) -> None:
    verbs = nouns.add_parser("account", help="keep who may sign in").add_subparsers(
        dest="verb", required=True
    )
    add = verbs.add_parser("add", help="make an account; asks for its password")
    _add_email(add)
    add.add_argument("--role", choices=["driver", "admin"], required=True)
    add.add_argument("--name", help="as the pages show it")
    set_ = verbs.add_parser("set-password", help="a new password; signs out everywhere")
    _add_email(set_)


def _add_email(parser: ArgumentParser) -> None:
    parser.add_argument("--email", required=True)


async def run(config: Config, arguments: Namespace) -> int:
    """Raises ConfigError with what to change."""
    password = _password()
    async with database(config.database) as url:
        await migrate(url)
        conn = await connect(url)
        try:
            if arguments.verb == "add":
                await _add(conn, arguments, password)
            else:
                await _set_password(conn, arguments.email, password)
        finally:
            await conn.close(timeout=5)
    return 0


def _password() -> str:
    """Asked for on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("The same again: ") != password:
            raise ConfigError("The two are not the same.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if problem := passwords.problem(password):
        raise ConfigError(f"{problem}.")
    return password


async def _add(conn: Conn, arguments: Namespace, password: str) -> None:
    form = Form({"email": arguments.email, "name": arguments.name or ""})
    email = form.email("email")
    name = form.text("name", required=False, most=100)
    if email is None or name is None:
        raise ConfigError(". ".join([*form.errors.values(), ""]).strip())
    try:
        async with conn.transaction():
            account = await accounts.add(
                conn,
                email=email,
                name=name or None,
                role=arguments.role,
                password_hash=passwords.sync_hash(password),
            )
            await audit.add(
                conn,
                "account.added",
                actor=_ACTOR,
                subject=f"account:{account.id}",
                email=email,
                role=arguments.role,
            )
    except Conflict as error:
        raise ConfigError(f"{error}.") from None
    sys.stderr.write(f"{account.email} may sign in ({account.role}).\n")


async def _set_password(conn: Conn, email: str, password: str) -> None:
    account = await accounts.find_by_email(conn, email)
    if account is None:
        raise ConfigError(f"{email} has no account.")
    async with conn.transaction():
        await accounts.set_password(conn, account.id, passwords.sync_hash(password))
        await web_sessions.end_all(conn, account.id)
        await mail_links.end_all(conn, account.id)
        await audit.add(
            conn,
            "password.changed",
            actor=_ACTOR,
            subject=f"account:{account.id}",
            how="command line",
        )
    sys.stderr.write(f"{account.email} has the new password, and is signed out everywhere.\n")

"""API tokens from the command line: what is asked for on standard output, the rest beside it."""

from __future__ import annotations

import sys
from argparse import Namespace

from db import api_tokens
from db.config import ConfigError
from db.connect import connect
from db.embedded import database
from db.migrate import migrate
from db.rows import Conn
from portal.config import Config


async def run(config: Config, arguments: Namespace) -> int:
    async with database(config.database) as url:
        await migrate(url)
        conn = await connect(url)
        try:
            match arguments.verb:
                case "create":
                    return await _create(conn, arguments.name, arguments.scope)
                case "revoke":
                    return await _revoke(conn, arguments.token)
                case _:
                    return await _list(conn)
        finally:
            await conn.close(timeout=5)


async def _create(conn: Conn, name: str, scope: api_tokens.Scope) -> int:
    if not (name.isprintable() and name.strip() and len(name) <= 100):
        raise ConfigError("The name of a token has 1 to 100 printable characters.")
    token = api_tokens.make()
    row = await api_tokens.add(conn, name=name.strip(), scope=scope, token=token)
    _aside(f"Token {row.id} ({row.name}, {row.scope}) is made. It is shown only now:")
    sys.stdout.write(f"{token}\n")
    return 0


async def _revoke(conn: Conn, token: str) -> int:
    """A number is that of a token, unless there is none and it is a name."""
    is_number = token.isascii() and token.isdigit() and len(token) <= 18
    gone = await api_tokens.revoke(conn, id=int(token)) if is_number else []
    gone = gone or await api_tokens.revoke(conn, name=token)
    for row in gone:
        _aside(f"Token {row.id} ({row.name}) is revoked.")
    if not gone:
        _aside(f"No valid token has the name or number {token}.")
    return 0 if gone else 1


async def _list(conn: Conn) -> int:
    rows = await api_tokens.list_all(conn)
    if not rows:
        _aside("There is no token yet: python -m portal token create --name NAME --scope admin")
    for row in rows:
        used = f"used {row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at else "never used"
        ended = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else "valid"
        sys.stdout.write(
            f"{row.id}\t{row.name}\t{row.scope}\tmade {row.created_at:%Y-%m-%d %H:%M}"
            f"\t{used}\t{ended}\n"
        )
    return 0


def _aside(words: str) -> None:
    sys.stderr.write(f"{words}\n")

"""Bearer tokens of the API: only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from db.rows import Conn, columns, many, maybe, one

Scope = Literal["admin"]

#: Lets secret scanners, and people, tell our tokens from others.
PREFIX = "polaris_"
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiToken:
    id: int
    name: str
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


API_TOKEN = columns(ApiToken)


def make() -> str:
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def add(conn: Conn, *, name: str, scope: Scope, token: str) -> ApiToken:
    return await one(
        conn,
        ApiToken,
        f"""
        insert into api_token (name, scope, token_hash) values ($1, $2, $3)
        returning {API_TOKEN}
        """,
        name,
        scope,
        hash_of(token),
    )


async def find(conn: Conn, token: str) -> ApiToken | None:
    """The token that somebody presents, unless it was revoked."""
    return await maybe(
        conn,
        ApiToken,
        f"select {API_TOKEN} from api_token where token_hash = $1 and revoked_at is null",
        hash_of(token),
    )


async def list_all(conn: Conn) -> list[ApiToken]:
    return await many(conn, ApiToken, f"select {API_TOKEN} from api_token order by id")


async def revoke(conn: Conn, *, name: str | None = None, id: int | None = None) -> list[ApiToken]:
    """End every token of a name, or the one with a number; those that were still good."""
    return await many(
        conn,
        ApiToken,
        f"""
        update api_token set revoked_at = now()
        where revoked_at is null and (name = $1 or id = $2)
        returning {API_TOKEN}
        """,
        name,
        id,
    )


async def record_used(conn: Conn, ids: Sequence[int]) -> None:
    """At most once a minute each, however many processes heard it."""
    await conn.execute(
        """
        update api_token set last_used_at = now()
        where id = any($1) and (last_used_at is null or last_used_at < now() - interval '1 minute')
        """,
        ids,
    )

"""Lists of EV cards."""

from __future__ import annotations

from db.id_tokens import ID_TOKEN
from db.model.id_tokens import IdToken
from db.rows import Conn, many


async def list_page(
    conn: Conn, *, uid: str | None = None, before: int | None, limit: int
) -> list[IdToken]:
    """The newest first, from the first one older than `before`; of one uid, whatever its case."""
    of_uid = "and lower(uid) = lower($3)" if uid is not None else ""
    return await many(
        conn,
        IdToken,
        f"""
        select {ID_TOKEN} from id_token
        where id < coalesce($1::bigint, 9223372036854775807) {of_uid}
        order by id desc
        limit $2
        """,
        before,
        limit,
        *([uid] if uid is not None else []),
    )

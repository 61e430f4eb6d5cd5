"""What was said on the wire."""

from __future__ import annotations

from typing import Any

from db import messages
from db.messages import Message
from db.rows import Pool
from tests.portal.build import NOON


async def only_row(pool: Pool, table: str) -> dict[str, Any]:
    (row,) = await pool.fetch(f"select * from {table}")
    return {name: value for name, value in row.items() if name != "id"}


async def test_a_message_is_logged_to_the_byte(pool: Pool) -> None:
    said = Message(1, NOON, True, None, None, b"\x00\xff[2", None, None)
    async with pool.acquire() as conn:
        await messages.add_many(conn, [said])

    assert await only_row(pool, "message") == said._asdict()


async def test_what_is_in_quarantine_is_kept_to_the_byte(pool: Pool) -> None:
    kept: dict[str, Any] = {
        "station_id": 1,
        "received_at": NOON,
        "action": "MeterValues",
        "message_id": None,
        "body": b"\x00\xff",
        "problem": "odd",
        "session_id": 7,
    }
    async with pool.acquire() as conn:
        await messages.add_quarantine(conn, **kept)

    settled = dict.fromkeys(("looked_at", "settled_by", "note", "assigned_to", "applied_at"))
    assert await only_row(pool, "quarantine") == kept | settled

"""EV cards: found by uid whatever the case, taken over from strangers, never registered twice."""

from __future__ import annotations

import pytest

from db import id_token_lists, id_tokens
from db.errors import Conflict
from db.rows import Pool
from tests.portal import build
from tests.portal.build import NOON


async def test_a_card_is_found_in_all_its_types_whatever_its_case(pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = [
            await id_tokens.add(conn, uid="Ada-1", type=kind) for kind in ("ISO14443", "Central")
        ]
        await build.card(conn, "OMAR-1")

        assert await id_tokens.list_by_uid(conn, "ADA-1") == made
        assert await id_tokens.list_by_uid(conn, "ADA") == []


async def test_a_card_that_was_only_seen_is_taken_over_and_a_registered_one_is_not(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        for _ in "12":
            await id_tokens.record_seen(conn, uid="ada-1", type="Central")
        (seen,) = await id_tokens.list_by_uid(conn, "ADA-1")
        assert seen.status == "Unknown"

        made = await id_tokens.add(
            conn, uid="ADA-1", type="Central", group_uid="FAMILY", expires_at=NOON
        )
        assert (made.id, made.uid, made.status) == (seen.id, "ADA-1", "Accepted")
        assert (made.group_uid, made.expires_at) == ("FAMILY", NOON)

        with pytest.raises(Conflict, match="registered already"):
            await id_tokens.add(conn, uid="aDA-1", type="Central")
        await id_tokens.record_seen(conn, uid="ADA-1", type="Central")
        assert await id_tokens.list_by_uid(conn, "ADA-1") == [made]


@pytest.mark.parametrize("uid", ["", "A" * 256])
async def test_a_card_has_a_number_of_some_length(pool: Pool, uid: str) -> None:
    async with pool.acquire() as conn:
        with pytest.raises(Conflict, match="1 to 255"):
            await id_tokens.add(conn, uid=uid, type="Central")


async def test_every_decision_is_recorded_with_its_reason(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await id_tokens.record_decision(
            conn,
            station_id=1,
            at=NOON,
            uid="ADA-1",
            type="Central",
            purpose="start",
            status="Blocked",
            reason="card ADA-1 is blocked",
            session_id=7,
        )

        row = await conn.fetchrow("select * from authorization_decision")
        assert row is not None
        assert (row["status"], row["reason"], row["session_id"]) == (
            "Blocked",
            "card ADA-1 is blocked",
            7,
        )


async def test_cards_are_paged_the_newest_first(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for uid in ("A", "B", "a1", "C"):
            await build.card(conn, uid)

        first = await id_token_lists.list_page(conn, before=None, limit=3)
        rest = await id_token_lists.list_page(conn, before=first[-1].id, limit=3)
        named = await id_token_lists.list_page(conn, uid="A1", before=None, limit=3)

        assert [card.uid for card in first + rest] == ["C", "a1", "B", "A"]
        assert [card.uid for card in named] == ["a1"]

"""EV cards over the API."""

from __future__ import annotations

from typing import Any

from db import id_tokens
from db.rows import Pool
from tests.portal import build
from tests.portal.conftest import Api

CARDS = "/api/v1/id-tokens"


async def test_a_card_is_registered(api: Api) -> None:
    answer = await api.post(CARDS, {"uid": "ADA-1", "type": "ISO14443"})

    assert answer.status == 201
    assert answer.body.pop("created_at").endswith("Z")
    assert answer.body == {
        "id": 1,
        "uid": "ADA-1",
        "type": "ISO14443",
        "status": "Accepted",
        "expires_at": None,
        "group": None,
    }


async def test_a_card_is_registered_with_all_that_it_may_have(api: Api) -> None:
    body = {
        "uid": "ADA-1",
        "type": "Central",
        "status": "Blocked",
        "expires_at": "2030-01-01T02:00:00+02:00",
        "group": "FLEET",
    }
    answer = await api.post(CARDS, body)

    assert answer.status == 201
    assert answer.body["expires_at"] == "2030-01-01T00:00:00Z"
    assert (answer.body["group"], answer.body["status"]) == ("FLEET", "Blocked")


async def test_a_uid_is_registered_once_whatever_its_case(api: Api) -> None:
    await api.post(CARDS, {"uid": "ADA-1", "type": "Central"})

    assert (await api.post(CARDS, {"uid": "ada-1", "type": "Central"})).status == 409
    assert (await api.post(CARDS, {"uid": "ADA-1", "type": "ISO14443"})).status == 201


async def test_a_card_that_was_only_seen_can_be_registered(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        await id_tokens.record_seen(conn, uid="ada-1", type="Central")

    answer = await api.post(CARDS, {"uid": "ADA-1", "type": "Central"})

    assert answer.status == 201
    assert (answer.body["uid"], answer.body["status"]) == ("ADA-1", "Accepted")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"uid": ""}, "uid"),
    ({"uid": "x" * 256}, "uid"),
    ({"uid": " x"}, "uid"),
    ({"uid": "a\nb"}, "uid"),
    ({"uid": 7}, "uid"),
    ({"type": "RFID"}, "type"),
    ({"type": None}, "type"),
    ({"status": "Unknown"}, "status"),
    ({"status": "blocked"}, "status"),
    ({"expires_at": "tomorrow"}, "expires_at"),
    ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
    ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
    ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
    ({"expires_at": "2030-02-30T00:00:00Z"}, "expires_at"),
    ({"group": ""}, "group"),
    ({"group": "\t"}, "group"),
    ({"account": 1}, "account"),
]


async def test_a_card_that_cannot_be_is_refused(api: Api, pool: Pool) -> None:
    for change, field in REFUSED:
        answer = await api.post(CARDS, {"uid": "ADA-1", "type": "Central"} | change)

        assert answer.status == 422, change
        assert answer.fields == [field], change
        assert await pool.fetchval("select count(*) from id_token") == 0


async def test_cards_are_listed_the_newest_first(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        for number in range(5):
            await build.card(conn, f"ADA-{number}")
        await build.card(conn, "ada-3", type="Central")

    assert [card["uid"] for card in await api.walk(f"{CARDS}?limit=2")] == [
        "ada-3",
        "ADA-4",
        "ADA-3",
        "ADA-2",
        "ADA-1",
        "ADA-0",
    ]
    assert [card["uid"] for card in await api.walk(f"{CARDS}?uid=Ada-3&limit=1")] == [
        "ada-3",
        "ADA-3",
    ]
    assert (await api.get(f"{CARDS}?uid=%00")).status == 422
    assert (await api.get(f"{CARDS}?uid=nobody")).body == {"items": [], "next_cursor": None}

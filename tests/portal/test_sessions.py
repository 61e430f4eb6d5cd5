"""Sessions over the API: the few that run merged with the many that ended."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from db import session_lists, session_live
from db.rows import Pool
from tests.portal import build
from tests.portal.build import NOON
from tests.portal.conftest import Api

SESSIONS = "/api/v1/sessions"


async def test_a_finished_session_is_shown(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn)
        made = await build.session(
            conn, of, flags=["b_flag", "a_flag"], updated_at=NOON + timedelta(microseconds=123_456)
        )
    answer = await api.get(f"{SESSIONS}/{made.id}")

    assert answer.status == 200
    assert answer.body == {
        "id": made.id,
        "transaction_id": str(made.id),
        "station": "CP-1",
        "evse": 1,
        "connector": 1,
        "id_token": "ADA-1",
        "started_at": "2026-03-01T11:00:00Z",
        "ended_at": "2026-03-01T12:00:00Z",
        "energy_wh": 2500,
        "is_finalized": True,
        "stop_reason": "Local",
        "updated_at": "2026-03-01T12:00:00.123Z",
        "flags": ["a_flag", "b_flag"],
    }


@pytest.mark.parametrize(
    ("live_wh", "shown_wh"), [("0", 0), ("10.5", 11), ("10.49", 10), ("0.5", 1)]
)
async def test_a_running_session_shows_its_live_figures(
    api: Api, pool: Pool, live_wh: str, shown_wh: int
) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn)
        made = await build.session(conn, of, running=True, live_wh=live_wh)
    shown = (await api.get(f"{SESSIONS}/{made.id}")).body

    assert type(shown["energy_wh"]) is int
    assert shown["energy_wh"] == shown_wh
    assert shown["updated_at"] == "2026-03-01T12:00:00Z"
    assert (await api.get(SESSIONS)).body["items"] == [shown]


async def test_energy_that_is_not_known_is_null(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.session(conn, await build.station(conn), energy_wh=None)

    assert (await api.get(f"{SESSIONS}/{made.id}")).body["energy_wh"] is None


UNKNOWN = ["999", "0", "-1", "1e3", "abc", "1%20OR%201=1", "%00", "1.0", "%D9%A1"]
UNKNOWN += [str(2**63), "9" * 40]


async def test_an_unknown_session_is_always_the_same_404(api: Api) -> None:
    for number in UNKNOWN:
        answers = [
            await api.get(f"{SESSIONS}/{number}"),
            await api.get(f"{SESSIONS}/{number}/readings"),
            await api.post(f"{SESSIONS}/{number}/stop"),
        ]

        assert {answer.status for answer in answers} == {404}
        assert {answer.body["detail"] for answer in answers} == {"No such session."}


async def test_five_hundred_sessions_are_each_listed_once_in_order(api: Api, pool: Pool) -> None:
    expected = await _five_hundred(pool)

    listed = await api.walk(f"{SESSIONS}?limit=37")

    assert [item["id"] for item in listed] == expected


async def test_a_session_that_moves_while_paging_is_not_listed_twice(api: Api, pool: Pool) -> None:
    expected = await _five_hundred(pool)
    page = (await api.get(f"{SESSIONS}?limit=100")).body
    listed = [item["id"] for item in page["items"]]
    seen, unseen = await _one_running_of_each(pool, listed)
    # Both hear a reading: they are now the newest, above whatever comes next.
    async with pool.acquire() as conn:
        for session_id in (seen, unseen):
            live = await session_live.find(conn, *await _key(pool, session_id))
            assert live is not None
            live.updated_at = NOON + timedelta(days=1)
            await session_live.save(conn, [live])
    while page["next_cursor"]:
        page = (await api.get(f"{SESSIONS}?limit=100&cursor={page['next_cursor']}")).body
        listed += [item["id"] for item in page["items"]]

    assert listed == [number for number in expected if number != unseen]
    newest = (await api.get(f"{SESSIONS}?limit=2")).body["items"]
    assert {item["id"] for item in newest} == {seen, unseen}


async def test_a_session_that_ends_while_paging_is_not_listed_twice(api: Api, pool: Pool) -> None:
    expected = await _five_hundred(pool)
    page = (await api.get(f"{SESSIONS}?limit=100")).body
    listed = [item["id"] for item in page["items"]]
    seen, _ = await _one_running_of_each(pool, listed)
    async with pool.acquire() as conn:
        await session_live.end(conn, *await _key(pool, seen))
        await conn.execute(
            "update charging_session set is_finalized = true, updated_at = $2 where id = $1",
            seen,
            NOON + timedelta(days=1),
        )
    while page["next_cursor"]:
        page = (await api.get(f"{SESSIONS}?limit=100&cursor={page['next_cursor']}")).body
        listed += [item["id"] for item in page["items"]]

    assert listed == expected


FILTERS: list[tuple[str, list[int]]] = [
    ("", [0, 1, 2, 3]),
    ("?status=all", [0, 1, 2, 3]),
    ("?status=active", [1, 3]),
    ("?status=completed", [0, 2]),
    ("?status=nonsense", [0, 1, 2, 3]),
    ("?station=CP-2", [2, 3]),
    ("?station=cp-2", []),
    ("?station=nobody", []),
    ("?station=", [0, 1, 2, 3]),
    ("?id_token=ADA-1", [0, 3]),
    ("?id_token=ada-1", [0, 3]),
    ("?id_token=nobody", []),
    ("?id_token=%27%20OR%201=1", []),
    ("?station=CP-2&id_token=ADA-1&status=active", [3]),
    ("?station=CP-2&id_token=ADA-1&status=completed", []),
    ("?unknown=1", [0, 1, 2, 3]),
]


async def test_sessions_are_filtered(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        one, two = await build.station(conn, "CP-1"), await build.station(conn, "CP-2")
        made = [
            await build.session(conn, of, running=running, id_token=card, updated_at=at)
            for of, running, card, at in [
                (one, False, "ADA-1", NOON - timedelta(seconds=0)),
                (one, True, "BOB-1", NOON - timedelta(seconds=1)),
                (two, False, None, NOON - timedelta(seconds=2)),
                (two, True, "ADA-1", NOON - timedelta(seconds=3)),
            ]
        ]
    for query, expected in FILTERS:
        for limit in (1, 50):
            path = f"{SESSIONS}{query}{'&' if query else '?'}limit={limit}"
            listed = [item["id"] for item in await api.walk(path)]

            assert listed == [made[place].id for place in expected], query


@pytest.mark.parametrize("name", ["station", "id_token"])
@pytest.mark.parametrize("value", ["%00", "a%00b"])
async def test_a_filter_that_nobody_can_ask_is_refused(api: Api, name: str, value: str) -> None:
    answer = await api.get(f"{SESSIONS}?{name}={value}")

    assert answer.status == 422
    assert answer.fields == [name]


async def test_a_long_filter_is_answered(api: Api) -> None:
    assert (await api.get(f"{SESSIONS}?id_token={'x' * 7000}")).body["items"] == []


async def test_the_finished_are_found_by_an_index(pool: Pool) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn)
        await conn.execute(
            """
            insert into charging_session (station_id, family, transaction_id, started_at,
                start_received_at, is_finalized, updated_at, id_token)
            select $1, 'v16', n::text, $2, $2, true,
                $2::timestamptz + n * interval '1 second', 'CARD-' || n % 500
            from generate_series(1, 20000) n
            """,
            of.id,
            NOON,
        )
        await conn.execute("analyze charging_session")
        plans: list[str] = []

        class Explaining:
            async def fetch(self, sql: str, *values: Any) -> list[Any]:
                records = await conn.fetch(f"explain {sql}", *values)
                plans.append("\n".join(record[0] for record in records))
                return []

        asked: Any = Explaining()
        place = (NOON + timedelta(hours=2), 7)
        await session_lists.list_page(asked, before=place, limit=50)
        await session_lists.list_page(asked, station_id=of.id, before=place, limit=50)
        await session_lists.list_page(asked, id_token="card-7", before=place, limit=50)

    for plan in plans:
        assert "Seq Scan on charging_session" not in plan, plan
    assert "charging_session_token" in plans[2]


async def _five_hundred(pool: Pool) -> list[int]:
    """Mixed, some of them with the same time; the numbers in the order that a list has."""
    seed = random.randrange(10**6)
    print("seed", seed)
    dice = random.Random(seed)
    made = []
    async with pool.acquire() as conn, conn.transaction():
        of = [await build.station(conn, f"CP-{number}") for number in range(3)]
        for _ in range(500):
            at = NOON - timedelta(seconds=dice.randrange(200), microseconds=dice.randrange(3))
            running = dice.random() < 0.2
            row = await build.session(conn, dice.choice(of), running=running, updated_at=at)
            made.append((at, row.id))
    return [number for _, number in sorted(made, reverse=True)]


async def _one_running_of_each(pool: Pool, listed: list[int]) -> tuple[int, int]:
    """Of the running sessions, one that was listed and one that was not yet."""
    numbers = [row[0] for row in await pool.fetch("select session_id from session_live")]
    seen = next(number for number in numbers if number in listed)
    return seen, next(number for number in numbers if number not in listed)


async def _key(pool: Pool, session_id: int) -> tuple[int, int]:
    row = await pool.fetchrow(
        "select station_id, id from charging_session where id = $1", session_id
    )
    assert row
    return row["station_id"], row["id"]

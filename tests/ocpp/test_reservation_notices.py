"""Who had a reservation hears once that the charger let it go (OCPP 2.0.1 H04)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from db import changes
from db.rows import Pool
from tests.ocpp.conftest import until
from tests.ocpp.reporting import reporter
from tests.portal.browser import add_person
from tests.wire import Charger


async def reserve(pool: Pool, account_id: int, *, evse: int | None, since: str = "1 hour") -> int:
    number: int = await pool.fetchval(
        """
        insert into reservation (station_id, evse, account_id, starts_at, ends_at)
        select id, $1, $2, now() - $3::text::interval, now() + interval '1 hour' from station
        returning id
        """,
        evse,
        account_id,
        since,
    )
    return number


async def let_go(cp: Charger, number: int, word: str) -> None:
    said = {"reservationId": number, "reservationUpdateStatus": word}
    assert await cp.call("ReservationStatusUpdate", said) == {}


async def told(pool: Pool) -> list[Any]:
    return [tuple(row) for row in await pool.fetch("select account_id, title, body from notice")]


RAN_OUT = "Your reservation ran out", "nobody began to charge in time."
GONE = "Your reservation is gone", "the charger does not hold it for you any more."


@pytest.mark.parametrize(
    ("version", "word", "title", "why", "evse", "place"),
    [
        ("2.0.1", "Expired", *RAN_OUT, None, "CP-1"),
        ("2.0.1", "Removed", *GONE, 2, "CP-1, connector 2"),
        ("2.1", "Expired", *RAN_OUT, 2, "CP-1, connector 2"),
        ("2.1", "Removed", *GONE, None, "CP-1"),
        ("2.1", "NoTransaction", *RAN_OUT, None, "CP-1"),
    ],
)
async def test_the_driver_is_told_once(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    version: str,
    word: str,
    title: str,
    why: str,
    evse: int | None,
    place: str,
) -> None:
    async with reporter(database_url, tmp_path, version) as cp:
        ada = await add_person(pool, "ada@example.org")
        await pool.execute("insert into evse (station_id, evse) select id, 2 from station")
        number = await reserve(pool, ada.id, evse=evse)
        for said in (word, word, "Removed", "Expired"):
            await let_go(cp, number, said)

    assert await told(pool) == [(ada.id, title, f"{place}: {why}")]


async def test_a_reservation_that_was_cancelled_or_is_to_come_tells_nobody(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with reporter(database_url, tmp_path) as cp:
        ada = await add_person(pool, "ada@example.org")
        cancelled = await reserve(pool, ada.id, evse=None)
        await pool.execute("update reservation set status = 'cancelled'")
        to_come = await reserve(pool, ada.id, evse=None, since="-30 minutes")
        for number in (cancelled, to_come, 4711):
            await let_go(cp, number, "Removed")

    assert await told(pool) == []


async def test_the_bell_of_its_driver_hears_of_it(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    heard: list[str] = []
    async with reporter(database_url, tmp_path) as cp, pool.acquire() as conn:
        ada = await add_person(pool, "ada@example.org")
        number = await reserve(pool, ada.id, evse=None)

        def hear(*said: object) -> None:
            heard.append(str(said[-1]))

        async def is_told() -> bool:
            return f"notices@{ada.id}" in " ".join(heard).split()

        await conn.add_listener(changes.CHANNEL, hear)
        await let_go(cp, number, "Expired")
        await until(is_told)
        await conn.remove_listener(changes.CHANNEL, hear)

"""The admin's reservations: the form, what it refuses, and what others then read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from db.rows import Pool
from tests.portal.browser import Browser, Shown, add_person, signed_in
from tests.portal.conftest import Api
from tests.wire import add_station

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"
PAGE = "/admin/reservations/new"
HTMX = {"HX_Request": "true"}


@pytest.fixture
async def desk(api: Api, pool: Pool, database_url: str) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    await add_person(pool, ADA)
    await add_person(pool, GRACE)
    station = await add_station(database_url, "CP-1")
    await pool.execute(
        """
        with site as (
            insert into site (name, zone) values ('Harbour', 'Europe/Amsterdam') returning id
        )
        update station set name = 'Quay 1', site_id = (select id from site), last_seen_at = now()
        """
    )
    await pool.execute(
        "insert into evse select $1, * from generate_series(1, 2)",
        station.id,
    )
    await pool.execute(
        """
        insert into connector (station_id, evse, connector, type, status, reported)
        select $1, evse, 1, 'CCS', 'Available', 'Available' from generate_series(1, 2) evse
        """,
        station.id,
    )
    async with signed_in(api.port, OMAR) as page:
        yield page


async def reserve(
    desk: Browser, pool: Pool, start: str, end: str, *, who: str = ADA, evse: str = ""
) -> Shown:
    station = await pool.fetchval("select id from station")
    driver = await pool.fetchval("select id from account where email = $1", who)
    fields = {"place": f"{station}{evse}", "driver": str(driver), "start": start, "end": end}
    return await desk.post(PAGE, fields, page=PAGE)


async def test_times_are_those_of_the_chargers_site(desk: Browser, pool: Pool) -> None:
    shown = await reserve(desk, pool, "2027-07-01T18:00", "2027-07-01T19:30")

    assert "1 Jul 2027, 18:00 to 19:30" in shown.text
    row = await pool.fetchrow("select starts_at, evse, status::text from reservation")
    assert row is not None
    assert tuple(row) == (datetime(2027, 7, 1, 16, tzinfo=UTC), None, "confirmed")
    audit = await pool.fetchrow("select actor, subject from audit where action like 'reserv%'")
    assert tuple(audit or ()) == (OMAR, "reservation:1")
    told = await pool.fetchval("select body from notice")
    assert told == "Quay 1, 1 Jul 2027, 18:00 to 19:30."


async def test_a_conflict_is_refused_in_words_and_nothing_is_written(
    desk: Browser, pool: Pool
) -> None:
    await reserve(desk, pool, "2027-07-01T18:00", "2027-07-01T19:30", evse=":1")

    other = await reserve(desk, pool, "2027-07-01T19:00", "2027-07-01T20:00", who=GRACE)
    beside = await reserve(desk, pool, "2027-07-01T19:30", "2027-07-01T20:00", who=GRACE)

    assert other.status == 422
    assert (
        "Quay 1, connector 1 is reserved for ada, 1 Jul 2027, 18:00 to 19:30. "
        "Choose another time or place" in other.text
    )
    assert 'value="2027-07-01T19:00"' in other.text
    assert beside.path == "/admin/reservations"
    assert await pool.fetchval("select count(*) from reservation") == 2
    assert await pool.fetchval("select count(*) from audit where action = 'reservation.added'") == 2


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2027-07-01T18:00", "2027-07-01T18:00", "Choose an end that is after the start"),
        ("2026-01-01T18:00", "2026-01-01T19:00", "Choose an end that is still to come"),
        ("2027-07-01T18:00", "2027-07-09T18:00", "7 days at most"),
        ("2031-07-01T18:00", "2031-07-01T19:00", "within the next year"),
        ("2027-03-28T02:30", "2027-03-28T04:00", "leave this time out"),
        ("tomorrow", "2027-03-28T04:00", "Enter a date and a time"),
        ("", "", "Enter the start"),
    ],
)
async def test_times_that_make_no_sense_are_said_to_be_so(
    desk: Browser, pool: Pool, start: str, end: str, words: str
) -> None:
    shown = await reserve(desk, pool, start, end)

    assert shown.status == 422
    assert words in shown.text
    assert await pool.fetchval("select count(*) from reservation") == 0


async def test_a_charger_for_members_is_not_held_for_somebody_else(
    desk: Browser, pool: Pool
) -> None:
    await pool.execute("update site set is_members_only = true")

    refused = await reserve(desk, pool, "2027-07-01T18:00", "2027-07-01T19:00")
    await pool.execute("insert into site_member select site.id, account.id from site, account")
    allowed = await reserve(desk, pool, "2027-07-01T18:00", "2027-07-01T19:00")

    assert "this driver is none" in refused.text
    assert "is reserved for ada" in allowed.text


async def test_a_cancelled_one_is_told_to_its_driver_and_frees_the_place(
    desk: Browser, pool: Pool
) -> None:
    await reserve(desk, pool, "2027-07-01T18:00", "2027-07-01T19:00")

    done = await desk.post("/admin/reservations/1/cancel", {}, page=PAGE)
    again = await desk.post("/admin/reservations/1/cancel", {}, page=PAGE)
    gone = await desk.post("/admin/reservations/77/cancel", {}, page=PAGE)

    assert "The reservation of ada is cancelled." in done.text
    assert "It was over or cancelled already." in again.text
    assert gone.status == 404
    kinds = await pool.fetch("select kind from notice order by id")
    assert [row["kind"] for row in kinds] == ["reservation.added", "reservation.cancelled"]
    assert "cancelled" in (await desk.get("/admin/reservations")).text
    assert (await reserve(desk, pool, "2027-07-01T18:00", "2027-07-01T19:00", who=GRACE)).path == (
        "/admin/reservations"
    )


async def test_it_holds_for_others_from_its_start_to_its_end_and_not_for_its_holder(
    api: Api, desk: Browser, pool: Pool
) -> None:
    now = datetime.now(UTC)
    await pool.execute(
        """
        insert into reservation (station_id, account_id, starts_at, ends_at)
        select station.id, account.id, $1, $2 from station, account where email = 'ada@example.org'
        """,
        now - timedelta(hours=1),
        now + timedelta(hours=1),
    )
    await pool.execute("insert into node values ('test', now(), now() + interval '1 h')")
    await pool.execute(
        "insert into link (station_id, node, ocpp_version) select id, 'test', '1.6' from station"
    )
    public_id = await pool.fetchval("select public_id from station")
    async with signed_in(api.port, ADA) as ada, signed_in(api.port, GRACE) as grace:
        mine = await ada.get(f"/chargers/{public_id}/card", **HTMX)
        others = await grace.get(f"/chargers/{public_id}/card", **HTMX)
        counts = [(await page.get("/chargers/online", **HTMX)).text for page in (ada, grace)]
        await pool.execute("update reservation set ends_at = now()")
        after = await grace.get(f"/chargers/{public_id}/card", **HTMX)

    assert "Online, reserved for you" in mine.text
    assert "It is reserved for you until" in mine.text
    assert "Reserved" in others.text
    assert "Online" not in others.text
    assert "It is held for someone until" in others.text
    assert "ada" not in others.text
    assert "1 available now" in counts[0]
    assert "None available now" in counts[1]
    assert "Reserved" not in after.text

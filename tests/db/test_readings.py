"""Readings of a session, in order and once, and the hours that they add up to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from db import readings
from db.model.readings import Reading, decode_samples
from db.rows import Pool
from tests.portal import build
from tests.portal.build import NOON

MINUTE = timedelta(minutes=1)


def row(station_id: int, minute: int, session_id: int | None, evse: int = 1) -> Reading:
    at = NOON + minute * MINUTE
    key = minute.to_bytes(4, "big", signed=True)
    return Reading(
        station_id,
        at,
        key,
        at,
        None,
        session_id,
        evse,
        1,
        None,
        None,
        minute,
        None,
        None,
        b"[]",
        "",
    )


async def test_what_is_new_is_said_and_what_is_known_is_not_kept_again(pool: Pool) -> None:
    async with pool.acquire() as conn:
        one, two = row(1, 1, 7), row(1, 2, 7)

        assert await readings.add_many(conn, [one]) == {(1, one.fingerprint)}
        assert await readings.add_many(conn, [one, two, two]) == {(1, two.fingerprint)}
        # Another station's is another one.
        other = one._replace(station_id=2)
        assert await readings.add_many(conn, [other]) == {(2, one.fingerprint)}
        assert await readings.add_many(conn, []) == set()


async def test_an_unset_clock_makes_a_repeat_within_two_days(pool: Pool) -> None:
    async with pool.acquire() as conn:
        unset = row(1, 1, 7)._replace(flags="clock_unset")
        assert len(await readings.add_many(conn, [unset])) == 1
        for days, is_new in [(1, False), (3, True)]:
            later = unset._replace(at=unset.at + timedelta(days=days))
            assert bool(await readings.add_many(conn, [later])) == is_new


async def test_the_series_of_a_session_is_in_the_order_of_the_chargers_clock(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = await build.session(conn, station)
        await build.measure(conn, made, [10, 20], at=NOON)
        await readings.add_many(
            conn, [row(station.id, 30, made.id), row(station.id, 5, 99), row(station.id, -9_000, 7)]
        )

        moments = await readings.list_moments(
            conn, station.id, made.id, started_at=made.started_at, ended_at=NOON
        )

        assert [moment.at for moment in moments] == [NOON, NOON + MINUTE, NOON + 30 * MINUTE]
        assert [sample.value for sample in moments[1].samples] == [Decimal("7200.50"), 20]
        assert decode_samples(b"[]") == moments[2].samples == []


async def test_readings_of_an_evse_are_given_to_the_session_that_they_turn_out_to_be_of(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        rows = [row(1, 1, None), row(1, 2, None), row(1, 3, 9), row(1, 4, None, 2), row(1, 9, None)]
        await readings.add_many(conn, rows)

        count = await readings.attach(
            conn, 1, evse=1, session_id=7, started_at=NOON, since=NOON, until=NOON + 4 * MINUTE
        )

        assert count == (2, [])
        found = await conn.fetch("select session_id from reading order by at")
        assert [each["session_id"] for each in found] == [7, 7, 9, None, None]


async def test_hours_add_up_per_station_and_nothing_is_written_for_nothing(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await readings.add_energy(conn, [(1, NOON, Decimal(0)), (2, NOON, Decimal(5))])
        await readings.add_energy(
            conn,
            [
                (2, NOON + 59 * MINUTE, Decimal("0.5")),
                (2, NOON + 60 * MINUTE, Decimal(7)),
                (1, NOON, Decimal(3)),
                (1, NOON, Decimal(-3)),
                (2, NOON, Decimal(-2)),
            ],
        )

        found = await conn.fetch("select * from energy_hourly order by station_id, hour")
        assert [tuple(each) for each in found] == [
            (2, NOON, Decimal("3.5")),
            (2, NOON + 60 * MINUTE, Decimal(7)),
        ]


async def test_a_page_of_readings_goes_on_where_the_last_one_ended(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = await build.session(conn, station)
        await build.measure(conn, made, [10, None, 30])
        page = {"started_at": made.started_at, "until": NOON}

        first = await readings.list_page(conn, station.id, made.id, after=None, limit=2, **page)
        place = first[-1].at, first[-1].received_at, first[-1].fingerprint
        rest = await readings.list_page(conn, station.id, made.id, after=place, limit=2, **page)

        assert [each.energy_wh for each in first + rest] == [10, None, 30]
        # The last register that was said, up to that place.
        assert (
            await readings.register_until(
                conn, station.id, made.id, started_at=made.started_at, place=place
            )
            == 10
        )

"""Which running sessions are in doubt, and what is known beside them."""

from __future__ import annotations

from datetime import timedelta

from db import session_doubts, stations
from db.model.sessions import EndSigns
from db.rows import Pool
from db.stations import StatusReport
from tests.portal import build
from tests.portal.build import NOON

HOUR = timedelta(hours=1)


async def test_doubtful_sessions_are_found_for_the_rules_to_judge(pool: Pool) -> None:
    async with pool.acquire() as conn:
        found = {}
        cases = ("heard", "silent", "booted", "booted before", "free", "free before", "old")
        for identity in cases:
            station = await build.station(conn, identity)
            made = await build.session(
                conn,
                station,
                running=True,
                evse=1,
                started_at=NOON - (3 if identity == "old" else 1) * HOUR,
                updated_at=NOON - (3 * HOUR if identity == "silent" else timedelta(0)),
            )
            found[identity] = (station.id, made.id)
            since = NOON + timedelta(seconds=-1 if "before" in identity else 1)
            if identity.startswith("booted"):
                await stations.record_boot(
                    conn,
                    station.id,
                    vendor=None,
                    model=None,
                    serial_number=None,
                    firmware=None,
                    booted_at=since,
                )
                signs = await session_doubts.signs(conn, made)
                assert signs == EndSigns(booted_at=since, boots_since=since)
            if identity.startswith("free"):
                free = StatusReport(station.id, 1, 1, "Available", "Available", None, since, since)
                await stations.record_statuses(conn, [free])
                signs = await session_doubts.signs(conn, made)
                assert signs == EndSigns(free_since=since, free_at=since)
        doubtful = await session_doubts.list_doubtful(
            conn, now=NOON + timedelta(minutes=1), silent_for=2 * HOUR, fresh=2 * HOUR
        )

    assert sorted(doubtful) == [found[case] for case in ("silent", "booted", "free", "old")]


async def test_a_register_of_just_now_is_no_history(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = await build.session(conn, station, running=True, started_at=NOON - 3 * HOUR)

        for register_at, listed in ((NOON - HOUR, [(station.id, made.id)]), (NOON, [])):
            await conn.execute("update session_live set register_at = $1", register_at)
            assert listed == await session_doubts.list_doubtful(
                conn, now=NOON, silent_for=HOUR, fresh=HOUR / 2
            )


async def test_an_evse_is_free_when_each_of_its_connectors_is(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = await build.session(conn, station, running=True, evse=1)
        nowhere = await build.session(conn, station, running=True, evse=None)
        nothing = EndSigns()
        assert await session_doubts.signs(conn, made) == nothing
        for connector, status in ((1, "Available"), (2, "Occupied")):
            at = NOON + connector * HOUR
            said = StatusReport(station.id, 1, connector, status, status, None, at, at)  # type: ignore[arg-type]
            await stations.record_statuses(conn, [said])
        assert await session_doubts.signs(conn, made) == nothing

        at = NOON + 3 * HOUR
        free = StatusReport(station.id, 1, 2, "Available", "Available", None, at - HOUR, at)
        await stations.record_statuses(conn, [free])
        signs = await session_doubts.signs(conn, made)
        assert signs == EndSigns(free_since=at, free_at=at - HOUR)
        assert await session_doubts.signs(conn, nowhere) == nothing


async def test_the_first_session_that_began_later_on_the_evse_is_known(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        began = NOON - 9 * HOUR
        made = await build.session(conn, station, running=True, evse=1, started_at=began)
        for evse, after in ((1, -1), (1, 0), (2, 1), (1, 3), (1, 2)):
            await build.session(conn, station, evse=evse, started_at=began + after * HOUR)

        signs = await session_doubts.signs(conn, made)

    assert signs == EndSigns(next_started_at=began + 2 * HOUR)


async def test_a_station_can_be_asked_while_it_is_here_and_accepted(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        made = await build.session(conn, station, running=True)
        await build.connect(conn, station, "2.0.1")
        assert (await session_doubts.signs(conn, made)).can_be_asked

        await conn.execute("update station set registration = 'Pending'")
        assert not (await session_doubts.signs(conn, made)).can_be_asked

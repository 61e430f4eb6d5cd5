"""Readings of a session over the API."""

from __future__ import annotations

from datetime import timedelta

from db.rows import Pool
from tests.portal import build
from tests.portal.build import NOON
from tests.portal.conftest import Api


async def test_a_reading_is_shown_in_full(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.session(conn, await build.station(conn))
        await build.measure(conn, made, [1000])
    page = (await api.get(f"/api/v1/sessions/{made.id}/readings")).body

    assert page == {
        "items": [
            {
                "at": "2026-03-01T12:00:00Z",
                "received_at": "2026-03-01T12:00:01Z",
                "context": "Sample.Periodic",
                "energy_wh": 1000,
                "delta_wh": None,
                "power_w": 7200,
                "soc_pct": 55.5,
                "samples": [
                    {
                        "measurand": "Power.Active.Import",
                        "value": 7200.5,
                        "unit": "W",
                        "phase": None,
                        "location": "Outlet",
                        "context": "Sample.Periodic",
                        "format": "Raw",
                    },
                    {
                        "measurand": "Energy.Active.Import.Register",
                        "value": 1000,
                        "unit": "Wh",
                        "phase": None,
                        "location": "Outlet",
                        "context": "Sample.Periodic",
                        "format": "Raw",
                    },
                ],
                "flags": [],
            }
        ],
        "next_cursor": None,
    }


LIMITS = [1, 2, 3, 4, 200]


async def test_the_rise_is_right_also_across_a_page_border(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.session(conn, await build.station(conn))
        await build.measure(conn, made, [None, 1000, 1010, None, None, 1050, 1050, 1040])
    for limit in LIMITS:
        items = await api.walk(f"/api/v1/sessions/{made.id}/readings?limit={limit}")

        assert [item["delta_wh"] for item in items] == [None, None, 10, None, None, 40, 0, -10]
        assert [item["at"] for item in items] == sorted(item["at"] for item in items)


async def test_readings_of_one_moment_are_each_listed_once(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.session(conn, await build.station(conn))
        await build.measure(conn, made, list(range(20)), step=timedelta(0))
    items = await api.walk(f"/api/v1/sessions/{made.id}/readings?limit=3")

    assert [item["energy_wh"] for item in items] == list(range(20))


async def test_only_the_readings_of_this_session_are_listed(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn)
        ours, theirs = await build.session(conn, of), await build.session(conn, of)
        await build.measure(conn, ours, [1])
        await build.measure(conn, theirs, [2], at=NOON + timedelta(seconds=1))
    items = await api.walk(f"/api/v1/sessions/{ours.id}/readings")

    assert [item["energy_wh"] for item in items] == [1]


async def test_a_thousand_readings_come_at_once_and_no_more(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.session(conn, await build.station(conn))
        await build.measure(conn, made, list(range(1005)))
    path = f"/api/v1/sessions/{made.id}/readings"

    assert len((await api.get(f"{path}?limit=5000")).body["items"]) == 1000
    assert len((await api.get(path)).body["items"]) == 200
    assert len(await api.walk(f"{path}?limit=5000")) == 1005


async def test_a_session_without_readings_has_an_empty_list(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.session(conn, await build.station(conn), running=True)
    path = f"/api/v1/sessions/{made.id}/readings"

    assert (await api.get(path)).body == {"items": [], "next_cursor": None}
    assert (await api.get(f"{path}?cursor=garbage")).status == 422

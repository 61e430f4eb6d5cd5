"""Stations and connectors: what was declared, what was said last, and what they may give."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from db import links, stations
from db.errors import Conflict, NotFound
from db.model.stations import ConnectorStatus
from db.rows import Conn, Pool
from db.stations import StatusReport
from tests.portal import build
from tests.portal.build import NOON

HOUR = timedelta(hours=1)


def report(
    station_id: int,
    evse: int | None,
    status: ConnectorStatus,
    hours: int = 0,
    connector: int | None = 1,
) -> StatusReport:
    at = NOON + hours * HOUR
    return StatusReport(station_id, evse, connector if evse else None, status, status, None, at, at)


async def statuses(conn: Conn, station_id: int) -> dict[tuple[int, int], Any]:
    listed = await stations.list_connectors(conn, [station_id])
    return {(each.evse, each.connector): each.status for each in listed}


async def test_a_station_is_found_by_its_identity_only_as_it_is_written(pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await stations.add(conn, identity="CP-1", name="Front", registration="Pending")

        assert await stations.find(conn, "CP-1") == made == await stations.get(conn, "CP-1")
        assert (made.name, made.registration, len(made.public_id)) == ("Front", "Pending", 8)
        assert await stations.find(conn, "cp-1") is None
        with pytest.raises(NotFound):
            await stations.get(conn, "CP-2")
        with pytest.raises(Conflict, match="CP-1"):
            await stations.add(conn, identity="CP-1")


async def test_a_boot_keeps_the_serial_number_when_it_says_none(pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = await build.station(conn)
        for serial_number in ("S-1", None):
            booted = await stations.record_boot(
                conn,
                made.id,
                vendor="Acme",
                model="One",
                serial_number=serial_number,
                firmware="1.0",
                booted_at=NOON,
            )

        assert (booted.vendor, booted.model, booted.firmware) == ("Acme", "One", "1.0")
        assert booted.serial_number == "S-1"
        assert booted.last_seen_at == booted.booted_at == NOON


async def test_when_a_station_was_seen_only_moves_forward(pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = [await build.station(conn, identity) for identity in ("CP-1", "CP-2")]
        for at in (NOON, NOON + HOUR, NOON):
            await stations.set_seen(conn, [made[0].id], at)

        assert (await stations.get(conn, "CP-1")).last_seen_at == NOON + HOUR
        assert (await stations.get(conn, "CP-2")).last_seen_at is None


async def test_the_newest_status_by_the_chargers_clock_is_kept(pool: Pool) -> None:
    async with pool.acquire() as conn:
        at = (await build.station(conn)).id
        await stations.record_statuses(
            conn,
            [
                report(at, 2, "Faulted", 1),
                report(at, 1, "Occupied", 3),
                report(at, 1, "Available", 2),
                report(at, None, "Unavailable", 1),
            ],
        )
        assert await statuses(conn, at) == {(1, 1): "Occupied", (2, 1): "Faulted"}
        assert (await stations.get(conn, "CP-1")).status == "Unavailable"

        old = [report(at, 1, "Faulted", 2), report(at, None, "Available", 0)]
        await stations.record_statuses(conn, old)
        assert await statuses(conn, at) == {(1, 1): "Occupied", (2, 1): "Faulted"}
        assert (await stations.get(conn, "CP-1")).status == "Unavailable"

        # Said at the same second, the later word counts.
        same = [report(at, 1, "Reserved", 3), report(at, None, "Available", 1)]
        await stations.record_statuses(conn, same)
        assert (await statuses(conn, at))[1, 1] == "Reserved"
        assert (await stations.get(conn, "CP-1")).status == "Available"
        assert await stations.list_evses(conn, at) == [1, 2]


async def test_a_clock_that_was_ahead_does_not_keep_out_what_is_said_once_it_is_right(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        made = await build.station(conn)
        ahead = report(made.id, 1, "Occupied")._replace(at=NOON + 10 * HOUR)
        await stations.record_statuses(conn, [ahead])
        await stations.record_statuses(conn, [ahead._replace(evse=None, connector=None)])

        await stations.record_statuses(conn, [report(made.id, 1, "Available", 1)])
        await stations.record_statuses(conn, [report(made.id, None, "Available", 1)])

        assert await statuses(conn, made.id) == {(1, 1): "Available"}
        assert (await stations.get(conn, made.identity)).status == "Available"


async def test_a_repeat_does_not_move_when_a_connector_came_to_be_so(pool: Pool) -> None:
    async def since() -> datetime | None:
        (connector,) = await stations.list_connectors(conn, [made.id])
        return connector.status_received_at

    async with pool.acquire() as conn:
        made = await build.station(conn)
        for hours, status, expected in (
            (0, "Occupied", 0),
            (1, "Available", 1),
            (2, "Available", 1),
            (3, "Faulted", 3),
            (4, "Faulted", 3),
        ):
            said = report(made.id, 1, cast("ConnectorStatus", status), hours)
            await stations.record_statuses(conn, [said])
            assert await since() == NOON + expected * HOUR


async def test_a_connector_that_is_declared_later_keeps_its_status(pool: Pool) -> None:
    async with pool.acquire() as conn:
        at = (await build.station(conn)).id
        await stations.record_statuses(conn, [report(at, 1, "Occupied")])

        await stations.add_connector(conn, at, evse=1, connector=1, type="CCS", max_power_w=50_000)

        (listed,) = await stations.list_connectors(conn, [at])
        assert (listed.status, listed.type, listed.max_power_w) == ("Occupied", "CCS", 50_000)


async def test_the_power_is_that_of_the_connector_else_of_the_strongest(pool: Pool) -> None:
    async with pool.acquire() as conn:
        at = (await build.station(conn)).id
        assert await stations.max_power_w(conn, at, 1, 1) is None
        for evse, connector, power_w in [(1, 1, 11_000), (1, 2, 50_000), (2, 1, 150_000)]:
            await stations.add_connector(
                conn, at, evse=evse, connector=connector, max_power_w=power_w
            )
        await stations.add_connector(conn, at, evse=3, connector=1)

        wanted: list[tuple[int | None, int | None, int]] = [
            (1, 1, 11_000),
            (1, None, 50_000),
            (1, 9, 50_000),
            (3, 1, 150_000),
            (9, 1, 150_000),
            (None, None, 150_000),
        ]
        for place in wanted:
            assert await stations.max_power_w(conn, at, *place[:2]) == place[2], place


async def test_those_that_are_connected_are_told_with_their_time(pool: Pool) -> None:
    async with pool.acquire() as conn:
        made = [await build.station(conn, identity) for identity in ("CP-1", "CP-2")]
        await build.connect(conn, made[0])
        held = await links.find(conn, made[0].id)

        since = await stations.connected_since(conn, [each.id for each in made])

        assert held is not None
        assert since == {made[0].id: held.since}


async def test_stations_are_paged_by_identity(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for identity in ("B", "A", "C"):
            await build.station(conn, identity)

        first = await stations.list_page(conn, after=None, limit=2)
        rest = await stations.list_page(conn, after=first[-1].identity, limit=2)

        assert [each.identity for each in first + rest] == ["A", "B", "C"]

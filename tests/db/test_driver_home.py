"""A driver's dashboard as rows: his own sessions and commands, and everybody's chargers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from db import accounts, commands, driver_commands, driver_home, id_tokens, stations
from db.accounts import Account
from db.errors import NotFound
from db.model.commands import StartSession
from db.rows import Conn, Pool
from tests.portal import build

NOW = datetime.now(UTC)
SECOND = timedelta(seconds=1)


async def driver(conn: Conn, email: str = "ada@example.org") -> Account:
    return await accounts.add(conn, email=email, name=None, role="driver", password_hash=None)


async def asked(conn: Conn, who: Account, station_id: int) -> int:
    row = await commands.ask(
        conn,
        station_id,
        StartSession(id_token="ADA-1", id_token_type="Central", evse=1),
        asked_by=commands.by_driver(who.id),
        valid_for=30 * SECOND,
    )
    return row.id


async def test_running_sessions_are_the_drivers_own_with_their_live_figures(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada, grace = await driver(conn), await driver(conn, "grace@example.org")
        station = await build.station(conn, evses=2)
        await conn.execute("update connector set type = 'CCS', max_power_w = 50000 where evse = 2")
        for evse, who in ((1, grace), (2, ada)):
            made = await build.session(
                conn, station, running=True, evse=evse, account_id=who.id, live_wh="1234.5"
            )
            await conn.execute(
                "update session_live set account_id = $2, power_w = 7000 where session_id = $1",
                made.id,
                who.id,
            )
        rows = await driver_home.list_running(conn, ada.id, zone="Europe/Oslo")
    assert [(row.evse, row.evse_count, row.type, row.power_w) for row in rows] == [
        (2, 2, "CCS", 7000)
    ]
    assert (float(rows[0].energy_wh), rows[0].charger, rows[0].zone) == (
        1234.5,
        "CP-1",
        "Europe/Oslo",
    )


async def test_a_charger_whose_clock_is_wrong_takes_no_longer(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await driver(conn)
        station = await build.station(conn, evses=1)
        made = await build.session(
            conn,
            station,
            running=True,
            evse=1,
            account_id=ada.id,
            started_at=NOW - timedelta(hours=9),
            updated_at=datetime.now(UTC) - timedelta(minutes=3),
        )
        await conn.execute(
            "update session_live set account_id = $2, register_at = $3 where session_id = $1",
            made.id,
            ada.id,
            made.started_at + timedelta(minutes=20),
        )
        (running,) = await driver_home.list_running(conn, ada.id, zone="UTC")
        (recent,) = await driver_home.list_recent(conn, ada.id, zone="UTC")
    for row in (running, recent):
        assert timedelta(minutes=23) <= row.took < timedelta(minutes=24)


async def test_the_last_five_sessions_are_shown_the_latest_first(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada, grace = await driver(conn), await driver(conn, "grace@example.org")
        station = await build.station(conn)
        for days in range(7):
            at = NOW - timedelta(days=days)
            await build.session(conn, station, account_id=ada.id, started_at=at, energy_wh=days)
        await build.session(conn, station, account_id=grace.id, started_at=NOW)
        rows = await driver_home.list_recent(conn, ada.id, zone="UTC")
    assert [row.energy_wh for row in rows] == [0, 1, 2, 3, 4]


async def test_chargers_in_service_stand_own_last_used_first_then_by_name(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await driver(conn)
        for name in ("b", "A", "c", "d"):
            await build.station(conn, f"CP-{name}", evses=1)
            await conn.execute(
                "update station set name = $2 where identity = $1", f"CP-{name}", name
            )
        used = await stations.get(conn, "CP-c")
        await build.session(conn, used, account_id=ada.id)
        await conn.execute("update station set registration = 'Pending' where name = 'd'")
        rows = await driver_home.list_chargers(conn, ada.id, zone="UTC")
        one = await driver_home.list_chargers(conn, ada.id, zone="UTC", public_id=used.public_id)
        gone = await stations.get(conn, "CP-d")
        none = await driver_home.list_chargers(conn, ada.id, zone="UTC", public_id=gone.public_id)
    assert [row.name for row in rows] == ["c", "A", "b"]
    assert [row.name for row in one] == ["c"]
    assert none == []


async def test_a_charger_says_whose_session_is_on_it_and_whether_the_cable_was_left(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        ada = await driver(conn)
        station = await build.station(conn, evses=3)
        await conn.execute(
            "update connector set status = 'Occupied', status_received_at = $1", build.NOON
        )
        await build.session(conn, station, evse=1, end_received_at=build.NOON + SECOND)
        await build.session(conn, station, evse=2, end_received_at=build.NOON - SECOND)
        made = await build.session(conn, station, running=True, evse=3, account_id=ada.id)
        await conn.execute(
            "update session_live set account_id = $2 where session_id = $1", made.id, ada.id
        )
        (row,) = await driver_home.list_chargers(conn, ada.id, zone="UTC")
    assert [plug.is_left_in for plug in row.plugs] == [True, False, False]
    assert [plug.is_mine for plug in row.plugs] == [False, False, True]
    assert row.plugs[2].taken_since == made.started_at


async def test_a_session_where_no_connector_was_named_takes_its_place(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await driver(conn)
        station = await build.station(conn)
        await build.session(conn, station, running=True, evse=1)
        (row,) = await driver_home.list_chargers(conn, ada.id, zone="UTC")
    assert [(plug.evse, plug.status, plug.is_mine) for plug in row.plugs] == [(1, None, False)]
    assert row.plugs[0].taken_since is not None


async def test_the_app_token_is_made_once_whoever_asks_at_the_same_time(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await driver(conn)

    async def choose() -> driver_commands.Token | None:
        async with pool.acquire() as conn:
            return await driver_commands.choose_token(conn, ada.id, most_characters=20)

    tokens = await asyncio.gather(choose(), choose(), choose())
    assert tokens[0] is not None
    assert set(tokens) == {tokens[0]}
    assert (len(tokens[0].uid), tokens[0].type) == (16, "Central")


async def test_a_card_that_may_not_start_does_not_speak_for_its_driver(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await driver(conn)
        past = NOW - timedelta(days=1)
        await build.card(conn, "BLOCKED", account_id=ada.id, status="Blocked")
        await build.card(conn, "OVER", account_id=ada.id, expires_at=past)
        await build.card(conn, "1234", account_id=ada.id, type="KeyCode")
        await build.card(conn, "A" * 21, account_id=ada.id)
        token = await driver_commands.choose_token(conn, ada.id, most_characters=20)
        assert token is not None
        assert token.uid.startswith("APP")
        longer = await driver_commands.choose_token(conn, ada.id, most_characters=36)
        assert longer is not None
        assert longer.uid == "A" * 21

        await build.card(conn, "FIRST", account_id=ada.id)
        await build.card(conn, "SECOND", account_id=ada.id)
        station = await build.station(conn)
        await build.session(conn, station, id_token="second", account_id=ada.id)
        token = await driver_commands.choose_token(conn, ada.id, most_characters=20)
        assert token is not None
        assert token.uid == "SECOND"


async def test_nobody_speaks_when_the_apps_token_is_busy_or_blocked(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await driver(conn)
        token = await driver_commands.choose_token(conn, ada.id, most_characters=20)
        assert token is not None
        station = await build.station(conn)
        await build.session(conn, station, running=True, evse=1, id_token=token.uid)
        assert await driver_commands.choose_token(conn, ada.id, most_characters=20) is None
        await conn.execute("delete from charging_session")
        await conn.execute("update id_token set status = 'Blocked' where is_app")
        assert await driver_commands.choose_token(conn, ada.id, most_characters=20) is None
        assert len(await id_tokens.list_by_uid(conn, token.uid)) == 1


async def test_a_command_is_told_to_who_asked_while_it_is_news(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada, grace = await driver(conn), await driver(conn, "grace@example.org")
        station = await build.station(conn)
        number = await asked(conn, ada, station.id)
        await asked(conn, grace, station.id)
        public_id = station.public_id
        told = await driver_commands.list_told(conn, ada.id)
        assert [(row.id, row.began) for row in told] == [(number, None)]
        assert (
            await driver_commands.find(conn, ada.id, public_id=public_id, command_id=number)
            == told[0]
        )
        for who, where in ((grace.id, public_id), (ada.id, "OTHER123")):
            found = await driver_commands.find(conn, who, public_id=where, command_id=number)
            assert found is None

        made = await build.session(
            conn,
            station,
            running=True,
            evse=1,
            account_id=ada.id,
            started_at=NOW,
            start_received_at=datetime.now(UTC),
        )
        assert [row.began for row in await driver_commands.list_told(conn, ada.id)] == [made.id]

        await commands.settle(conn, station.id, number, state="done")
        await conn.execute(
            "update command set settled_at = now() - interval '100 s' where id = $1", number
        )
        assert await driver_commands.list_told(conn, ada.id) == []


async def test_a_session_of_another_driver_is_not_there(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada, grace = await driver(conn), await driver(conn, "grace@example.org")
        station = await build.station(conn)
        made = await build.session(conn, station, account_id=ada.id)
        own = await driver_commands.get_own_session(conn, ada.id, made.id)
        assert (own.public_id, own.is_finalized) == (station.public_id, True)
        with pytest.raises(NotFound):
            await driver_commands.get_own_session(conn, grace.id, made.id)

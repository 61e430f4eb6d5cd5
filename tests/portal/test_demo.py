"""The demo: one believable network, once; its figures agree; its passwords are known to us only."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tomllib
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import pytest

from csms.rules import metering
from db import accounts, id_tokens, readings, sessions, station_keys, stations
from db.config import ConfigError
from db.rows import Conn, Pool
from portal import passwords
from portal.config import Config
from portal.demo.accounts import KNOWN, close_known, is_private
from portal.demo.cast import ADMIN_EMAIL, CHARGERS, DRIVER_EMAIL, DRIVERS
from portal.demo.start import Prepared, prepare
from portal.demo.visits import ODDITIES, invent

ROOT = Path(__file__).parents[2]
SUPPOSED = {"implausible_reading", "implicit_end", "meter_reset", "needs_review", "unauthorized"}


class Demo:
    """A database, and the DATA_DIR of whoever starts on it."""

    def __init__(self, url: str, pool: Pool, folder: Path) -> None:
        self.url, self.pool, self.folder = url, pool, folder

    def config(self, **settings: str) -> Config:
        return Config.from_env({"DATA_DIR": str(self.folder), **settings})

    async def prepare(self, *, is_wanted: bool = True, **settings: str) -> Prepared:
        return await prepare(self.config(**settings), self.url, is_wanted=is_wanted)

    async def count(self, table: str) -> int:
        count: int = await self.pool.fetchval(f"select count(*) from {table}")
        return count

    async def lets_in(self, email: str, password: str) -> bool:
        hashed = await self.pool.fetchval(
            "select password_hash from account where email = $1", email
        )
        verified: bool = await passwords.verify(hashed, password)
        return verified

    async def waiting(self) -> list[int]:
        """The backends of this database that wait for a lock."""
        records = await self.pool.fetch(
            """
            select pid from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """
        )
        return [record[0] for record in records]

    def written(self) -> dict[str, str]:
        """The passwords by e-mail in accounts.txt."""
        lines = (self.folder / "demo" / "accounts.txt").read_text().splitlines()
        return dict(line.split() for line in lines)

    def station_passwords(self) -> dict[str, str]:
        fleet = tomllib.loads((self.folder / "demo" / "fleet.toml").read_text())
        return {station["identity"]: station["password"] for station in fleet["station"]}

    async def stations_know(self, given: dict[str, str]) -> bool:
        known = []
        async with self.pool.acquire() as conn:
            for identity, password in given.items():
                station = await stations.get(conn, identity)
                assert station.key_salt is not None
                assert station.key_hash is not None
                known.append(
                    station_keys.matches(station.key_salt, station.key_hash, password.encode())
                )
        return all(known)


@pytest.fixture
def demo(database_url: str, pool: Pool, tmp_path: Path) -> Demo:
    return Demo(database_url, pool, tmp_path / "data")


async def test_a_small_network_with_two_months_behind_it(demo: Demo) -> None:
    began = perf_counter()
    await demo.prepare()
    print(f"loaded in {perf_counter() - began:.1f} s")

    assert await demo.count("site") == 2
    assert await demo.count("station") == 8
    assert await demo.count("account where role = 'driver'") == 12
    assert await demo.count("account where role = 'admin'") == 1
    assert 300 < await demo.count("charging_session") < 700
    assert await demo.count("charging_session where not is_finalized") == 0
    assert await demo.count("charging_session where started_at < now() - interval '50 days'") > 0
    assert await demo.count("charging_session where ended_at > now()") == 0
    assert await demo.count("reading where received_at > now()") == 0
    versions = await demo.pool.fetch("select distinct ocpp_version from station")
    assert {row[0] for row in versions} == {"1.6", "2.0.1", "2.1"}
    types = await demo.pool.fetch("select distinct type, max_power_w from connector")
    assert {tuple(row) for row in types} == {
        ("Type 2", 11_000),
        ("Type 2", 22_000),
        ("CCS", 150_000),
        ("CHAdeMO", 50_000),
    }
    silent = "station where last_seen_at < now() - interval '2 hours'"
    assert await demo.count(silent) == 1
    assert await demo.count(f"message where station_id in (select id from {silent})") > 5
    assert await demo.count("connector where status = 'Faulted'") == 1
    assert await demo.count("id_token where status = 'Blocked'") == 1
    assert await demo.count("id_token where expires_at < now()") == 1


async def test_the_figures_are_what_the_csms_makes_of_the_readings(demo: Demo) -> None:
    await demo.prepare()

    seen = set[str]()
    async with demo.pool.acquire() as conn:
        numbers = await conn.fetch("select id from charging_session order by id")
        for record in numbers:
            session = await sessions.get(conn, record[0])
            assert session.ended_at is not None
            seen |= set(session.flags)
            moments = await readings.list_moments(
                conn,
                session.station_id,
                session.id,
                started_at=session.started_at,
                ended_at=session.ended_at,
            )
            power_w = await stations.max_power_w(
                conn, session.station_id, session.evse, session.connector
            )
            assert power_w is not None
            result = metering.total(
                moments,
                started_at=session.started_at,
                ended_at=session.ended_at,
                meter_start_wh=session.meter_start_wh,
                meter_stop_wh=session.meter_stop_wh,
                max_power_w=power_w,
            )
            assert session.energy_wh == result.energy_wh
            assert result.flags <= set(session.flags)
            if result.flags or session.is_end_inferred:
                continue
            if session.family == "v16":
                assert session.meter_start_wh is not None
                assert session.meter_stop_wh is not None
                said_wh = session.meter_stop_wh - session.meter_start_wh
            else:
                registers = await _registers(conn, session.id)
                said_wh = registers[-1] - registers[0]
            assert session.energy_wh == said_wh
            assert session.updated_at == session.end_received_at
    assert seen == SUPPOSED


async def _registers(conn: Conn, session_id: int) -> list[int]:
    records = await conn.fetch(
        "select energy_wh from reading where session_id = $1 order by at", session_id
    )
    return [record[0] for record in records]


async def test_the_hours_add_up_to_the_sessions(demo: Demo) -> None:
    await demo.prepare()

    both = """
        select s.station_id, s.energy_wh as sessions, h.energy_wh as hours
        from (select station_id, sum(energy_wh) as energy_wh from charging_session group by 1) s
        full join (select station_id, sum(energy_wh) as energy_wh from energy_hourly group by 1) h
            on h.station_id = s.station_id
    """
    records = await demo.pool.fetch(both)

    assert len(records) == 8
    for record in records:
        assert record["sessions"] == record["hours"]
    highest = await demo.pool.fetchval(
        """
        select max(h.energy_wh / c.power_w) from energy_hourly h join (
            select station_id, sum(max_power_w) as power_w from connector group by 1
        ) c on c.station_id = h.station_id
        """
    )
    assert 0 < highest <= Decimal("3.5")  # what a network that was away for 3 h brings at once


async def test_a_session_has_a_ramp_a_plateau_and_a_taper() -> None:
    longest = max(invent(datetime.now(UTC)), key=lambda visit: len(visit.marks))

    powers = [mark.power_w for mark in longest.marks]
    top = max(powers)
    assert powers[0] == 0
    assert sum(power > 0.9 * top for power in powers) >= 3
    assert any(0 < power < 0.6 * top for power in powers[len(powers) // 2 :])
    assert all(a.register_wh <= b.register_wh for a, b in pairwise(longest.marks))


async def test_one_day_makes_one_demo_and_nobody_is_in_two_places() -> None:
    now = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    visits = invent(now)

    assert visits == invent(now)
    assert [v.started_at for v in visits] == sorted(v.started_at for v in visits)
    later = invent(now + timedelta(hours=5))
    assert [v.started_at for v in later[:300]] == [v.started_at for v in visits[:300]]
    assert {v.odd for v in visits} == {None, *ODDITIES}
    places, cards = defaultdict(list), defaultdict(list)
    for visit in visits:
        places[visit.charger.identity, visit.evse].append(visit)
        cards[visit.card.uid].append(visit)
    for group in [*places.values(), *cards.values()]:
        for before, after in pairwise(group):
            assert before.ended_at <= after.started_at
    for uid in {card.uid for driver in DRIVERS for card in driver.cards if not card.is_good}:
        assert all(v.odd == "refused" or v.ended_at < now - timedelta(days=15) for v in cards[uid])


async def test_a_second_start_keeps_everything_and_says_the_same(demo: Demo) -> None:
    first = await demo.prepare()
    keys = demo.station_passwords()
    count = await demo.count("charging_session")

    second = await demo.prepare()

    assert second == first
    assert demo.station_passwords() == keys
    assert await demo.stations_know(keys)
    assert await demo.count("charging_session") == count
    for email, password in KNOWN.items():
        assert f"{email}" in second.words
        assert password in second.words


async def test_two_starts_at_once_load_once(demo: Demo) -> None:
    both = await asyncio.gather(demo.prepare(), demo.prepare())

    assert both[0] == both[1]
    assert await demo.count("station") == 8
    assert await demo.count("account") == 13
    assert await demo.stations_know(demo.station_passwords())


async def test_a_kill_in_the_middle_leaves_nothing(demo: Demo) -> None:
    env = {"PATH": os.environ["PATH"], "DATABASE_URL": demo.url, "DATA_DIR": str(demo.folder)}
    command = [sys.executable, "-m", "portal", "demo"]
    async with demo.pool.acquire() as conn, conn.transaction():
        # So that the loader has written all but the last, and waits.
        await conn.execute("lock table energy_hourly in exclusive mode")
        with subprocess.Popen(command, cwd=ROOT, env=env) as process:
            while not await demo.count("pg_locks where not granted"):
                assert process.poll() is None
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGKILL)
    for table in ("site", "station", "account", "id_token", "charging_session", "reading"):
        assert await demo.count(table) == 0

    await demo.prepare()
    assert await demo.count("station") == 8
    assert await demo.stations_know(demo.station_passwords())


async def test_a_database_that_goes_away_meanwhile_is_one_sentence(demo: Demo) -> None:
    async with demo.pool.acquire() as conn, conn.transaction():
        await conn.execute("lock table energy_hourly in exclusive mode")
        loading = asyncio.create_task(demo.prepare())
        while not (pids := await demo.waiting()):
            assert not loading.done()
            await asyncio.sleep(0.02)
        await demo.pool.execute("select pg_terminate_backend($1)", pids[0])
        with pytest.raises(ConfigError, match="went away while the demo was prepared"):
            await loading

    assert await demo.count("station") == 0


async def test_a_database_with_chargers_is_left_alone(demo: Demo) -> None:
    async with demo.pool.acquire() as conn:
        await stations.add(conn, identity="MINE")

    prepared = await demo.prepare()

    assert prepared.fleet_file is None
    assert prepared.words.startswith("The database has chargers of its own, so the demo is left")
    assert "makes the first administrator" in prepared.words
    assert await demo.count("station") == 1
    assert await demo.count("account") == 0
    assert not (demo.folder / "demo").exists()


async def test_the_operators_own_charger_beside_the_demo_stays_alone(demo: Demo) -> None:
    await demo.prepare()
    async with demo.pool.acquire() as conn:
        await stations.add(conn, identity="MINE")
        await conn.execute("delete from station where identity = 'DEMO-04'")

    await demo.prepare()

    assert set(demo.station_passwords()) == {c.identity for c in CHARGERS} - {"DEMO-04"}
    async with demo.pool.acquire() as conn:
        assert (await stations.get(conn, "MINE")).key_hash is None


@pytest.mark.parametrize(
    ("settings", "is_only_ours"),
    [
        ({}, True),
        ({"PORTAL_HOST": "localhost"}, True),
        ({"PORTAL_HOST": "::1", "PUBLIC_URL": "http://127.0.0.1:8080"}, True),
        ({"PUBLIC_URL": "https://charge.example.com"}, False),
        ({"PORTAL_HOST": "0.0.0.0"}, False),
        ({"PORTAL_HOST": "192.0.2.1", "PUBLIC_URL": "http://localhost"}, False),
        ({"TRUSTED_PROXIES": "10.0.0.0/8"}, False),
    ],
)
def test_known_passwords_are_for_this_machine_only(
    settings: dict[str, str], is_only_ours: bool
) -> None:
    assert is_private(Config.from_env(settings)) == is_only_ours


async def test_where_others_reach_the_portal_passwords_are_random(demo: Demo) -> None:
    prepared = await demo.prepare(PORTAL_HOST="0.0.0.0")
    chosen = demo.written()

    assert set(chosen) == {DRIVER_EMAIL, ADMIN_EMAIL}
    for email, password in chosen.items():
        assert password in prepared.words
        assert len(password) >= 16
        assert await demo.lets_in(email, password)
        assert not await demo.lets_in(email, KNOWN[email])
    assert (await demo.prepare(PORTAL_HOST="0.0.0.0")).words == prepared.words
    # They stay where it is opened on this machine only.
    await demo.prepare()
    assert demo.written() == chosen


@pytest.mark.parametrize("is_wanted", [True, False])
async def test_known_passwords_go_before_others_reach_the_portal(
    demo: Demo, is_wanted: bool
) -> None:
    await demo.prepare()
    async with demo.pool.acquire() as conn:
        admin = await accounts.find_by_email(conn, ADMIN_EMAIL)
        assert admin is not None
        await conn.execute(
            """
            insert into web_session (token_hash, account_id, expires_at)
            values ('x', $1, now() + interval '1 day')
            """,
            admin.id,
        )

    prepared = await demo.prepare(is_wanted=is_wanted, PUBLIC_URL="https://charge.example.com")

    assert "Open https://charge.example.com and sign in" in prepared.words
    assert "were made just now" in prepared.words
    for email, known in KNOWN.items():
        assert known not in prepared.words
        assert not await demo.lets_in(email, known)
        assert await demo.lets_in(email, demo.written()[email])
    assert await demo.count("web_session") == 0


async def test_who_names_an_administrator_gets_no_other(demo: Demo) -> None:
    prepared = await demo.prepare(ADMIN_EMAIL="me@example.com")

    assert await demo.count("account where role = 'admin'") == 0
    assert "as an admin  me@example.com" in prepared.words
    assert set(demo.written()) == {DRIVER_EMAIL}
    assert prepared.fleet_file is not None
    assert await demo.prepare(ADMIN_EMAIL="me@example.com") == prepared


async def test_a_portal_that_is_started_alone_closes_them_too(demo: Demo) -> None:
    await demo.prepare()
    async with demo.pool.acquire() as conn, conn.transaction():
        assert await close_known(conn, demo.config()) == []
        assert await close_known(conn, demo.config(PORTAL_HOST="0.0.0.0")) == list(KNOWN)
        assert await close_known(conn, demo.config(PORTAL_HOST="0.0.0.0")) == []

    for email, known in KNOWN.items():
        assert not await demo.lets_in(email, known)
        assert await demo.lets_in(email, demo.written()[email])


async def test_a_password_that_a_person_chose_stays(demo: Demo) -> None:
    await demo.prepare()
    own = await passwords.hash_("a-password-of-my-own")
    await demo.pool.execute(
        "update account set password_hash = $2 where email = $1", ADMIN_EMAIL, own
    )

    prepared = await demo.prepare(PORTAL_HOST="0.0.0.0")

    assert await demo.lets_in(ADMIN_EMAIL, "a-password-of-my-own")
    assert "(the password that it was given)" in prepared.words


async def test_lost_files_are_made_again(demo: Demo) -> None:
    await demo.prepare(PORTAL_HOST="0.0.0.0")
    before = demo.station_passwords()
    for path in (demo.folder / "demo").iterdir():
        path.unlink()

    await demo.prepare(PORTAL_HOST="0.0.0.0")

    after = demo.station_passwords()
    assert after.keys() == before.keys()
    assert all(after[identity] != before[identity] for identity in after)
    assert await demo.stations_know(after)
    for email, password in demo.written().items():
        assert await demo.lets_in(email, password)


async def test_the_files_are_ours_alone(demo: Demo) -> None:
    prepared = await demo.prepare()

    assert prepared.fleet_file == demo.folder / "demo" / "fleet.toml"
    names = {path.name for path in (demo.folder / "demo").iterdir()}
    assert names == {"accounts.txt", "fleet.toml"}
    for name in names:
        assert (demo.folder / "demo" / name).stat().st_mode & 0o777 == 0o600
    assert (demo.folder / "demo").stat().st_mode & 0o777 == 0o700


async def test_the_fleet_has_cards_that_charge_and_one_busy_place_for_the_demo_driver(
    demo: Demo,
) -> None:
    await demo.prepare()
    fleet = tomllib.loads((demo.folder / "demo" / "fleet.toml").read_text())
    presented = [uid for station in fleet["station"] for uid in station["cards"]]
    lives = {station["identity"]: station["life"] for station in fleet["station"]}

    assert fleet["url"] == "ws://127.0.0.1:9000/ocpp"
    assert sorted(lives.values()).count("faulted") == 1
    assert sorted(lives.values()).count("offline") == 1
    assert "idle" in lives.values()
    assert len(presented) == len(set(presented))
    async with demo.pool.acquire() as conn:
        driver = await accounts.find_by_email(conn, DRIVER_EMAIL)
        assert driver is not None
        owners = {}
        for uid in presented:
            (card,) = await id_tokens.list_by_uid(conn, uid)
            assert card.status == "Accepted"
            assert card.expires_at is None
            owners[uid] = card.account_id
    only_his = [
        station
        for station in fleet["station"]
        if station["cards"] and {owners[uid] for uid in station["cards"]} == {driver.id}
    ]
    assert [station["life"] for station in only_his] == ["busy"]


async def test_without_the_demo_it_says_how_to_begin(demo: Demo) -> None:
    empty = await demo.prepare(is_wanted=False)
    named = await demo.prepare(is_wanted=False, ADMIN_EMAIL="me@example.com")

    assert empty.fleet_file is None
    assert "Open http://127.0.0.1:8080: its first page makes the first" in empty.words
    assert named.words == "Open http://127.0.0.1:8080 and sign in as me@example.com.\n"
    assert await demo.count("account") == 0

"""What comes late: readings without a session, of an ended one, and what a running one learns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from csms.rules import clocks
from db.rows import Pool
from tests.whole.test_permutations import BOOT, event, settled
from tests.wire import Charger, add_station, charger, csms


def ago(seconds: int) -> str:
    return clocks.wire(datetime.now(UTC) - timedelta(seconds=seconds))


async def test_readings_just_before_their_start_are_the_sessions_at_once(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    value = {"timestamp": ago(5), "sampledValue": [{"value": "1100"}]}
    start = {"connectorId": 1, "idTag": "A", "meterStart": 1000, "timestamp": ago(60)}
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as station:
        await station.call("MeterValues", {"connectorId": 1, "meterValue": [value]})
        await station.call("StartTransaction", start)

    assert await pool.fetchval("select energy_wh from session_live") == 100
    assert await pool.fetchval("select count(*) from reading where session_id is not null") == 1


async def test_a_reading_before_its_start_is_not_the_session_s_before_it(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    value = {"timestamp": ago(30), "sampledValue": [{"value": "1514"}]}
    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as station:
        number = await start_16(station, at=ago(90), meter_wh=1000)
        stop = {"transactionId": number, "meterStop": 1500, "timestamp": ago(42)}
        await station.call("StopTransaction", stop)
        await station.call("MeterValues", {"connectorId": 1, "meterValue": [value]})
        second = await start_16(station, at=ago(41), meter_wh=1500)
        await settled(pool)

    assert await pool.fetchval("select session_id from reading") == second
    assert await pool.fetchval("select energy_wh from session_live") == 14
    assert await pool.fetchval("select energy_wh from charging_session where is_finalized") == 500


async def test_a_number_of_another_station_is_nobody_s_here(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    for identity in ("CP-1", "CP-2"):
        await add_station(database_url, identity)
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1") as ours,
        charger(server.url, "CP-2") as theirs,
    ):
        number = await start_16(ours, at=ago(90), meter_wh=1000)
        stop = {"transactionId": number, "meterStop": 9000, "timestamp": ago(30)}
        assert await theirs.call("StopTransaction", stop) == {}

    ours_now = await pool.fetchrow("select * from charging_session where id = $1", number)
    assert ours_now is not None
    assert not ours_now["is_finalized"]
    assert ours_now["updated_at"] == ours_now["start_received_at"]


async def test_message_ids_that_begin_again_are_of_other_messages(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    numbers = []
    async with csms(database_url, tmp_path) as server:
        for second in (90, 30):
            async with charger(server.url, "CP-1") as station:  # which counts from m1
                numbers.append(await start_16(station, at=ago(second), meter_wh=1000))

    assert numbers[0] != numbers[1]
    assert await pool.fetchval("select count(*) from charging_session") == 2


async def start_16(station: Charger, *, at: str, meter_wh: int) -> int:
    start = {"connectorId": 1, "idTag": "A", "meterStart": meter_wh, "timestamp": at}
    number: int = (await station.call("StartTransaction", start))["transactionId"]
    return number


async def test_a_live_row_follows_what_its_session_learns(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    station_id = (await add_station(database_url, "CP-1")).id
    account = await pool.fetchval(
        "insert into account (email) values ('a@example.org') returning id"
    )
    await pool.execute("insert into id_token (uid, account_id) values ('ADA-1', $1)", account)
    await pool.execute("insert into evse values ($1, 1), ($1, 2)", station_id)
    await pool.execute(
        """
        insert into connector (station_id, evse, connector, max_power_w)
        values ($1, 1, 1, 22000), ($1, 2, 1, 7400)
        """,
        station_id,
    )
    card = {"idToken": {"idToken": "ADA-1", "type": "Central"}}
    seen: list[Any] = []
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", "2.0.1") as station,
    ):
        await station.call("BootNotification", BOOT)
        for message in (
            event(1, "Updated", 10, 2_500, "Sample.Periodic"),
            event(1, "Updated", 5, 2_000, "Sample.Periodic", **card),
            event(1, "Updated", 12, 2_600, "Sample.Periodic", evse={"id": 2, "connectorId": 1}),
            event(1, "Started", 0, 1_900, "Transaction.Begin"),
        ):
            await station.call("TransactionEvent", message)
            row = await pool.fetchrow("select * from session_live")
            assert row is not None
            seen.append(
                (
                    row["started_at"].minute,
                    row["account_id"],
                    row["evse"],
                    row["max_power_w"] == 7400,
                )
            )

    assert seen == [
        (10, None, None, False),
        (5, account, None, False),
        (5, account, 2, True),
        (0, account, 2, True),
    ]


async def test_a_late_reading_moves_updated_at_and_never_erases_energy_whose_readings_are_gone(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", "2.0.1") as station,
    ):
        await station.call("BootNotification", BOOT)
        evse = {"evse": {"id": 1, "connectorId": 1}}
        for message in (
            event(1, "Started", 0, 1_000, "Transaction.Begin", **evse),
            event(1, "Ended", 30, 5_000, "Transaction.End"),
        ):
            await station.call("TransactionEvent", message)
        before = await pool.fetchrow("select * from charging_session")
        assert before is not None
        await pool.execute("delete from reading")
        for minute, wh in ((20, 3_700), (10, 2_500)):
            late = event(1, "Updated", minute, wh, "Sample.Periodic")
            await station.call("TransactionEvent", late)
            await settled(pool)

    after = await pool.fetchrow("select * from charging_session")
    assert after is not None
    assert after["energy_wh"] == before["energy_wh"] == 4_000
    assert after["flags"] == ["late_reading", "needs_review"]
    assert after["updated_at"] > before["updated_at"]

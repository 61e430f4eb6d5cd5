"""A boot in the middle of a session neither ends nor doubles it; what follows does (7.6, C18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from csms.jobs import Jobs
from db.rows import Pool
from tests.csms.test_jobs import BEGAN, available, jobs, long_ago, said, seconds, server, values
from tests.csms.test_session_doubts import event, status
from tests.ocpp.payloads import BOOT
from tests.wire import Charger, Csms, charger

__all__ = ["jobs", "server"]

EVERY = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
BOTH = pytest.mark.parametrize("version", ["1.6", "2.1"])  # one of each family
LAST_HEARD = 58  # minutes after the start: it is told of as it happens
END = 59
#: 2,000 Wh after its start, which was at 1,000.
HEARD_WH = 3_000


class Station:
    """A charger with a session on its first EVSE that was heard of just now."""

    def __init__(self, cp: Charger, version: str) -> None:
        self.cp = cp
        self.version = version
        self.number = 0

    async def boots(self, serial_number: str = "S-1") -> None:
        box: dict[str, Any]
        if self.version == "1.6":
            box = BOOT["1.6"] | {"chargePointSerialNumber": serial_number}
        else:
            inner = BOOT[self.version]["chargingStation"] | {"serialNumber": serial_number}
            box = {"reason": "PowerUp", "chargingStation": inner}
        assert (await self.cp.call("BootNotification", box))["status"] == "Accepted"

    async def starts(self, minute: float = 0, wh: int = 1_000, number: str = "T1") -> None:
        if self.version == "1.6":
            begin = {"connectorId": 1, "idTag": "A", "meterStart": wh, "timestamp": said(minute)}
            self.number = (await self.cp.call("StartTransaction", begin))["transactionId"]
        else:
            await self.says(event("Started", minute, wh, number))

    async def measures(self, minute: float, wh: int, trigger: str = "MeterValuePeriodic") -> None:
        if self.version == "1.6":
            assert await self.cp.call("MeterValues", values(self.number, (minute, wh))) == {}
        else:
            await self.says(event("Updated", minute, wh) | {"triggerReason": trigger})

    async def ends(self, minute: float, wh: int, reason: str) -> None:
        if self.version == "1.6":
            stop = {"transactionId": self.number, "meterStop": wh, "timestamp": said(minute)}
            await self.cp.call("StopTransaction", stop | {"reason": reason})
        else:
            ended = event("Ended", minute, wh)
            ended["transactionInfo"]["stoppedReason"] = reason
            await self.says(ended)

    async def is_free(self) -> None:
        if self.version == "1.6":
            await self.cp.call("StatusNotification", available())
        else:
            await self.cp.call("StatusNotification", status(60))

    async def says(self, payload: dict[str, Any]) -> None:
        answer = await self.cp.call("TransactionEvent", payload)
        assert isinstance(answer, dict), answer


async def begun(cp: Charger, version: str) -> Station:
    station = Station(cp, version)
    await station.boots()
    await station.starts()
    await station.measures(LAST_HEARD, HEARD_WH)
    return station


async def rows(pool: Pool) -> list[Any]:
    return list(await pool.fetch("select * from charging_session order by started_at"))


async def check_runs(pool: Pool) -> None:
    (session,) = await rows(pool)
    assert not session["is_finalized"]
    assert await pool.fetchval("select energy_wh from session_live") == HEARD_WH - 1_000


@BOTH
async def test_a_boot_alone_changes_nothing(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        station = await begun(cp, version)
        (before,) = await rows(pool)
        await station.boots()
        await jobs.end_doubtful_sessions()

        assert await rows(pool) == [before]
        await check_runs(pool)


@EVERY
async def test_a_session_that_is_measured_after_a_boot_goes_on(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        station = await begun(cp, version)
        await station.boots()
        await long_ago(pool, timedelta(minutes=14))
        trigger = "TxResumed" if version == "2.1" else "MeterValuePeriodic"
        await station.measures(LAST_HEARD + 0.5, HEARD_WH + 500, trigger)
        await long_ago(pool, timedelta(hours=2))
        await jobs.end_doubtful_sessions()
        (session,) = await rows(pool)
        assert not session["is_finalized"]

        await station.ends(END, 5_000, "EVDisconnected")

    (session,) = await rows(pool)
    assert (session["energy_wh"], session["is_end_inferred"]) == (4_000, False)
    assert session["ended_at"] == BEGAN + timedelta(minutes=END)


@BOTH
async def test_the_end_that_it_had_kept_is_its_end(server: Csms, pool: Pool, version: str) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        station = await begun(cp, version)
        await station.boots()
        for _ in range(2):
            await station.ends(END, 5_000, "PowerLoss")

    (session,) = await rows(pool)
    assert (session["energy_wh"], session["is_end_inferred"]) == (4_000, False)
    assert session["stop_reason"] == "PowerLoss"
    assert session["ended_at"] == BEGAN + timedelta(minutes=END)


@BOTH
async def test_a_start_that_is_said_again_after_a_boot_is_the_same_session(
    server: Csms, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        station = await begun(cp, version)
        number = station.number
        await station.boots()
        await station.starts()

        assert station.number == number
        await check_runs(pool)


@BOTH
@pytest.mark.parametrize("after", ["another session", "a free connector", "nothing"])
async def test_what_follows_a_boot_ends_a_session_that_was_lost(
    server: Csms, jobs: Jobs, pool: Pool, version: str, after: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        station = await begun(cp, version)
        await station.boots()
        if after == "another session":
            await station.starts(END, 3_100, "T2")
        elif after == "a free connector":
            await station.is_free()
            await long_ago(pool, seconds(121))
    if after == "nothing":  # and the charger is not there to be asked
        await long_ago(pool, timedelta(minutes=15, seconds=1))
    await jobs.end_doubtful_sessions()

    session, *others = await rows(pool)
    assert session["is_end_inferred"]
    assert {"implicit_end", "needs_review"} <= set(session["flags"])
    assert session["ended_at"] == BEGAN + timedelta(minutes=LAST_HEARD)
    assert session["energy_wh"] == HEARD_WH - 1_000
    assert [other["is_finalized"] for other in others] == [False] * (after == "another session")


@BOTH
async def test_a_charger_that_boots_for_ever_does_not_keep_a_session_for_ever(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        station = await begun(cp, version)
        await pool.execute("update station set boots_since = null")  # those before it
        for _ in range(3):
            await station.boots()
            await long_ago(pool, timedelta(minutes=4))
        await jobs.end_doubtful_sessions()
        await check_runs(pool)

        await long_ago(pool, timedelta(minutes=3, seconds=1))
        await station.boots()
        await jobs.end_doubtful_sessions()

    (session,) = await rows(pool)
    assert session["is_end_inferred"]
    assert session["energy_wh"] == HEARD_WH - 1_000


@BOTH
async def test_an_exchanged_box_ends_the_session_of_the_old_one_and_begins_its_own(
    server: Csms, jobs: Jobs, pool: Pool, version: str
) -> None:
    async with charger(server.url, "CP-1", version) as cp:
        station = await begun(cp, version)
        await station.boots("S-2")
        (old,) = await rows(pool)
        assert old["is_end_inferred"]
        assert {"charger_replaced", "needs_review"} <= set(old["flags"])
        assert (old["energy_wh"], old["ended_at"]) == (
            HEARD_WH - 1_000,
            BEGAN + timedelta(minutes=LAST_HEARD),
        )

        await station.starts(END, 40, "T2")
        await station.boots("S-2")
        await long_ago(pool, timedelta(minutes=1))
        await jobs.end_doubtful_sessions()

    old_now, new = await rows(pool)
    assert old_now["energy_wh"] == HEARD_WH - 1_000
    assert not new["is_finalized"]
    assert new["meter_start_wh"] == (40 if version == "1.6" else None)

"""What three charger stacks that we did not write said: every CALL answered, the energy right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from db.rows import Pool
from tests.wire import add_station, charger, csms

RECORDINGS = Path(__file__).parent.parent / "recordings"


def calls_of(name: str) -> list[list[Any]]:
    lines = [json.loads(line) for line in (RECORDINGS / name).read_text().splitlines()]
    frames = [json.loads(line["m"]) for line in lines if line["d"] == "in"]
    return [frame for frame in frames if frame[0] == 2]


@pytest.mark.parametrize(
    ("name", "version", "energy_wh", "flags"),
    [
        # 12 s for 2,500 Wh is 750 kW: believed, for nothing says otherwise, and flagged.
        ("libocpp-1.6.jsonl", "1.6", 2500, {"implausible_reading", "needs_review"}),
        ("microocpp-1.6.jsonl", "1.6", 61, set()),
        (
            "virtual-charge-point-2.0.1.jsonl",
            "2.0.1",
            332,
            {"implausible_reading", "needs_review"},
        ),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_recorded_session_is_answered_and_metered(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    name: str,
    version: str,
    energy_wh: int,
    flags: set[str],
    times: int,
) -> None:
    await add_station(database_url, "REC")
    await pool.execute("insert into id_token (uid) values ('DEADBEEF'), ('TAG1')")
    transaction_id = None

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "REC", version) as station,
    ):
        for frame in calls_of(name):
            if transaction_id is not None and "transactionId" in frame[3]:
                frame[3]["transactionId"] = transaction_id
            for _ in range(times):
                answer = await station.frame(frame, frame[1])
                assert answer[0] == 3, answer
            if frame[2] == "StartTransaction":
                transaction_id = answer[2]["transactionId"]
                assert answer[2]["idTagInfo"]["status"] == "Accepted"

    session = await pool.fetchrow("select * from charging_session")
    assert session is not None
    assert await pool.fetchval("select count(*) from charging_session") == 1
    assert session["energy_wh"] == energy_wh
    assert session["is_finalized"]
    assert session["stop_reason"] == "Local"
    assert flags <= set(session["flags"])
    if not flags:
        assert not {flag for flag in session["flags"] if not flag.startswith("clock")}

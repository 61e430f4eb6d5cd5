"""How far firmware and logs are, by what stations say of it: one row a job, with its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from db.rows import Pool
from tests.ocpp.reporting import reporter, rows, serving
from tests.ocpp.test_commands import ready


async def steps(pool: Pool, job_id: int) -> list[str]:
    found = await pool.fetch(
        "select status from station_job_step where job_id = $1 order by id", job_id
    )
    return [row["status"] for row in found]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_each_job_goes_its_own_way_and_repeats_are_no_steps(
    database_url: str, pool: Pool, tmp_path: Path, version: str
) -> None:
    async with reporter(database_url, tmp_path, version) as cp:
        for request_id, status in (
            (1, "Downloading"),
            (1, "Downloading"),
            (2, "Downloading"),
            (1, "Downloaded"),
            (2, "DownloadFailed"),
            (1, "Installed"),
            (1, "Idle"),  # a trigger was answered: it does not move the job back
            (1, "Installed"),
            (2, "Idle"),
        ):
            said = {"status": status, "requestId": request_id}
            assert await cp.call("FirmwareStatusNotification", said) == {}

    first, second = await rows(pool, "station_job")
    assert (first["kind"], first["request_id"], first["status"], first["progress"]) == (
        "firmware",
        1,
        "Installed",
        "done",
    )
    assert (second["status"], second["progress"]) == ("DownloadFailed", "failed")
    assert await steps(pool, first["id"]) == [
        "Downloading",
        "Downloaded",
        "Installed",
        "Idle",
        "Installed",
    ]
    assert await steps(pool, second["id"]) == ["Downloading", "DownloadFailed", "Idle"]
    assert first["changed_at"] > second["changed_at"] > second["started_at"] > first["started_at"]


@pytest.mark.parametrize(
    ("version", "action", "said", "kind", "progress"),
    [
        ("1.6", "FirmwareStatusNotification", {"status": "Installing"}, "firmware", "running"),
        ("1.6", "DiagnosticsStatusNotification", {"status": "Uploaded"}, "diagnostics", "done"),
        (
            "1.6",
            "SignedFirmwareStatusNotification",
            {"status": "InvalidSignature", "requestId": 3},
            "firmware",
            "failed",
        ),
        ("1.6", "LogStatusNotification", {"status": "Idle"}, "log", "idle"),
        (
            "2.0.1",
            "LogStatusNotification",
            {"status": "AcceptedCanceled", "requestId": -1},
            "log",
            "cancelled",
        ),
        (
            "2.1",
            "PublishFirmwareStatusNotification",
            {
                "status": "Published",
                "requestId": 4,
                "location": ["https://a.example/fw"],
                "statusInfo": {"reasonCode": "NoError", "additionalInfo": "two clients"},
            },
            "publish_firmware",
            "done",
        ),
    ],
)
async def test_every_kind_of_progress_has_a_home(
    database_url: str,
    pool: Pool,
    tmp_path: Path,
    version: str,
    action: str,
    said: dict[str, Any],
    kind: str,
    progress: str,
) -> None:
    async with reporter(database_url, tmp_path, version) as cp:
        assert await cp.call(action, said) == {}

    (job,) = await rows(pool, "station_job")
    assert (job["kind"], job["request_id"]) == (kind, said.get("requestId"))
    assert (job["status"], job["progress"]) == (said["status"], progress)
    if "location" in said:
        assert job["detail"] == "NoError, two clients, https://a.example/fw"


@pytest.mark.parametrize(
    ("version", "action"),
    [
        ("1.6", "DiagnosticsStatusNotification"),
        ("1.6", "FirmwareStatusNotification"),
        ("1.6", "SignedFirmwareStatusNotification"),
        ("1.6", "LogStatusNotification"),
        ("2.0.1", "FirmwareStatusNotification"),
        ("2.0.1", "LogStatusNotification"),
        ("2.1", "PublishFirmwareStatusNotification"),
    ],
)
async def test_a_status_that_nobody_knows_is_kept_unless_strict(
    database_url: str, pool: Pool, tmp_path: Path, version: str, action: str
) -> None:
    """Reliability D-P48."""
    async with reporter(database_url, tmp_path, version) as cp:
        assert await cp.call(action, {"status": "Rebooting 🤖\x00"}) == {}
        (job,) = await rows(pool, "station_job")
        assert (job["status"], job["progress"]) == ("Rebooting 🤖\ufffd", "running")


async def test_a_strict_station_hears_that_its_status_is_none(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async with serving(database_url, tmp_path) as server:
        await pool.execute("update station set strict = true")
        async with ready(server) as cp:
            answer = await cp.call("FirmwareStatusNotification", {"status": "Rebooting"})

    assert (answer[0], answer[2]) == (4, "PropertyConstraintViolation")
    assert await rows(pool, "station_job") == []

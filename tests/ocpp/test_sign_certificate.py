"""SignCertificate on the wire: always a CALLRESULT, and the request is kept with its verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csms import say
from csms.say import Version
from db.rows import Pool
from tests.catalogue.marks import row
from tests.certificates import csr
from tests.wire import add_station, charger, csms

VERSIONS: list[Version] = ["1.6", "2.0.1", "2.1"]
BOOT_16 = {
    "chargePointVendor": "V",
    "chargePointModel": "M",
    "chargePointSerialNumber": "SN-1",
}
BOOT_2 = {
    "reason": "PowerUp",
    "chargingStation": {"vendorName": "V", "model": "M", "serialNumber": "SN-1"},
}


async def booted(station: Any, version: str) -> None:
    await station.call("BootNotification", BOOT_16 if version == "1.6" else BOOT_2)


def rejected(version: str, reason_code: str, info: str) -> Any:
    if version == "1.6":
        return {"status": "Rejected"}
    return {
        "status": "Rejected",
        "statusInfo": {"reasonCode": reason_code, "additionalInfo": info},
    }


async def kept(pool: Pool) -> list[dict[str, Any]]:
    return [dict(row) for row in await pool.fetch("select * from certificate_request order by id")]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_good_request_is_kept_as_good_and_nobody_signs_it_yet(
    database_url: str, pool: Pool, tmp_path: Path, version: Version
) -> None:
    await add_station(database_url, "CP-1")
    text = csr("SN-1")

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", version) as station,
    ):
        # Its serial number is known since this boot only.
        await booted(station, version)
        answer = await station.call("SignCertificate", {"csr": text})

    assert answer == rejected(
        version, "NotEnabled", "it is in order, but no certificates are signed here yet"
    )
    assert say.violation(version, "SignCertificate", answer, is_answer=True) is None
    (row,) = await kept(pool)
    assert (row["problem"], row["subject"], row["key"]) == (None, "CN=SN-1", "EC P-256")
    assert (row["kind"], row["csr"], row["times"]) == ("ChargingStationCertificate", text, 1)


# Reliability D-P50: a bad CSR, 1 MB of it, another's, a weak key.
BAD: dict[str, tuple[Callable[[], str], str]] = {
    "bad": (lambda: "x\x00<b>", "it is no certificate request in PEM that can be read"),
    "1 MB": (lambda: "A" * 1_000_000, "it is longer than 5,500 characters"),
    "another's": (lambda: csr("CP-2"), "it is for CP-2 (CN), and not for SN-1 or CP-1"),
    "weak": (
        lambda: csr("CP-1", kind="1024"),
        "its key is too weak: RSA of 1024 bits, not of 2048",
    ),
}


@row("D-P50")
@pytest.mark.parametrize("version", VERSIONS)
async def test_p50_bad_requests_are_rejected_and_kept_with_the_reason(
    database_url: str, pool: Pool, tmp_path: Path, version: Version
) -> None:
    await add_station(database_url, "CP-1")

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", version) as station,
    ):
        await booted(station, version)
        for make, problem in BAD.values():
            answer = await station.call("SignCertificate", {"csr": make()})

            assert answer == rejected(version, "InvalidCSR", problem)
            assert "currentTime" in await station.call("Heartbeat", {})

    rows = await kept(pool)
    assert [row["problem"] for row in rows] == [problem for _, problem in BAD.values()]
    assert max(len(row["csr"]) for row in rows) == 5_500


async def test_the_same_request_again_is_the_same_one_with_the_newest_verdict(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    asked = {"csr": csr("SN-1"), "requestId": 1}

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", "2.1") as station,
    ):
        await station.call(
            "BootNotification",
            {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
        )
        first = await station.call("SignCertificate", asked)
        await booted(station, "2.1")
        second = await station.call("SignCertificate", asked | {"requestId": 2})
        await station.call("SignCertificate", asked | {"certificateType": "V2GCertificate"})

    assert first["statusInfo"]["reasonCode"] == "InvalidCSR"
    assert second["statusInfo"]["reasonCode"] == "NotEnabled"
    again, other = await kept(pool)
    assert (again["times"], again["request_id"], again["problem"]) == (2, 2, None)
    assert again["last_at"] > again["first_at"]
    assert (other["times"], other["kind"]) == (1, "V2GCertificate")


async def test_the_operators_organization_is_asked_for_when_it_is_set(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    settings = {"certificate_organization": "Polaris"}

    async with (
        csms(database_url, tmp_path, **settings) as server,
        charger(server.url, "CP-1") as station,
    ):
        for organization in ("Polaris", "Evil"):
            text = csr("CP-1", organization=organization)
            await station.call("SignCertificate", {"csr": text})

    assert [row["problem"] for row in await kept(pool)] == [
        None,
        "its organization (O) is Evil, not Polaris",
    ]


async def test_in_strict_mode_the_schema_is_the_measure(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    await pool.execute("update station set strict = true")

    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as station:
        answer = await station.call("SignCertificate", {"csr": "A" * 5_501})

    assert answer[2] == "PropertyConstraintViolation"
    assert await kept(pool) == []

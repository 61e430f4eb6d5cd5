"""Reliability D-P01 to P10: boots, heartbeats and cards, as their rows say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalogue.marks import by_row, row
from tests.ocpp.payloads import ABSENT, BOOT, Change, Told, changed, check_both
from tests.ocpp.yard import (
    FAMILY_2,
    FORMAT,
    MISSING,
    OCCURRENCE,
    PROPERTY,
    TYPE,
    VERSIONS,
    Yard,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

VENDOR = {
    "1.6": "chargePointVendor",
    "2.0.1": "chargingStation.vendorName",
    "2.1": "chargingStation.vendorName",
}
SERIAL = {
    "1.6": "chargePointSerialNumber",
    "2.0.1": "chargingStation.serialNumber",
    "2.1": "chargingStation.serialNumber",
}
LONGEST_VENDOR = {"1.6": 20, "2.0.1": 50, "2.1": 50}


def boot(version: str, name: str, path: str, value: Any, strict: str | None) -> Told:
    payload = changed(BOOT[version], Change(path, value))
    return Told(f"{name} {version}", version, "BootNotification", payload, strict)


def card(version: str, name: str, token: Any, strict: str | None, **more: Any) -> Told:
    payload = {"idTag": token} if version == "1.6" else {"idToken": token | more}
    return Told(f"{name} {version}", version, "Authorize", payload, strict)


NO_TEXT: tuple[Any, ...] = (5, None, True, [])

# What is refused whatever the station is: with the code that a strict one hears too.
REFUSED = [
    *[Told(f"P01 {v}", v, "BootNotification", {}, MISSING) for v in VERSIONS],
    *[boot(v, "P01 no vendor", VENDOR[v], ABSENT, MISSING) for v in VERSIONS],
    *[boot(v, f"P03 {value!r}", VENDOR[v], value, TYPE) for v in VERSIONS for value in NO_TEXT],
    *[boot(v, "P05 no vendorId", "customData", {"a": 1}, OCCURRENCE) for v in FAMILY_2],
    *[boot(v, "P05 empty", "customData", {}, OCCURRENCE) for v in FAMILY_2],
    *[Told(f"P08 {v}", v, "Authorize", {}, MISSING) for v in VERSIONS],
    *[card(v, "P08 no uid", {"type": "Central"}, OCCURRENCE) for v in FAMILY_2],
    card("2.0.1", "P10 type", {"idToken": "A", "type": "Tattoo"}, PROPERTY),
]

# What only a strict station is refused for.
LENIENT = [
    *[
        boot(v, "P02 too long", VENDOR[v], "V" * (LONGEST_VENDOR[v] + 1), PROPERTY)
        for v in VERSIONS
    ],
    *[boot(v, "P04 unknown field", "colour", "red", FORMAT) for v in VERSIONS],
    *[Told(f"P07 {v}", v, "Heartbeat", {"a": 1}, FORMAT) for v in VERSIONS],
    *[
        card(v, "P10 no info", {"idToken": "A", "type": "Central"}, OCCURRENCE, additionalInfo=[])
        for v in FAMILY_2
    ],
]

# What is right.
ACCEPTED = [
    *[boot(v, "P03 empty", VENDOR[v], "", None) for v in VERSIONS],
    *[boot(v, "P05 vendorId", "customData", {"vendorId": "x", "a": 1}, None) for v in FAMILY_2],
    # 2.1 leaves the types open.
    card("2.1", "P10 type", {"idToken": "A", "type": "Tattoo"}, None),
]


@pytest.mark.parametrize("told", by_row(REFUSED))
async def test_what_has_no_sense_is_refused(yard: Yard, told: Told) -> None:
    await check_both(yard, told, told.strict)


@pytest.mark.parametrize("told", by_row(LENIENT + ACCEPTED))
async def test_what_is_only_odd_is_accepted_unless_the_station_is_strict(
    yard: Yard, told: Told
) -> None:
    await check_both(yard, told, None)


@row("D-P02")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_vendor_of_a_thousand_letters_is_cut(yard: Yard, version: str) -> None:
    said = changed(BOOT[version], Change(VENDOR[version], "V" * 1_000))
    async with yard.station(version) as cp:
        assert (await cp.says("BootNotification", said))[2]["status"] == "Accepted"
        assert (await cp.station())["vendor"] == "V" * 255


@row("D-P01")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_boot_that_says_nothing_changes_nothing(yard: Yard, version: str) -> None:
    async with yard.station(version) as cp:
        before = await cp.station()
        assert (await cp.says("BootNotification", {}))[0] == 4
        after = await cp.station()

    assert {key: after[key] for key in ("vendor", "model", "booted_at")} == {
        key: before[key] for key in ("vendor", "model", "booted_at")
    }


@row("D-P06")
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202egpj.exe", "\u202egpj.exe"),
    ],
    ids=["NUL", "markup", "right to left"],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_hostile_serial_number_is_kept_as_text(
    yard: Yard, version: str, said: str, kept: str
) -> None:
    boot = changed(BOOT[version], Change(SERIAL[version], said))
    async with yard.station(version) as cp:
        assert (await cp.says("BootNotification", boot))[2]["status"] == "Accepted"
        assert (await cp.station())["serial_number"] == kept


CARDS = [
    ("too long", "A" * 37, None),
    ("255 letters", "A" * 255, None),
    ("empty", "", None),
    ("spaces alone", "   ", None),
    ("as registered", "Card-1", "Accepted"),
    ("upper case", "CARD-1", "Accepted"),
    ("lower case", "card-1", "Accepted"),
]


@row("D-P09")
@pytest.mark.parametrize(("name", "uid", "status"), CARDS, ids=[name for name, *_ in CARDS])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_card_is_answered_whatever_is_on_it(
    yard: Yard, version: str, name: str, uid: str, status: str | None
) -> None:
    await yard.pool.execute(
        """
        insert into id_token (uid, type, status) values ('Card-1', 'ISO14443', 'Accepted')
        on conflict do nothing
        """
    )
    said = {"idTag": uid} if version == "1.6" else {"idToken": {"idToken": uid, "type": "ISO14443"}}
    longest = 20 if version == "1.6" else 36 if version == "2.0.1" else 255
    async with yard.station(version) as cp:
        answer = (await cp.says("Authorize", said))[2]
    async with yard.station(version, strict=True) as cp:
        strict = await cp.says("Authorize", said)

    unknown = "Invalid" if version == "1.6" else "Unknown"
    info = answer["idTagInfo" if version == "1.6" else "idTokenInfo"]
    assert info["status"] == (status or unknown)
    if len(uid) > longest:
        assert strict[2] == PROPERTY
    else:
        assert strict[0] == 3

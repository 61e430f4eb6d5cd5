"""Reliability D-P20 to P26, P45: what a charger says about time, in a start of each version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.catalogue.marks import by_row, row
from tests.ocpp.payloads import Begun, Change, begun, check_begun
from tests.ocpp.yard import PROPERTY, VERSIONS, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

NINE = datetime(2026, 5, 1, 9, tzinfo=UTC)

# Row, the text, the moment that it names, flags of the session.
READ = [
    ("P20 no zone", "2026-05-01T09:00:00", NINE, "zone_missing"),
    ("P20 offset", "2026-05-01T11:00:00+02:00", NINE, ""),
    ("P20 nanoseconds", "2026-05-01T09:00:00.123456789Z", NINE.replace(microsecond=123456), ""),
    ("P20 lower case", "2026-05-01t09:00:00z", NINE, ""),
    ("P20 no seconds", "2026-05-01T09:00Z", NINE, ""),
    ("P22 second 60", "2026-05-01T08:59:60Z", NINE - timedelta(microseconds=1), ""),
    ("P26 spaces around", " 2026-05-01T09:00:00Z ", NINE, ""),
]

# Row, the text, and whether it names a moment at all: then only the clock is wrong.
UNUSED = [
    ("P21 date", "2024-01-01", False),
    ("P21 week", "2024-W01-1", False),
    ("P21 basic", "20240101T000000Z", False),
    ("P22 24:00", "2026-05-01T24:00:00Z", False),
    ("P22 30 February", "2026-02-30T09:00:00Z", False),
    ("P22 offset", "2026-05-01T09:00:00+99:99", False),
    ("P22 year 0", "0000-05-01T09:00:00Z", False),
    ("P23 nine digits", "222222017-10-27T19:10:11Z", False),
    ("P24 before year 1", "0001-01-01T00:00:00+14:00", False),
    ("P24 year 1", "0001-01-01T00:00:00-14:00", True),
    ("P24 after year 9999", "9999-12-31T23:59:59-14:00", False),
    ("P24 year 9999", "9999-12-31T23:59:59+14:00", True),
    ("P25 1970", "1970-01-01T00:00:00Z", True),
    ("P26 full-width", "２０２６-05-01T09:00:00Z", False),
    ("P26 spaces inside", "2026-05-01 T 09:00:00Z", False),
    ("P26 line feed", "2026-05-01T09:00:00Z\n", False),
    ("P26 empty", "", False),
]


def read() -> list[Begun]:
    return [
        begun(name, version, Change("timestamp", text), started_at=at, flags=flags)
        for name, text, at, flags in READ
        for version in VERSIONS
    ]


@pytest.mark.parametrize("case", by_row(read()))
async def test_a_time_is_read_however_it_is_written(yard: Yard, case: Begun) -> None:
    await check_begun(yard, case)


def unused() -> list[Begun]:
    out = []
    for name, text, is_moment in UNUSED:
        flag = "clock_unset" if is_moment else "clock_unreadable" if text else "clock_missing"
        strict = None if is_moment else PROPERTY
        out += [
            begun(name, v, Change("timestamp", text), strict=strict, is_kept=False, flags=flag)
            for v in VERSIONS
        ]
    return out


@pytest.mark.parametrize("case", by_row(unused()))
async def test_for_what_names_no_moment_the_receipt_counts_and_the_session_is_flagged(
    yard: Yard, case: Begun
) -> None:
    before = datetime.now(UTC)

    session = await check_begun(yard, case)

    assert session["started_at"] == session["start_received_at"]
    assert before <= session["started_at"] <= datetime.now(UTC)


@row("D-P45")
@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize(
    ("ahead", "flag"), [(timedelta(days=2), "clock_unset"), (timedelta(hours=2), "clock_ahead")]
)
@pytest.mark.parametrize("version", VERSIONS[1:])
async def test_an_offline_event_of_the_future_is_flagged(
    yard: Yard, version: str, ahead: timedelta, flag: str, is_strict: bool
) -> None:
    said = (datetime.now(UTC) + ahead).replace(microsecond=0)
    changes = Change("offline", True), Change("timestamp", said.isoformat())
    case = begun("P45", version, *changes)
    async with yard.station(version, strict=is_strict) as cp:
        assert (await cp.says("TransactionEvent", case.payload))[0] == 3
        session = await cp.session()

    assert flag in session["flags"]
    is_used = flag == "clock_ahead"
    assert session["started_at"] == (said if is_used else session["start_received_at"])

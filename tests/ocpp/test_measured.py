"""Which elements of a message become readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from csms.items import Measured
from csms.ocpp.measured import measured
from csms.ocpp.v16 import words
from db.model.readings import decode_samples

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
GOOD = {"timestamp": "2026-11-20T07:59:00Z", "sampledValue": [{"value": "1500"}]}


def read(elements: Any, *, says_kwh: bool = False, clock_offset_h: int = 0) -> list[Measured]:
    return measured(
        elements,
        words,
        evse=1,
        connector=1,
        transaction_id="7",
        received_at=NOW,
        says_kwh=says_kwh,
        clock_offset_h=clock_offset_h,
    )


@pytest.mark.parametrize(
    "empty",
    [
        None,
        "x",
        {},
        {"timestamp": "2026-11-20T07:58:00Z"},
        {"timestamp": "2026-11-20T07:58:00Z", "sampledValue": []},
        {"timestamp": "2026-11-20T07:58:00Z", "sampledValue": {}},
        {"timestamp": "2026-11-20T07:58:00Z", "sampledValue": [{}, None, {"unit": "Wh"}]},
    ],
)
def test_what_says_no_value_is_no_reading(empty: Any) -> None:
    (only,) = read([empty, GOOD, empty])

    assert [sample.value for sample in decode_samples(only.samples)] == [Decimal(1500)]


def test_a_value_without_a_time_is_a_reading_of_its_receipt() -> None:
    (only,) = read([{"sampledValue": [{"value": "1500"}]}])

    assert (only.at, only.flags) == (NOW, "clock_missing")


def test_the_switches_of_a_station_change_what_is_read_and_not_what_was_said() -> None:
    (plain,), (switched,) = read([GOOD]), read([GOOD], says_kwh=True, clock_offset_h=2)

    assert plain.at == NOW - timedelta(minutes=1)
    assert switched.at == plain.at - timedelta(hours=2)
    (as_it_is,), (as_kwh,) = decode_samples(plain.samples), decode_samples(switched.samples)
    assert (as_it_is.value, as_it_is.said) == (Decimal(1500), None)
    assert (as_kwh.value, as_kwh.said) == (Decimal(1_500_000), "1500")
    assert plain.said_at == switched.said_at == GOOD["timestamp"]


def test_the_fingerprint_of_a_reading_is_that_of_earlier_releases() -> None:
    """A queue may be said again to a newer release: it is no new reading."""
    (only,) = read([GOOD])

    assert only.fingerprint.hex() == "8170a00aedd58790b335846341a3a16e"

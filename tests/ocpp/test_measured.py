"""Which elements of a message become readings."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from csms.items import Measured
from csms.ocpp.measured import measured
from csms.ocpp.v16 import words

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
GOOD = {"timestamp": "2026-11-20T07:59:00Z", "sampledValue": [{"value": "1500"}]}


def read(elements: Any) -> list[Measured]:
    return measured(elements, words, evse=1, connector=1, transaction_id="7", received_at=NOW)


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

    assert [sample.value for sample in only.samples] == [Decimal(1500)]


def test_a_value_without_a_time_is_a_reading_of_its_receipt() -> None:
    (only,) = read([{"sampledValue": [{"value": "1500"}]}])

    assert (only.at, only.flags) == (NOW, "clock_missing")

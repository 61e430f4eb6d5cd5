"""Reliability D-P54, D-P55: null, {} and [] for nothing, and the wrong kind of whole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalogue.marks import by_row
from tests.ocpp.payloads import (
    BOOT,
    STATUS,
    TOKEN,
    Begun,
    Change,
    Told,
    begun,
    changed,
    check_begun,
    check_both,
    metered,
)
from tests.ocpp.yard import FAMILY_2, MISSING, OCCURRENCE, TYPE, VERSIONS, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_MODEM = Change("chargingStation.modem", {})
OPTIONAL = {"1.6": "firmwareVersion", "2.0.1": "customData", "2.1": "customData"}


def told(name: str, version: str, action: str, payload: dict[str, Any], strict: str | None) -> Told:
    return Told(f"{name} {version}", version, action, payload, strict)


ABSENT_THEN = [
    *[
        told("P54 null", v, "BootNotification", BOOT[v] | {OPTIONAL[v]: None}, TYPE)
        for v in VERSIONS
    ],
    told("P54 list", "1.6", "BootNotification", BOOT["1.6"] | {"iccid": []}, TYPE),
    *[
        told("P54 list", v, "Authorize", {"idToken": TOKEN | {"additionalInfo": []}}, OCCURRENCE)
        for v in FAMILY_2
    ],
    *[
        told("P54 object", v, "BootNotification", changed(BOOT[v], NO_MODEM), None)
        for v in FAMILY_2
    ],
]  # fmt: skip

REFUSED = [
    told("P54 object", "1.6", "BootNotification", BOOT["1.6"] | {"iccid": {}}, TYPE),
    *[told("P55 list", v, "Authorize", {"idToken": [TOKEN]}, TYPE) for v in FAMILY_2],
    told("P55 list", "1.6", "Authorize", {"idTag": ["A"]}, TYPE),
    *[
        told("P55 one", v, "Authorize", {"idToken": TOKEN | {"additionalInfo": TOKEN}}, TYPE)
        for v in FAMILY_2
    ],
    *[
        told("P55 list", v, "StatusNotification", STATUS[v] | {"connectorId": [1]}, TYPE)
        for v in VERSIONS
    ],
]

TX = [
    begun("P54 null", "1.6", Change("reservationId", None), strict=TYPE, evse=1),
    *[
        case
        for v in FAMILY_2
        for case in (
            begun("P54 null", v, Change("idToken", None), strict=TYPE, evse=1),
            begun("P54 list", v, Change("meterValue", []), strict=OCCURRENCE, evse=1),
            begun("P54 object", v, Change("evse", {}), strict=MISSING, evse=None),
            begun("P55 one", v, Change("meterValue", metered(v)[0]), strict=TYPE, evse=1),
            begun("P55 list", v, Change("idToken", [TOKEN]), strict=TYPE, id_token=None),
            begun("P55 list of info", v, Change("evse", [{"id": 1}]), strict=TYPE, evse=None),
        )
    ],
]


@pytest.mark.parametrize("case", by_row(ABSENT_THEN))
async def test_nothing_where_nothing_need_be_is_absent_unless_the_station_is_strict(
    yard: Yard, case: Told
) -> None:
    await check_both(yard, case, None)


@pytest.mark.parametrize("case", by_row(REFUSED))
async def test_the_wrong_kind_of_whole_is_refused(yard: Yard, case: Told) -> None:
    await check_both(yard, case, case.strict)


@pytest.mark.parametrize("case", by_row(TX))
async def test_of_a_transaction_it_is_kept_and_read_as_far_as_can_be(
    yard: Yard, case: Begun
) -> None:
    await check_begun(yard, case)

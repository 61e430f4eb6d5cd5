"""docs/strict.md: what a strict station is told where another one is answered (decision 11)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from db.model.stations import Registration
from tests.ocpp.payloads import ABSENT, AT, BOOT, EVENT, START, STATUS, Change, changed
from tests.ocpp.yard import FORMAT, MISSING, OCCURRENCE, PROPERTY, TYPE, VERSIONS, Yard, word

AS_IT_IS = Change("timestamp", AT)
DOCUMENT = Path(__file__).parents[2] / "docs" / "strict.md"
KEPT, FLAGGED = "answered; kept", "answered; its session is flagged"
READ_MILDLY = "answered, as if it were not there"
FRAME = "Frame"  # not the payload: 2.x has a code of its own for it
SECURITY = "SecurityError"


class Case(NamedTuple):
    """
    `start` spoils a start, or `other` is another message, by version; the frame is made of it.

    `lenient` and `strict` are the columns of the document.
    """

    said: str
    lenient: str
    strict: str
    start: dict[str, Change] | None = None
    other: dict[str, tuple[str, dict[str, Any]]] | None = None
    frame: str = '[2,"{id}","{action}",{payload}]'
    registration: Registration = "Accepted"


def both(of_16: Change, of_2: Change) -> dict[str, Change]:
    return {"1.6": of_16, "2.0.1": of_2, "2.1": of_2}


def alike(change: Change) -> dict[str, Change]:
    return both(change, change)


def boots(path_16: str, path_2: str, value: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    paths = {"1.6": path_16}
    return {
        version: (
            "BootNotification",
            changed(BOOT[version], Change(paths.get(version, path_2), value)),
        )
        for version in VERSIONS
    }


def firmware(status: str) -> dict[str, tuple[str, dict[str, Any]]]:
    return {v: ("FirmwareStatusNotification", {"status": status}) for v in VERSIONS}


def statuses(at: str) -> dict[str, tuple[str, dict[str, Any]]]:
    return {v: ("StatusNotification", STATUS[v] | {"timestamp": at}) for v in VERSIONS}


MODEL = "chargePointModel", "chargingStation.model"
CASES = [
    Case("a transaction message without a required field", KEPT, MISSING,
         both(Change("meterStart", ABSENT), Change("triggerReason", ABSENT))),
    Case("... with a value of another kind", KEPT, TYPE,
         both(Change("meterStart", "1000"), Change("seqNo", "0"))),
    Case("... with a word that the standard does not have", KEPT, PROPERTY,
         {v: Change("triggerReason", "Nonsense") for v in VERSIONS[1:]}),
    Case("... with a text that is too long", KEPT, PROPERTY,
         both(Change("idTag", "x" * 21), Change("transactionInfo.transactionId", "x" * 37))),
    Case("... with a field that the standard does not have", KEPT, FORMAT,
         alike(Change("vendorField", 1))),
    Case("... with a list that is empty", KEPT, OCCURRENCE,
         {v: Change("meterValue", []) for v in VERSIONS[1:]}),
    Case("... with a time that names no moment", FLAGGED, PROPERTY,
         alike(Change("timestamp", "yesterday"))),
    Case("... in a frame of five elements", KEPT, FRAME, alike(AS_IT_IS),
         frame='[2,"{id}","{action}",{payload},{{}}]'),
    Case("... under a message id of 37 to 255 characters", KEPT, FRAME,
         alike(AS_IT_IS),
         frame='[2,"{id}-and-thirty-seven-characters-at-the-least","{action}",{payload}]'),
    Case("... before the charger is accepted (2.0.1 and 2.1)", "answered; not billed", SECURITY,
         dict.fromkeys(VERSIONS[1:], AS_IT_IS),
         registration="Pending"),
    Case("another message with null in an optional field", READ_MILDLY, TYPE,
         other=boots("firmwareVersion", "chargingStation.firmwareVersion", None)),
    Case("... with a field that the standard does not have", READ_MILDLY, FORMAT,
         other=boots("vendorField", "chargingStation.vendorField", 1)),
    Case("... with a text that is too long, where that does no harm", "answered; as it was said",
         PROPERTY, other=boots(*MODEL, "x" * 60)),
    Case("... with a status that the standard does not have", "answered; as it was said", PROPERTY,
         other=firmware("Nonsense")),
    Case("... with a time that names no moment", "answered; the time of receipt", PROPERTY,
         other=statuses("yesterday")),
]  # fmt: skip


def told(case: Case, version: str) -> str:
    if case.strict == FRAME:
        return "FormationViolation" if version == "1.6" else "RpcFrameworkError"
    return case.strict if case.strict == SECURITY else word(version, case.strict)


def versions(case: Case) -> list[str]:
    return list(case.start or case.other or {})


def action_and_payload(case: Case, version: str) -> tuple[str, dict[str, Any]]:
    if case.other is not None:
        return case.other[version]
    assert case.start is not None
    action, whole = ("StartTransaction", START) if version == "1.6" else ("TransactionEvent", EVENT)
    return action, changed(whole, case.start[version])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("case", "version"),
    [
        pytest.param(case, version, id=f"{number} {case.said} {version}")
        for number, case in enumerate(CASES)
        for version in versions(case)
    ],
)
async def test_a_strict_station_is_told_what_another_one_is_not(
    yard: Yard, case: Case, version: str
) -> None:
    action, payload = action_and_payload(case, version)
    for is_strict in (False, True):
        async with yard.station(
            version,
            strict=is_strict,
            registration=case.registration,
            is_booted=case.registration == "Accepted",
        ) as cp:
            text = case.frame.format(id="m1", action=action, payload=json.dumps(payload))
            await cp.socket.send(text)
            answer = json.loads(await cp.socket.recv())
            kept, sessions = await cp.kept(), await cp.sessions()
        assert answer[1] == json.loads(text)[1]
        if is_strict:
            assert (answer[0], answer[2]) == (4, told(case, version)), answer
            assert (kept, sessions) == ([], [])
            continue
        assert answer[0] == 3, answer
        assert bool(kept) == (case.lenient == KEPT)
        assert len(sessions) == (case.start is not None)
        if case.lenient == FLAGGED:
            assert "clock_unreadable" in sessions[0]["flags"]


def test_the_document_has_a_row_for_each_and_no_other() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)[2:]

    assert rows == [(case.said, case.lenient, codes(case)) for case in CASES]


def codes(case: Case) -> str:
    """Of 1.6, and of 2.x where that is another."""
    different = dict.fromkeys(told(case, version) for version in versions(case))
    return " / ".join(different)

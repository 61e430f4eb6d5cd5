"""Reliability D-R01 to R37: every frame with the answer that its row names, on one open socket."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.wire import Charger, add_station, charger, csms

HEARTBEAT = '[2,"beat","Heartbeat",{}]'
BOOT_16 = {"chargePointVendor": "V", "chargePointModel": "M"}
BOOT_2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
LONG = "x" * 37

# What an unreadable frame is told, in 1.6 and in 2.x.
UNREADABLE = ("-1", "GenericError", "RpcFrameworkError")


def malformed(message_id: Any) -> tuple[Any, str, str]:
    return message_id, "FormationViolation", "RpcFrameworkError"


def format_violation(message_id: Any) -> tuple[Any, str, str]:
    return message_id, "FormationViolation", "FormatViolation"


def both(message_id: Any, code: str) -> tuple[Any, str, str]:
    return message_id, code, code


IGNORED = None
ANSWERED = "answered"
NOT_KNOWN = "NotImplemented"

# Row, frame, what is expected: None, "answered", or (id, code in 1.6, code in 2.x).
ROWS: list[tuple[str, str, Any]] = [
    ("R01", "not json", UNREADABLE),
    ("R02", '[2,"a","Heartbeat",{', UNREADABLE),
    *[("R03", text, UNREADABLE) for text in ("{}", '"x"', "5", "null", "true")],
    *[("R04", text, UNREADABLE) for text in ("[]", "[2]")],
    ("R05", HEARTBEAT + HEARTBEAT, UNREADABLE),
    ("R05", HEARTBEAT + "x", UNREADABLE),
    ("R05", "\ufeff" + HEARTBEAT, UNREADABLE),
    ("R05", "[2,'a','Heartbeat',{}]", UNREADABLE),
    ("R05", '[2,"a","Heartbeat",{}/**/]', UNREADABLE),
    ("R06", "\n  " + HEARTBEAT + " \r\n", ANSWERED),
    *[("R07", "[" * n + "]" * n, UNREADABLE) for n in (33, 1_000, 100_000)],
    ("R07", '[2,"a","Heartbeat",{"a":' + "[" * 50_000 + "]" * 50_000 + "}]", UNREADABLE),
    *[
        ("R08", f'[2,"a","Heartbeat",{{"a":{n}}}]', UNREADABLE)
        for n in ("NaN", "-Infinity", "1e999")
    ],
    ("R09", '[2,"beat","Heartbeat",{"a":1,"a":2}]', ANSWERED),  # decision 6: the last wins
    ("R10", '[2,"a","Heartbeat",{"a":"\\ud800"}]', UNREADABLE),
    ("R11", '[2,"a","Heartbeat",{"a":' + "9" * 5_000 + "}]", UNREADABLE),
    (
        "R12",
        '[2,"beat","Heartbeat",{' + ",".join(f'"k{n}":0' for n in range(80_000)) + "}]",
        ANSWERED,
    ),
    *[
        ("R13", f'[{kind},"a","Heartbeat",{{}}]', ("a", None, "MessageTypeNotSupported"))
        for kind in (1, 7, 0, -2, 99)
    ],
    ("R13", "[7,5]", ("-1", None, "MessageTypeNotSupported")),
    *[
        ("R14", f'[{kind},"a","Heartbeat",{{}}]', UNREADABLE)
        for kind in ('"2"', "2.0", "true", "null")
    ],
    ("R15", '[2,"a","Heartbeat"]', malformed("a")),
    ("R16", '[2,"a","Heartbeat",{},{}]', malformed("a")),
    *[("R17", f'[2,{x},"Heartbeat",{{}}]', malformed("-1")) for x in ("null", "{}", "[1]", "true")],
    ("R17", '[2,17,"Heartbeat",{}]', (17, ANSWERED, malformed("-1"))),
    ("R18", '[2,"","Heartbeat",{}]', malformed("-1")),
    ("R19", f'[2,"{"x" * 36}","Heartbeat",{{}}]', ANSWERED),
    ("R20", f'[2,"{LONG}","Heartbeat",{{}}]', malformed(LONG)),
    ("R20", f'[2,"{"x" * 256}","Heartbeat",{{}}]', malformed("-1")),
    *[
        ("R21", f'[2,{json.dumps(x)},"Heartbeat",{{}}]', ANSWERED)
        for x in ("\x01\x1f", "😀", '"\\', "\x00")
    ],
    *[("R22", f'[2,"a",{x},{{}}]', malformed("a")) for x in ("5", "null", '""', "[]")],
    ("R23", '[2,"a","Foo",{}]', both("a", NOT_KNOWN)),
    *[
        ("R24", f'[2,"a","{x}",{{}}]', both("a", NOT_KNOWN))
        for x in ("heartbeat", "HeartbeatRequest", "Heartbeat.req")
    ],
    ("R25", '[2,"a","Reset",{}]', both("a", "NotSupported")),
    ("R26", "", None),  # differs by version: below
    ("R27", '[2,"a","BootNotification-Signed",{}]', both("a", "NotSupported")),
    *[
        ("R28", f'[2,"a","{x}",{{}}]', both("a", NOT_KNOWN))
        for x in ("__class__", "../x", "A" * 10_000)
    ],
    ("R29", '[2,"beat","Heartbeat",null]', ANSWERED),
    *[("R30", f'[2,"a","Heartbeat",{x}]', format_violation("a")) for x in ("[]", '"x"', "5")],
    ("R31", '[2,"a","Heartbeat","{}"]', format_violation("a")),
    ("R32", '[3,"unknown",{}]', IGNORED),
    ("R33", '[3,"beat",{}]', IGNORED),
    *[("R34", text, IGNORED) for text in ('[3,"a"]', '[3,"a",null]', '[3,"a",{},{}]')],
    ("R35", '[3,"a",{"status":5}]', IGNORED),
    *[
        ("R36", text, IGNORED)
        for text in (
            '[4,"a"]',
            '[4,"a","Nonsense"]',
            '[4,"a","GenericError","x"]',
            '[4,"a","GenericError","x",null]',
            '[4,"a","GenericError","x",{},{}]',
        )
    ],
    ("R37", '[4,"-1","GenericError","",{}]', IGNORED),
]


def expected(version: str, row: str, text: str, told: Any) -> Any:
    """None, "answered", or (id, code) in a version."""
    if row == "R26":
        return None
    if told in (IGNORED, ANSWERED):
        return told
    message_id, code_16, code_2 = told
    code = code_16 if version == "1.6" else code_2
    if code == ANSWERED:
        return ANSWERED
    if isinstance(code, tuple):
        return code[0], code[2]
    if version == "2.1" and row == "R13" and text.startswith(("[5", "[6")):
        return None
    return None if code is None else (message_id, code)


async def answer_to(station: Charger, text: str) -> Any:
    """The frame that a text is answered with, or None when it is ignored."""
    await station.socket.send(text)
    await station.socket.send('[2,"probe","Heartbeat",{}]')
    first = json.loads(await station.socket.recv())
    if first[1] == "probe":
        return None
    last = json.loads(await station.socket.recv())
    # A bad frame is told so at once; the answers to CALLs keep their order.
    assert {first[1], last[1]} >= {"probe"}, (first, last)
    return first if last[1] == "probe" else last


def check(version: str, row: str, text: str, told: Any, answer: Any) -> None:
    want = expected(version, row, text, told)
    if want is None:
        assert answer is None, (row, answer)
    elif want == ANSWERED:
        assert answer is not None, row
        assert answer[0] == 3, (row, answer)
    else:
        assert answer is not None, row
        assert answer[:3] == [4, *want], (row, answer)
        assert len(answer) == 5
        assert len(answer[3]) <= 255
        assert answer[4] == {}


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_every_bad_frame_gets_the_answer_of_its_row_and_the_socket_stays_open(
    database_url: str, tmp_path: Path, version: str
) -> None:
    await add_station(database_url, "CP-1")

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", version) as station,
    ):
        await station.call("BootNotification", BOOT_16 if version == "1.6" else BOOT_2)
        for row, text, told in ROWS:
            if row != "R26":
                check(version, row, text, told, await answer_to(station, text))
        other = "TransactionEvent" if version == "1.6" else "StartTransaction"
        assert (await station.raw(f'[2,"a","{other}",{{}}]'))[:3] == [4, "a", NOT_KNOWN]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_thousand_bad_frames_in_any_order_leave_the_socket_open(
    database_url: str, tmp_path: Path, version: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rows = random.Random(seed).choices([row for row in ROWS if row[0] != "R26"], k=1_000)
    await add_station(database_url, "CP-1")

    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1", version) as station,
    ):
        await station.call("BootNotification", BOOT_16 if version == "1.6" else BOOT_2)
        for row, text, told in rows:
            check(version, row, text, told, await answer_to(station, text))

        assert "currentTime" in await station.call("Heartbeat", {})


async def test_a_number_as_message_id_comes_back_as_the_same_number_in_1_6(
    database_url: str, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")

    async with csms(database_url, tmp_path) as server, charger(server.url, "CP-1") as station:
        assert (await station.raw('[2,17,"Heartbeat",{}]'))[:2] == [3, 17]

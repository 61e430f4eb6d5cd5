"""Reliability D-R01 to R44: every frame with the answer that its row names, on one open socket."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from csms.ocpp import dispatch
from tests.catalogue.marks import row
from tests.ocpp.yard import FAMILY_2, FORMAT, VERSIONS, Yard, check_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEARTBEAT = '[2,"beat","Heartbeat",{}]'
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
    *[
        ("R26", f'[2,"a","{action}",{{}}]', ("a", code_16, code_2))
        for action, code_16, code_2 in (
            ("TransactionEvent", NOT_KNOWN, None),
            ("StartTransaction", None, NOT_KNOWN),
        )
    ],
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


def rows() -> list[Any]:
    """One parameter for each row, with all its frames."""
    return [
        pytest.param([case for case in ROWS if case[0] == name], id=name, marks=row(f"D-{name}"))
        for name in dict.fromkeys(case[0] for case in ROWS)
    ]


def expected(version: str, told: Any) -> Any:
    """None, "answered", or (id, code) in a version."""
    if told in (IGNORED, ANSWERED):
        return told
    message_id, code_16, code_2 = told
    code = code_16 if version == "1.6" else code_2
    if isinstance(code, tuple):
        return code[0], code[2]
    return code if code in (ANSWERED, None) else (message_id, code)


def check(version: str, name: str, told: Any, answer: Any) -> None:
    want = expected(version, told)
    if want is None:
        assert answer is None, (name, answer)
    elif want == ANSWERED:
        assert answer is not None, name
        assert answer[0] == 3, (name, answer)
    else:
        assert answer is not None, name
        assert answer[:3] == [4, *want], (name, answer)
        assert len(answer) == 5
        assert len(answer[3]) <= 255
        assert answer[4] == {}


@pytest.mark.parametrize("cases", rows())
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_bad_frame_gets_the_answer_of_its_row_and_the_socket_stays_open(
    yard: Yard, version: str, cases: list[tuple[str, str, Any]]
) -> None:
    async with yard.station(version) as cp:
        for name, text, told in cases:
            if name == "R26" and expected(version, told) is None:
                continue  # this version has that action
            check(version, name, told, await cp.answer_to(text))


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_thousand_bad_frames_in_any_order_leave_the_socket_open(
    yard: Yard, version: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    cases = random.Random(seed).choices([case for case in ROWS if case[0] != "R26"], k=1_000)

    async with yard.station(version) as cp:
        for name, text, told in cases:
            check(version, name, told, await cp.answer_to(text))


@row("D-R13")
async def test_what_2_1_added_to_the_message_types_is_never_answered(yard: Yard) -> None:
    """CALLRESULTERROR (5) and SEND (6); in 2.0.1 they are message types that nobody knows."""
    said = ['[5,"a","GenericError","",{}]', '[6,"a","Foo",{}]', '[6,"a"]', '[6,"","Foo",5]']
    async with yard.station("2.1") as cp:
        assert [await cp.answer_to(text) for text in said] == [None] * 4
    async with yard.station("2.0.1") as cp:
        answers = [await cp.answer_to(text) for text in said]
    assert [(a[1], a[2]) for a in answers[:3]] == [("a", "MessageTypeNotSupported")] * 3
    async with yard.station("1.6") as cp:
        assert [await cp.answer_to(text) for text in said] == [None] * 4


@row("D-R17")
async def test_a_number_as_message_id_comes_back_as_the_same_number_in_1_6(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        assert (await cp.answer_to('[2,17,"Heartbeat",{}]'))[:2] == [3, 17]


def values(number: int) -> str:
    """A payload of MeterValues in 1.6."""
    sampled = f'[{{"value":"{number}"}}]'
    element = f'{{"timestamp":"2026-05-01T09:00:00Z","sampledValue":{sampled}}}'
    return f'{{"connectorId":1,"meterValue":[{element}]}}'


CARD = {True: {"idTag": "A"}, False: {"idToken": {"idToken": "A", "type": "Local"}}}
EVENT = (
    '{"eventType":"Started","timestamp":"2026-05-01T09:00:00Z","triggerReason":"CablePluggedIn",'
    '"seqNo":0,"transactionInfo":{"transactionId":"tx-1"}}'
)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param('"a","{}",{},{{}}', id="five elements", marks=row("D-R16")),
        pytest.param(f'"{LONG}","{{}}",{{}}', id="long id", marks=row("D-R20")),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_transaction_message_in_an_odd_frame_is_kept_unless_the_station_is_strict(
    yard: Yard, version: str, frame: str
) -> None:
    said = ("MeterValues", values(1)) if version == "1.6" else ("TransactionEvent", EVENT)
    text = f"[2,{frame.format(*said)}]"

    async with yard.station(version) as cp:
        answer = await cp.answer_to(text)
        (kept,) = await cp.kept()
    async with yard.station(version, strict=True) as cp:
        refused = await cp.answer_to(text)
        assert await cp.kept() == []
        assert await cp.sessions() == []

    assert answer[0] == 3
    assert kept["body"].decode() == text
    assert refused[2] == ("FormationViolation" if version == "1.6" else "RpcFrameworkError")


@row("D-R08")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_number_that_json_has_not_makes_a_transaction_message_unreadable(
    yard: Yard, version: str
) -> None:
    action = "MeterValues" if version == "1.6" else "TransactionEvent"
    async with yard.station(version) as cp:
        answer = await cp.answer_to(f'[2,"a","{action}",{{"connectorId":NaN}}]')

    code = "GenericError" if version == "1.6" else "RpcFrameworkError"
    assert answer[:3] == [4, "-1", code]


@row("D-R09", "D-R12")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_strict_station_is_told_of_fields_that_nobody_knows(
    yard: Yard, version: str
) -> None:
    many = ",".join(f'"k{n}":0' for n in range(80_000))
    async with yard.station(version, strict=True) as cp:
        for payload in ('{"a":1,"a":2}', f"{{{many}}}"):
            check_refused(await cp.answer_to(f'[2,"a","Heartbeat",{payload}]'), version, FORMAT)


@row("D-R38")
async def test_the_same_call_twice_is_done_once_and_answered_twice_alike(yard: Yard) -> None:
    start = (
        '[2,"s","StartTransaction",{"connectorId":1,"idTag":"ADA-1","meterStart":1,'
        '"timestamp":"2026-05-01T09:00:00Z"}]'
    )
    async with yard.station("1.6") as cp:
        await cp.socket.send(start)
        await cp.socket.send(start)
        answers = [json.loads(await cp.socket.recv()) for _ in range(2)]
        session = await cp.session()

    assert answers[0] == answers[1]
    assert answers[0][2]["transactionId"] == session["id"]


@row("D-R39")
async def test_a_message_id_used_again_for_something_else_is_something_else(yard: Yard) -> None:
    async with yard.station("1.6") as cp:
        for number in (1, 2, 3):
            assert await cp.answer_to(f'[2,"same","MeterValues",{values(number)}]') == [
                3,
                "same",
                {},
            ]
        assert len(await cp.readings()) == 3


@row("D-R42")
@pytest.mark.parametrize("version", VERSIONS)
async def test_twenty_calls_at_once_are_answered_in_order(yard: Yard, version: str) -> None:
    async with yard.station(version) as cp:
        for number in range(20):
            action = "Authorize" if number % 3 == 0 else "Heartbeat"  # a slow one and quick ones
            said = (
                {"idTag": "A"}
                if version == "1.6"
                else {"idToken": {"idToken": "A", "type": "Local"}}
            )
            payload = json.dumps(said if action == "Authorize" else {})
            await cp.socket.send(f'[2,"m{number}","{action}",{payload}]')
        answered = [json.loads(await cp.socket.recv())[:2] for _ in range(20)]

    assert answered == [[3, f"m{number}"] for number in range(20)]


@row("D-R44")
@pytest.mark.parametrize("version", FAMILY_2)
async def test_what_a_charger_says_after_its_close_is_dropped(
    yard: Yard, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    answer = dispatch.Dispatch.answer

    def spy(self: Any, link: Any, said: Any, reply: Any) -> None:
        heard.append(said.frame.message_id)
        answer(self, link, said, reply)

    monkeypatch.setattr(dispatch.Dispatch, "answer", spy)
    async with yard.station(version, is_booted=False) as cp:
        await cp.says("Heartbeat", {})
        # A masked close frame of code 1000, and a masked message behind it in the same bytes.
        late = b'[2,"late","Heartbeat",{}]'
        close = b"\x88\x82\0\0\0\0" + (1000).to_bytes(2)
        cp.socket.transport.write(close + bytes([0x81, 0x80 | len(late)]) + bytes(4) + late)
        async with asyncio.timeout(20):
            await cp.socket.wait_closed()

    assert heard == ["said1"]
